import { expect, test } from 'vitest'
import { filenameOf, inputNameOf } from './input-name.ts'

const sha256 = '0123456789abcdef'.repeat(4)

test.each([
  [`${sha256}.png`, `comfyui-api/${sha256}.png`],
  [`${sha256}.mp4`, `comfyui-api/${sha256}.mp4`],
  [`${sha256}.glb`, `3d/comfyui-api/${sha256}.glb`],
  [`${sha256}.obj`, `3d/comfyui-api/${sha256}.obj`],
])('%s goes to ComfyUI as %s', (filename, name) => {
  expect(inputNameOf(filename)).toBe(name)
  expect(filenameOf(name)).toBe(filename)
})

test.each([
  '',
  `${sha256}.png`,
  `/${sha256}.png`,
  `other/${sha256}.png`,
  `comfyui-api/../${sha256}.png`,
  `comfyui-api/${sha256}`,
  `comfyui-api/${sha256}.PNG`,
  `comfyui-api/${sha256.toUpperCase()}.png`,
  `comfyui-api/${sha256.slice(1)}.png`,
  `comfyui-api/${sha256}.png\n`,
  `comfyui-api/${sha256}.glb`,
  `3d/comfyui-api/${sha256}.png`,
  `3d/../comfyui-api/${sha256}.png`,
])('%j names no input', (name) => {
  expect(filenameOf(name)).toBeUndefined()
})

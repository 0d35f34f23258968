import { expect, test } from 'vitest'
import { readNodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import { mayBeListed } from './listed-files.ts'

const load = { input: { required: { image: [['there.png'], { image_upload: true }] } }, output: ['IMAGE'] }
const isThere = mayBeListed(readNodeCatalogue({ LoadImage: load }, { source: 'test', comfyuiVersion: '0.33.0' }))

test('a name with its folder loses 8 characters at its end, as ComfyUI cuts it', () => {
  expect(isThere('there.png')).toBe(true)
  expect(isThere('there.png [input]')).toBe(true)
  expect(isThere('there.png[input]')).toBe(false)
  expect(isThere('there.pngx[input]')).toBe(true)
  expect(isThere('away.png [input]')).toBe(false)
})

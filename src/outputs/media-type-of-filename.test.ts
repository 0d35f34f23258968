import { describe, expect, test } from 'vitest'
import { mediaTypeOfFilename } from './media-type-of-filename.ts'

describe('mediaTypeOfFilename', () => {
  test.each([
    ['ComfyUI_00001_.png', 'image', 'image/png'],
    ['a.JPEG', 'image', 'image/jpeg'],
    ['a.gif', 'image', 'image/gif'],
    ['a.mp4', 'video', 'video/mp4'],
    ['a.webm', 'video', 'video/webm'],
    ['a.opus', 'audio', 'audio/ogg'],
    ['a.flac', 'audio', 'audio/flac'],
    ['a.weba', 'audio', 'audio/webm'],
    ['a.aiff', 'audio', 'audio/aiff'],
    ['a.mkv', 'video', 'video/x-matroska'],
    ['a.avif', 'image', 'image/avif'],
    ['a.yaml', 'text', 'application/yaml'],
    ['mesh.glb', '3d', 'model/gltf-binary'],
    ['a.ply', '3d', 'application/octet-stream'],
    ['a.latent', 'latent', 'application/octet-stream'],
    ['a.safetensors', 'file', 'application/octet-stream'],
    ['notes.md', 'text', 'text/plain; charset=utf-8'],
    ['a.json', 'text', 'application/json'],
  ])('knows %s as %s, %s', (filename, outputKind, contentType) => {
    expect(mediaTypeOfFilename(filename)).toEqual({ outputKind, contentType })
  })

  test.each([
    'a.svg',
    'a.html',
    'a.htm',
    'a.xhtml',
    'a.xml',
    'a.js',
    'a.ts',
    'a.mjs',
    'a.css',
    'a.pdf',
    'png',
    '.png',
    'a.',
    '',
    'a.constructor',
    'a.png.exe',
  ])('never lets a browser show %j', (filename) => {
    expect(mediaTypeOfFilename(filename)).toEqual({ outputKind: 'file', contentType: 'application/octet-stream' })
  })
})

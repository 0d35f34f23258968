import { deflateSync, gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { glbOf } from '../../../test/support/make-media.ts'
import { writeGlb, writePly } from '../../simulator/media/write-model.ts'
import { readerOfBytes } from './byte-reader.ts'
import { modelFormatOf } from './model-formats.ts'

const extensionOf = (bytes: Buffer | string) => modelFormatOf(readerOfBytes(Buffer.from(bytes)))?.extension

const triangle = 'v 0 0 0\nv 1 0 0\nv 0 1.5e-3 0\nf 1 2 3\n'
const binaryStl = (facets: number) => {
  const bytes = Buffer.alloc(84 + 50 * facets)
  bytes.writeUInt32LE(facets, 80)
  return bytes
}
const textStl = 'solid cube\n  facet normal 0 0 1\n    outer loop\n'
const plyHead = 'ply\nformat binary_little_endian 1.0\ncomment x\nelement vertex 1\nend_header\n'
const gltf = (members: object) => JSON.stringify({ scene: 0, ...members })
const longText = 'A'.repeat(300_000)

describe('a 3D model is told by its bytes', () => {
  test.each<[string, string, Buffer | string]>([
    ['glb', 'GLB', glbOf({})],
    ['glb', 'GLB of the simulator', writeGlb('x')],
    ['gltf', 'glTF', gltf({ asset: { version: '2.0' } })],
    ['gltf', 'glTF in lines', JSON.stringify({ asset: { generator: 'a "b" \\', version: '2.0' } }, undefined, 2)],
    ['gltf', 'glTF behind embedded data', gltf({ buffers: [{ uri: longText }], asset: { version: '2.0' } })],
    ['gltf', 'glTF before embedded data', gltf({ asset: { version: '2.0' }, images: [longText, longText] })],
    [
      'gltf',
      'glTF of many nodes',
      gltf({ nodes: Array.from({ length: 20_000 }, (_, mesh) => ({ mesh })), asset: { version: '2.0' } }),
    ],
    ['obj', 'OBJ', `# a comment\nmtllib a.mtl\no thing\n${triangle}`],
    ['obj', 'OBJ with Windows lines', triangle.replaceAll('\n', '\r\n')],
    ['obj', 'large OBJ', 'v 0 0 0\n'.repeat(20_000)],
    ['stl', 'binary STL', binaryStl(3)],
    [
      'stl',
      'binary STL that begins like text',
      Buffer.from(Buffer.concat([Buffer.from('solid'), binaryStl(2).subarray(5)])),
    ],
    ['stl', 'STL', textStl],
    ['fbx', 'binary FBX', 'Kaydara FBX Binary  \0\x1a\0'],
    ['fbx', 'FBX', '; FBX 7.3.0 project file\n'],
    ['ply', 'PLY', plyHead],
    ['ply', 'PLY of the simulator', writePly('x')],
    ['spz', 'SPZ', gzipSync(Buffer.concat([Buffer.from('NGSP'), Buffer.alloc(5000)]))],
    ['spz', 'SPZ in parts', 'NGSP\x04'],
  ])('%s: %s', (extension, _name, bytes) => {
    expect(extensionOf(bytes)).toBe(extension)
  })
})

test.each<[string, Buffer | string]>([
  ['nothing', ''],
  ['zeros', Buffer.alloc(84)],
  ['a GLB that is cut off', glbOf({}).subarray(0, -1)],
  ['a GLB of another version', Buffer.from('glTF\x09\0\0\0\x14\0\0\0\0\0\0\0JSON')],
  ['JSON', '{"prompt":{}}'],
  ['JSON with a text for an asset', '{"asset":"version"}'],
  ['an asset without a version', '{"asset":{"generator":"x"},"extras":{"version":"2.0"}}'],
  ['a version deeper in an asset', '{"asset":{"extras":{"asset":{"version":"2.0"}}}}'],
  ['a glTF that is cut off', gltf({ asset: { version: '2.0' } }).slice(0, -1)],
  ['a glTF with something behind it', `${gltf({ asset: { version: '2.0' } })}<script>`],
  ['a glTF that is deep', `{"asset":{"version":"2.0"},"a":${'['.repeat(100_000)}`],
  ['a glTF with an endless text', `{"asset":{"version":"2.0"},"a":"${longText}`],
  ['a text of points alone', 'v 0 0 0\n'],
  ['a text of shapes alone', 'f 1 2 3\n'],
  ['a script behind points', `${triangle}<script>alert(1)</script>\n`],
  ['lines without an end', 'v '.repeat(50_000)],
  ['very many empty lines', '\n'.repeat(100_000)],
  ['a STL with more facets than it has', binaryStl(3).subarray(0, -1)],
  ['a book about a solid', 'solid advice\nfor everybody'],
  ['a PLY without an end of its header', 'ply\nformat ascii 1.0\n'],
  ['a PLY of no format', 'ply\nend_header\n'],
  ['gzip of something else', gzipSync(Buffer.alloc(100_000))],
  ['gzip that is broken', Buffer.concat([Buffer.from('1f8b08', 'hex'), deflateSync('NGSP')])],
  ['a page', '<!doctype html><title>v 0 0 0</title>'],
])('is none: %s', (_name, bytes) => {
  expect(extensionOf(bytes)).toBeUndefined()
})

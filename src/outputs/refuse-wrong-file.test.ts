import { expect, test } from 'vitest'
import type { OutputKind } from './job-output.ts'
import { refuseWrongFile } from './refuse-wrong-file.ts'

const page = '\u00ef\u00bb\u00bf\n <!doctype HTML><p>'
const png = '\u0089PNG\r\n\u001a\n\u0000'

test.each<[string, OutputKind, string | undefined, string]>([
  ['a.png', 'image', 'text/html; charset=utf-8', page],
  ['a.png', 'image', undefined, page],
  ['a.glb', '3d', 'text/html', '<html lang="en">'],
  ['a.mp4', 'video', 'text/plain', 'no healthy upstream'],
  ['a.flac', 'audio', 'application/json', '{"error": "gone"}'],
  ['a.bin', 'file', 'application/octet-stream', '<HTML>'],
])('%s, %s, answered as %s with %j is refused', (filename, outputKind, contentType, head) => {
  const refuse = () => refuseWrongFile({ filename, outputKind }, contentType, Buffer.from(head, 'latin1'))
  expect(refuse).toThrow(expect.objectContaining({ name: 'ComfyuiError', reason: 'bad_answer' }))
})

test.each<[string, OutputKind, string | undefined, string]>([
  ['a.png', 'image', 'image/png', png],
  ['a.png', 'image', 'text/html', png],
  ['a.png', 'image', 'image/png', 'bytes of a test'],
  ['a.svg', 'image', 'text/plain', '<svg xmlns="http://www.w3.org/2000/svg">'],
  ['a.html', 'file', 'text/html', page],
  ['a.txt', 'text', 'text/html', page],
  ['a.obj', '3d', 'text/plain', 'v 1 0 0'],
  ['a.csv', 'file', 'text/plain', 'a;b'],
  ['a.bin', 'file', undefined, ''],
])('%s, %s, answered as %s with %j is taken', (filename, outputKind, contentType, head) => {
  refuseWrongFile({ filename, outputKind }, contentType, Buffer.from(head, 'latin1'))
})

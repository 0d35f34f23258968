import { expect, test } from 'vitest'
import { previewFrame, previewFrameWithMetadata, textFrame } from './binary-frames.ts'

const image = Buffer.from([0xff, 0xd8, 1, 2])

test('a preview begins with its type and format', () => {
  expect(previewFrame('image/jpeg', image)).toEqual(Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, ...image]))
  expect(previewFrame('image/png', image).readUInt32BE(4)).toBe(2)
})

test('a preview with metadata has a JSON header that names node and prompt', () => {
  const frame = previewFrameWithMetadata({ nodeId: '3', promptId: 'p' }, 'image/png', image)
  const length = frame.readUInt32BE(4)
  expect(frame.readUInt32BE(0)).toBe(4)
  expect(JSON.parse(frame.toString('utf8', 8, 8 + length))).toEqual({
    node_id: '3',
    prompt_id: 'p',
    display_node_id: '3',
    parent_node_id: null,
    real_node_id: '3',
    image_type: 'image/png',
  })
  expect(frame.subarray(8 + length)).toEqual(image)
})

test('a text names its node', () => {
  const frame = textFrame('12', 'größe')
  expect([frame.readUInt32BE(0), frame.readUInt32BE(4)]).toEqual([3, 2])
  expect(frame.toString('utf8', 8)).toBe('12größe')
})

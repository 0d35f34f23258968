import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBinaryFrame, decodeTextFrame, parseProgressState, readQueueRemaining } from './decode-frame.ts'

const id = '0b9c1c1e-6a0e-4a51-9f0e-3f6f4f6f9c11'

/** Writes JSON with the blanks that Python puts. */
function python(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value).replaceAll('":', '": ').replaceAll(',"', ', "'))
}

const progressState = {
  type: 'progress_state',
  data: { prompt_id: id, nodes: { '3': { value: 7, max: 20, state: 'running', node_id: '3', display_node_id: '3' } } },
}

test('reads the prompt of a progress_state frame without parsing it, and its nodes on demand', () => {
  const event = decodeTextFrame(python(progressState))
  expect(event).toMatchObject({ type: 'progress_state', promptId: id })
  expect(parseProgressState(python(progressState))).toEqual([{ nodeId: '3', value: 7, max: 20, state: 'running' }])
})

test('understands a progress_state frame that is written in another way', () => {
  const spaced = Buffer.from(JSON.stringify(progressState, undefined, 2))
  expect(decodeTextFrame(spaced)).toMatchObject({ type: 'progress_state', promptId: id })
  const reordered = Buffer.from(
    JSON.stringify({ data: { nodes: {}, prompt_id: 'not-a-uuid' }, type: 'progress_state' }),
  )
  expect(decodeTextFrame(reordered)).toMatchObject({ type: 'progress_state', promptId: 'not-a-uuid' })
})

test.each([
  [
    { type: 'execution_start', data: { prompt_id: id, timestamp: 5 } },
    { type: 'execution_start', promptId: id },
  ],
  [
    { type: 'execution_cached', data: { nodes: ['4'], prompt_id: id } },
    { type: 'execution_cached', promptId: id, nodes: ['4'] },
  ],
  [
    { type: 'executing', data: { node: '3', display_node: '3', prompt_id: id } },
    { type: 'executing', promptId: id, node: '3' },
  ],
  [
    { type: 'executing', data: { node: null, prompt_id: id } },
    { type: 'executing', promptId: id, node: null },
  ],
  [
    { type: 'executing', data: { node: '3' } },
    { type: 'executing', promptId: undefined, node: '3' },
  ],
  [
    { type: 'executed', data: { node: '9', output: null, prompt_id: id } },
    { type: 'executed', promptId: id, node: '9', output: undefined },
  ],
  [
    { type: 'execution_success', data: { prompt_id: id, timestamp: 6 } },
    { type: 'execution_success', promptId: id },
  ],
  [
    { type: 'execution_interrupted', data: { prompt_id: id, node_id: '3' } },
    { type: 'execution_interrupted', promptId: id },
  ],
  [
    { type: 'progress', data: { value: 1, max: 4, prompt_id: id, node: '3' } },
    { type: 'progress', promptId: id, node: '3', value: 1, max: 4 },
  ],
])('decodes %j', (message, event) => {
  expect(decodeTextFrame(python(message))).toEqual(event)
  expect(decodeTextFrame(Buffer.from(JSON.stringify(message)))).toEqual(event)
})

test('reads the length of the queue off a status frame', () => {
  const frame = python({ type: 'status', data: { status: { exec_info: { queue_remaining: 3 } } } })
  expect(decodeTextFrame(frame)).toEqual({ type: 'status', bytes: frame })
  expect(readQueueRemaining(frame)).toBe(3)
  expect(readQueueRemaining(Buffer.from('{"type": "status", "data": {}}'))).toBeUndefined()
})

test('accepts the NaN that Python writes into outputs', () => {
  const frame = Buffer.from(
    `{"type": "executed", "data": {"node": "1", "output": {"text": [NaN]}, "prompt_id": "${id}"}}`,
  )
  expect(decodeTextFrame(frame)).toMatchObject({ type: 'executed', node: '1' })
})

test('leaves progress frames out where progress_state says the same', () => {
  const frame = python({ type: 'progress', data: { value: 1, max: 4, prompt_id: id, node: '3' } })
  expect(decodeTextFrame(frame, { skipProgress: true })).toBeUndefined()
})

test('ignores unknown types and messages of another shape', () => {
  expect(decodeTextFrame(python({ type: 'crystools.monitor', data: {} }))).toBeUndefined()
  expect(decodeTextFrame(python({ type: 'executed', data: { node: 3 } }))).toBeUndefined()
})

test('never throws, whatever a frame holds', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const buffer = Buffer.from(bytes)
      decodeTextFrame(buffer)
      decodeTextFrame(Buffer.concat([Buffer.from('{"type": "progress_state", "data": {"prompt_id": "'), buffer]))
      decodeBinaryFrame(buffer)
      decodeBinaryFrame(Buffer.concat([Buffer.from([0, 0, 0, 4]), buffer]))
      parseProgressState(buffer)
    }),
  )
})

const jpeg = fc.uint8Array({ maxLength: 300 }).map((tail) => Buffer.from([0xff, 0xd8, 0xff, ...tail]))

test('gives back the picture of any preview frame, with or without metadata', () => {
  fc.assert(
    fc.property(jpeg, fc.uuid(), fc.string({ minLength: 1, maxLength: 20 }), (image, promptId, nodeId) => {
      const metadata = Buffer.from(JSON.stringify({ prompt_id: promptId, node_id: nodeId, image_type: 'image/jpeg' }))
      const head = Buffer.alloc(8)
      head.writeUInt32BE(4, 0)
      head.writeUInt32BE(metadata.length, 4)
      expect(decodeBinaryFrame(Buffer.concat([head, metadata, image]))).toEqual({
        type: 'preview',
        promptId,
        nodeId,
        contentType: 'image/jpeg',
        image,
      })
      const plain = decodeBinaryFrame(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 1]), image]))
      expect(plain).toEqual({
        type: 'preview',
        promptId: undefined,
        nodeId: undefined,
        contentType: 'image/jpeg',
        image,
      })
    }),
  )
})

test('finds the picture behind the header that a node pack puts before it', () => {
  const image = Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3])
  const frame = Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 2]), Buffer.from('0000000000000012'), image])
  expect(decodeBinaryFrame(frame)).toMatchObject({ contentType: 'image/png', image })
})

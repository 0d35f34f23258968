import { expect, test } from 'vitest'
import { readEnding } from './look-up.ts'

const outputs = { '9': { images: [{ filename: 'a.png' }] } }
const start: [string, unknown] = ['execution_start', { prompt_id: 'p', timestamp: 1000 }]

test('a prompt that ended well has its outputs and the time it ran', () => {
  const messages: [string, unknown][] = [start, ['execution_success', { prompt_id: 'p', timestamp: 3500 }]]
  expect(readEnding(outputs, { status_str: 'success', completed: true, messages })).toEqual({
    outcome: 'success',
    outputs,
    ranMs: 2500,
  })
})

test.each([null, undefined, { messages: [] }, { messages: [start] }])(
  'status %j: ended well, for how long is unknown',
  (status) => {
    expect(readEnding(outputs, status)).toEqual({ outcome: 'success', outputs, ranMs: undefined })
  },
)

test('the messages decide over the status text', () => {
  const failure = { prompt_id: 'p', node_id: '3', exception_message: 'Dependency cycle detected' }
  const messages: [string, unknown][] = [start, ['execution_error', failure]]
  expect(readEnding({}, { status_str: 'success', messages })).toEqual({ outcome: 'error', error: failure })
})

test('an interruption is none of the errors', () => {
  const messages: [string, unknown][] = [start, ['execution_interrupted', { prompt_id: 'p', node_id: '3' }]]
  expect(readEnding({}, { status_str: 'error', messages })).toEqual({ outcome: 'interrupted' })
})

test.each([
  { status_str: 'error', messages: [] },
  { status_str: 'error', messages: [['execution_error', 'nonsense'] satisfies [string, unknown]] },
])('a failure without a readable reason is a failure', (status) => {
  expect(readEnding({}, status)).toEqual({ outcome: 'error', error: {} })
})

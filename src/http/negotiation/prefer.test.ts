import { expect, test } from 'vitest'
import { parsePrefer } from './prefer.ts'

test.each([
  [undefined, false, undefined],
  ['respond-async', true, undefined],
  ['Respond-Async', true, undefined],
  ['wait=10', false, 10],
  ['wait = 10', false, 10],
  ['wait="10"', false, 10],
  ['respond-async, wait=10', true, 10],
  ['wait=10, wait=20', false, 10],
  ['wait=100000', false, 600],
  ['wait=-1', false, undefined],
  ['wait=1.5', false, undefined],
  ['wait', false, undefined],
  ['respond-async; foo=bar, handling=lenient', true, undefined],
  ['respond-asynchronously', false, undefined],
])('Prefer: %s', (header, respondAsync, waitSeconds) => {
  expect(parsePrefer(header)).toEqual({ respondAsync, waitSeconds })
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { watchReader } from './reader-pace.ts'

const periodMs = 300_000
const leastBytes = 16 * 1024 * 300

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** How long a reader stays, of an hour, who takes so much in each period. */
function stayOf(bytesPerPeriod: number, isBehind: (second: number) => boolean): number | undefined {
  const reader = { sentBytes: 0, isBehind: false }
  let droppedAt: number | undefined
  let second = 0
  const stop = watchReader(reader, periodMs, () => (droppedAt = second))
  for (second = 1; second <= 3600 && droppedAt === undefined; second += 1) {
    reader.isBehind = isBehind(second)
    vi.advanceTimersByTime(1000)
    reader.sentBytes += bytesPerPeriod / 300
  }
  stop()
  expect(vi.getTimerCount()).toBe(0)
  return droppedAt
}

test('one who takes a little now and then is dropped after a period', () => {
  expect(stayOf(1000, () => true)).toBe(300)
})

test('one on a slow line may stay', () => {
  expect(stayOf(leastBytes * 1.1, () => true)).toBeUndefined()
})

test('one who takes all there is may stay, however little that is', () => {
  expect(stayOf(1000, (second) => second % 200 > 50)).toBeUndefined()
})

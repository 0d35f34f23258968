import { isDeepStrictEqual } from 'node:util'

/** A choice between two is missed once in a thousand times. */
const readCount = 11
const maxAgeMs = 60_000

/** Whether a default is another one for each request: drawn at random, or the time. Such a value says nothing to others. */
export function isRandomDefault(read: () => unknown): boolean {
  const first = read()
  if (tellsTheTime(first)) return true
  for (let count = 1; count < readCount; count += 1) if (!isDeepStrictEqual(read(), first)) return true
  return false
}

/** Two readings of a clock are mostly equal. */
function tellsTheTime(value: unknown): boolean {
  const nowMs = Date.now()
  const timesMs =
    typeof value === 'number' ? [value, value * 1000] : typeof value === 'string' ? [Date.parse(value)] : []
  return timesMs.some((timeMs) => Math.abs(nowMs - timeMs) < maxAgeMs)
}

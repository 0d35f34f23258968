import { setTimeout as pause } from 'node:timers/promises'

/** A wait that took too long: something hangs. */
export class Overdue extends Error {
  override readonly name = 'Overdue'
}

/** The promise, or Overdue. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const stop = new AbortController()
  const late = pause(ms, undefined, { signal: stop.signal }).then(() => {
    throw new Overdue(`${what} took longer than ${ms / 1000} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    stop.abort()
    await late.catch(() => {})
  }
}

const pollMs = 10

/** Resolves when `isSo`. @throws Overdue */
export async function until(ms: number, what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const endsAtMs = Date.now() + ms
  while (!(await isSo())) {
    if (Date.now() > endsAtMs) throw new Overdue(`${what} did not come within ${ms / 1000} s`)
    await pause(pollMs)
  }
}

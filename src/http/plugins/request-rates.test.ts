import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRequestRates } from './request-rates.ts'

const start = 1_700_000_000_000

function ratesWithClock(requests: number, windowSeconds: number) {
  const clock = { nowMs: start }
  return { clock, rates: createRequestRates({ requests, windowSeconds }, () => clock.nowMs) }
}

describe('the requests of a caller', () => {
  test('are allowed until the quota is used up, each telling what is left', () => {
    const { rates } = ratesWithClock(3, 60)
    expect([1, 2, 3, 4].map(() => rates.take('a'))).toEqual([
      { isAllowed: true, remaining: 2, resetSeconds: 20, retryAfterSeconds: 0 },
      { isAllowed: true, remaining: 1, resetSeconds: 40, retryAfterSeconds: 0 },
      { isAllowed: true, remaining: 0, resetSeconds: 60, retryAfterSeconds: 20 },
      { isAllowed: false, remaining: 0, resetSeconds: 60, retryAfterSeconds: 20 },
    ])
  })

  test('are allowed again after exactly the time that was told', () => {
    const { clock, rates } = ratesWithClock(2, 60)
    rates.take('a')
    rates.take('a')
    const { retryAfterSeconds } = rates.take('a')
    clock.nowMs += retryAfterSeconds * 1000 - 1
    expect(rates.take('a').isAllowed).toBe(false)
    clock.nowMs += 1
    expect(rates.take('a')).toMatchObject({ isAllowed: true, remaining: 0 })
  })

  test('do not count for another caller', () => {
    const { rates } = ratesWithClock(1, 60)
    rates.take('a')
    expect(rates.take('a').isAllowed).toBe(false)
    expect(rates.take('b').isAllowed).toBe(true)
  })

  test('wait no longer than a window when the clock is put back', () => {
    const { clock, rates } = ratesWithClock(1, 60)
    rates.take('a')
    clock.nowMs -= 3_600_000
    expect(rates.take('a')).toMatchObject({ isAllowed: false, retryAfterSeconds: 60 })
    clock.nowMs += 60_000
    expect(rates.take('a').isAllowed).toBe(true)
  })

  test('are never more in a window than the quota and what comes back meanwhile, and never fewer than the quota', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 50 }),
        fc.integer({ min: 1, max: 600 }),
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 200 }),
        (requests, windowSeconds, pausesMs) => {
          const { clock, rates } = ratesWithClock(requests, windowSeconds)
          const allowedAtMs: number[] = []
          for (const pauseMs of pausesMs) {
            clock.nowMs += pauseMs
            const { isAllowed, remaining, retryAfterSeconds } = rates.take('a')
            if (isAllowed) allowedAtMs.push(clock.nowMs)
            expect(remaining).toBeLessThan(requests)
            expect(remaining === 0).toBe(retryAfterSeconds > 0)
          }
          expect(allowedAtMs.length).toBeGreaterThanOrEqual(Math.min(requests, pausesMs.length))
          for (const [index, fromMs] of allowedAtMs.entries()) {
            for (const [count, toMs] of allowedAtMs.slice(index).entries()) {
              const comesBack = ((toMs - fromMs) * requests) / (windowSeconds * 1000)
              expect(count + 1).toBeLessThanOrEqual(requests + comesBack + 1e-6)
            }
          }
        },
      ),
    )
  })
})

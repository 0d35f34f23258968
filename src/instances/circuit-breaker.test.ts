import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CircuitBreaker } from './circuit-breaker.ts'

test('opens after five failures in a row, and lets one job try after thirty seconds', () => {
  const breaker = new CircuitBreaker()
  for (let count = 0; count < 4; count++) breaker.noteFailure(count)
  expect(breaker.state(4)).toBe('closed')
  breaker.noteFailure(5)
  expect(breaker.state(30_004)).toBe('open')
  expect(breaker.state(30_005)).toBe('half_open')
  breaker.noteSuccess(30_006)
  expect(breaker.state(30_007)).toBe('closed')
})

test('opens when half of the last minute failed, however often one went well between', () => {
  const breaker = new CircuitBreaker()
  for (let count = 0; count < 3; count++) {
    breaker.noteSuccess(count)
    breaker.noteFailure(count)
  }
  expect(breaker.state(10)).toBe('open')
})

test('forgets what is older than a minute', () => {
  const breaker = new CircuitBreaker()
  for (let count = 0; count < 4; count++) breaker.noteFailure(count)
  breaker.noteSuccess(100)
  breaker.noteFailure(100_000)
  expect(breaker.state(100_001)).toBe('closed')
})

test('stays open longer each time it opens again, up to five minutes', () => {
  const breaker = new CircuitBreaker()
  let nowMs = 0
  const openForMs: number[] = []
  for (let count = 0; count < 5; count++) breaker.noteFailure(nowMs)
  for (let round = 0; round < 12; round++) {
    const openedAtMs = nowMs
    while (breaker.state(nowMs) === 'open') nowMs += 1000
    openForMs.push(nowMs - openedAtMs)
    breaker.noteFailure(nowMs)
  }
  expect(openForMs.slice(0, 3)).toEqual([30_000, 60_000, 90_000])
  expect(openForMs.at(-1)).toBe(300_000)
})

test('is always asked again in the end, and closed by one success', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 120_000 }))), (notes) => {
      const breaker = new CircuitBreaker()
      let nowMs = 0
      for (const [failed, laterMs] of notes) {
        nowMs += laterMs
        if (failed) breaker.noteFailure(nowMs)
        else breaker.noteSuccess(nowMs)
      }
      expect(breaker.state(nowMs + 300_000)).not.toBe('open')
      breaker.noteSuccess(nowMs + 300_000)
      expect(breaker.state(nowMs + 300_000)).toBe('closed')
    }),
  )
})

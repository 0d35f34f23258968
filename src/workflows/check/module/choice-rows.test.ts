import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { choiceRows } from './choice-rows.ts'

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 9 })

test('any two values of different dimensions stand together in some row', () => {
  fc.assert(
    fc.property(sizes, fc.constantFrom(1000, Number.POSITIVE_INFINITY), (each, limit) => {
      const rows = choiceRows(each, limit)
      each.forEach((size, one) => {
        each.slice(one + 1).forEach((otherSize, offset) => {
          const pairs = new Set(rows.map((row) => `${row[one]},${row[one + 1 + offset]}`))
          expect(pairs.size).toBe(size * otherSize)
        })
      })
    }),
  )
})

test('any two values stand together too where two others at a time are too many', () => {
  const rows = choiceRows([10, 10, 10, 10], 300)
  for (const [one, other] of [
    [0, 1],
    [1, 3],
    [2, 3],
  ] as const) {
    expect(new Set(rows.map((row) => `${row[one]},${row[other]}`)).size).toBe(100)
  }
  expect(rows.length).toBeLessThan(200)
})

test('rows hold indexes of their dimensions, the first one all 0, no row twice, the same each time', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 200 }), (each, limit) => {
      const rows = choiceRows(each, limit)
      expect(rows.length).toBeLessThanOrEqual(limit)
      expect(rows[0]).toEqual(each.map(() => 0))
      for (const row of rows) expect(row.every((index, at) => index >= 0 && index < (each[at] ?? 0))).toBe(true)
      expect(new Set(rows.map((row) => row.join())).size).toBe(rows.length)
      expect(choiceRows(each, limit)).toEqual(rows)
    }),
  )
})

test('each value alone comes first', () => {
  expect(choiceRows([2, 3], 4)).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
    [0, 2],
  ])
})

test('few choices are tried in every combination, more of them two at a time', () => {
  expect(choiceRows([2, 2, 2, 2, 2, 2], 200)).toHaveLength(64)
  expect(
    choiceRows(
      Array.from({ length: 12 }, () => 2),
      200,
    ),
  ).toHaveLength(1 + 12 + 66)
  expect(choiceRows([], 10)).toEqual([[]])
})

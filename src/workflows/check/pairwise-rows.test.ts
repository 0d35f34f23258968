import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { pairwiseRows } from './pairwise-rows.ts'

const sizes = fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 9 })

test('any two values of different dimensions stand together in some row', () => {
  fc.assert(
    fc.property(sizes, (each) => {
      const rows = pairwiseRows(each, Number.POSITIVE_INFINITY)
      each.forEach((size, one) => {
        each.slice(one + 1).forEach((otherSize, offset) => {
          const pairs = new Set(rows.map((row) => `${row[one]},${row[one + 1 + offset]}`))
          expect(pairs.size).toBe(size * otherSize)
        })
      })
    }),
  )
})

test('rows hold indexes of their dimensions, the first one all 0, no row twice, the same each time', () => {
  fc.assert(
    fc.property(sizes, (each) => {
      const rows = pairwiseRows(each, Number.POSITIVE_INFINITY)
      expect(rows[0]).toEqual(each.map(() => 0))
      for (const row of rows) expect(row.every((index, at) => index >= 0 && index < (each[at] ?? 0))).toBe(true)
      expect(new Set(rows.map((row) => row.join())).size).toBe(rows.length)
      expect(pairwiseRows(each, Number.POSITIVE_INFINITY)).toEqual(rows)
    }),
  )
})

test('each value alone comes first', () => {
  expect(pairwiseRows([2, 3], 4)).toEqual([
    [0, 0],
    [1, 0],
    [0, 1],
    [0, 2],
  ])
})

test('keeps to the limit', () => {
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 40 }), (each, limit) => {
      expect(pairwiseRows(each, limit).length).toBeLessThanOrEqual(limit)
    }),
  )
})

test('needs far fewer rows than there are combinations', () => {
  expect(pairwiseRows([], 10)).toEqual([[]])
  expect(
    pairwiseRows(
      Array.from({ length: 12 }, () => 2),
      200,
    ).length,
  ).toBeLessThan(26)
  expect(pairwiseRows([10, 10, 10], 1000).length).toBeLessThan(180)
})

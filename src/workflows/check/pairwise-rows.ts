/**
 * Rows of value indexes, one index for each of the dimensions: first all 0, then each other value alone, then as few
 * more as a greedy search finds so that any two values of different dimensions stand together in some row. The same for
 * the same sizes; after `limit` rows the rest is left out. Where any value will do it is 0.
 */
export function pairwiseRows(sizes: readonly number[], limit: number): readonly (readonly number[])[] {
  const start = sizes.map(() => 0)
  const rows: number[][] = []
  const open = new Set<number>()
  const offsets: number[] = []
  let total = 0
  for (const size of sizes) {
    offsets.push(total)
    total += size
  }
  /** A value of a dimension as one number. */
  const valueOf = (dimension: number, index: number): number => (offsets[dimension] ?? 0) + index
  const pairOf = (a: number, b: number): number => (a < b ? a * total + b : b * total + a)

  for (let one = 0; one < sizes.length; one += 1) {
    for (let other = one + 1; other < sizes.length; other += 1) {
      for (let a = 0; a < (sizes[one] ?? 0); a += 1) {
        for (let b = 0; b < (sizes[other] ?? 0); b += 1) open.add(pairOf(valueOf(one, a), valueOf(other, b)))
      }
    }
  }

  const add = (row: number[]): void => {
    rows.push(row)
    row.forEach((a, one) => {
      for (let other = one + 1; other < row.length; other += 1) {
        open.delete(pairOf(valueOf(one, a), valueOf(other, row[other] ?? 0)))
      }
    })
  }

  add(start)
  sizes.forEach((size, dimension) => {
    for (let index = 1; index < size && rows.length < limit; index += 1) add(start.with(dimension, index))
  })
  while (rows.length < limit) {
    const [pair] = open
    if (pair === undefined) break
    const row = new Map([placeOf(Math.floor(pair / total)), placeOf(pair % total)])
    for (const [dimension, size] of sizes.entries()) {
      if (!row.has(dimension)) row.set(dimension, bestValue(dimension, size, row))
    }
    add(sizes.map((_size, dimension) => row.get(dimension) ?? 0))
  }
  return rows

  function placeOf(value: number): [dimension: number, index: number] {
    const dimension = offsets.findLastIndex((offset, each) => offset <= value && (sizes[each] ?? 0) > 0)
    return [dimension, value - (offsets[dimension] ?? 0)]
  }

  /** The one that makes the most new pairs with what stands in the row. */
  function bestValue(dimension: number, size: number, row: ReadonlyMap<number, number>): number {
    let best = { index: 0, pairs: -1 }
    for (let index = 0; index < size; index += 1) {
      let pairs = 0
      for (const [other, chosen] of row) {
        if (open.has(pairOf(valueOf(dimension, index), valueOf(other, chosen)))) pairs += 1
      }
      if (pairs > best.pairs) best = { index, pairs }
    }
    return best.index
  }
}

/** Up to here every combination is tried. */
const maxCombinations = 64

/**
 * Rows of value indexes, one index for each of the dimensions; 0 is the usual value of each. First all 0, then each other
 * value alone, then every combination where there are few. Where there are more, any two other values with the rest at 0,
 * and where even these are more than `limit`, rows of a greedy search in which any two values of different dimensions
 * stand together somewhere, as far as the limit goes. The same rows for the same sizes.
 */
export function choiceRows(sizes: readonly number[], limit: number): readonly (readonly number[])[] {
  const usual = sizes.map(() => 0)
  const alone = sizes.flatMap((size, dimension) => othersOf(size).map((index) => usual.with(dimension, index)))
  const first = [usual, ...alone].slice(0, limit)
  const combinations = sizes.reduce((product, size) => product * size, 1)
  if (combinations <= Math.min(maxCombinations, limit)) return withoutRepeats([...first, ...allRows(sizes)])
  const pairs = twoOthers(sizes)
  return first.length + pairs.length <= limit ? [...first, ...pairs] : coverPairs(sizes, first, limit)
}

function othersOf(size: number): readonly number[] {
  return Array.from({ length: size - 1 }, (_, index) => index + 1)
}

function allRows(sizes: readonly number[]): readonly (readonly number[])[] {
  return sizes.reduce<readonly (readonly number[])[]>(
    (rows, size) => rows.flatMap((row) => Array.from({ length: size }, (_, index) => [...row, index])),
    [[]],
  )
}

function withoutRepeats(rows: readonly (readonly number[])[]): readonly (readonly number[])[] {
  return [...new Map(rows.map((row) => [row.join(), row])).values()]
}

function twoOthers(sizes: readonly number[]): readonly (readonly number[])[] {
  const usual = sizes.map(() => 0)
  return sizes.flatMap((size, one) =>
    sizes
      .slice(one + 1)
      .flatMap((otherSize, offset) =>
        othersOf(size).flatMap((a) => othersOf(otherSize).map((b) => usual.with(one, a).with(one + 1 + offset, b))),
      ),
  )
}

/** Adds rows until any two values stand together, each row with as many new pairs as a greedy search finds. */
function coverPairs(
  sizes: readonly number[],
  first: readonly (readonly number[])[],
  limit: number,
): readonly (readonly number[])[] {
  const rows = [...first]
  const offsets: number[] = []
  let total = 0
  for (const size of sizes) {
    offsets.push(total)
    total += size
  }
  /** A value of a dimension as one number. */
  const valueOf = (dimension: number, index: number): number => (offsets[dimension] ?? 0) + index
  const pairOf = (a: number, b: number): number => (a < b ? a * total + b : b * total + a)
  const placeOf = (value: number): [dimension: number, index: number] => {
    const dimension = offsets.findLastIndex((offset) => offset <= value)
    return [dimension, value - (offsets[dimension] ?? 0)]
  }
  const pairsIn = (row: readonly number[]): readonly number[] =>
    row.flatMap((a, one) =>
      row.slice(one + 1).map((b, offset) => pairOf(valueOf(one, a), valueOf(one + 1 + offset, b))),
    )

  const open = new Set<number>()
  sizes.forEach((size, one) => {
    for (let other = one + 1; other < sizes.length; other += 1) {
      for (let a = 0; a < size; a += 1) {
        for (let b = 0; b < (sizes[other] ?? 0); b += 1) open.add(pairOf(valueOf(one, a), valueOf(other, b)))
      }
    }
  })
  for (const row of rows) for (const pair of pairsIn(row)) open.delete(pair)
  while (rows.length < limit) {
    const [pair] = open
    if (pair === undefined) break
    const chosen = new Map([placeOf(Math.floor(pair / total)), placeOf(pair % total)])
    for (const [dimension, size] of sizes.entries()) {
      if (!chosen.has(dimension)) chosen.set(dimension, bestValue(dimension, size, chosen))
    }
    const row = sizes.map((_size, dimension) => chosen.get(dimension) ?? 0)
    rows.push(row)
    for (const made of pairsIn(row)) open.delete(made)
  }
  return rows

  /** The one that makes the most new pairs with what stands in the row. */
  function bestValue(dimension: number, size: number, row: ReadonlyMap<number, number>): number {
    let best = { index: 0, pairs: -1 }
    for (let index = 0; index < size; index += 1) {
      let pairs = 0
      for (const [other, value] of row) {
        if (open.has(pairOf(valueOf(dimension, index), valueOf(other, value)))) pairs += 1
      }
      if (pairs > best.pairs) best = { index, pairs }
    }
    return best.index
  }
}

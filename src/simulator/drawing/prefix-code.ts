export interface PrefixCode {
  /** The symbols that occur, in order. */
  symbols: readonly number[]
  /** Symbol → length of its code in bits; 0 when it does not occur. */
  lengths: Uint8Array
  /** Symbol → its code, to be written with the lowest bit first. */
  codes: Uint16Array
}

interface Tree {
  count: number
  symbols: readonly number[]
}

/** A canonical prefix code for symbols that occur so often, with no code longer than `maxLength`. */
export function prefixCode(counts: Uint32Array, maxLength: number): PrefixCode {
  const symbols = [...counts.keys()].filter((symbol) => (counts[symbol] ?? 0) > 0)
  let lengths = codeLengths(counts, symbols)
  for (let flattened = counts; lengths.some((length) => length > maxLength);) {
    flattened = flattened.map((count) => (count === 0 ? 0 : (count >> 1) + 1))
    lengths = codeLengths(flattened, symbols)
  }
  return { symbols, lengths, codes: canonicalCodes(lengths, maxLength) }
}

/** Joins the two rarest trees until one is left; each time the codes in them become one bit longer. */
function codeLengths(counts: Uint32Array, symbols: readonly number[]): Uint8Array {
  const lengths = new Uint8Array(counts.length)
  if (symbols.length === 1) lengths[symbols[0] ?? 0] = 1
  const trees: Tree[] = symbols.map((symbol) => ({ count: counts[symbol] ?? 0, symbols: [symbol] }))
  trees.sort((a, b) => b.count - a.count)
  for (let a = trees.pop(), b = trees.pop(); a !== undefined && b !== undefined; a = trees.pop(), b = trees.pop()) {
    const joined: Tree = { count: a.count + b.count, symbols: [...a.symbols, ...b.symbols] }
    for (const symbol of joined.symbols) lengths[symbol] = (lengths[symbol] ?? 0) + 1
    let position = trees.length
    while (position > 0 && (trees[position - 1]?.count ?? 0) < joined.count) position -= 1
    trees.splice(position, 0, joined)
  }
  return lengths
}

function canonicalCodes(lengths: Uint8Array, maxLength: number): Uint16Array {
  const codes = new Uint16Array(lengths.length)
  let code = 0
  for (let length = 1; length <= maxLength; length += 1) {
    for (const [symbol, symbolLength] of lengths.entries()) {
      if (symbolLength !== length) continue
      codes[symbol] = reverseBits(code, length)
      code += 1
    }
    code <<= 1
  }
  return codes
}

function reverseBits(value: number, count: number): number {
  let reversed = 0
  for (let bit = 0; bit < count; bit += 1) reversed |= ((value >> bit) & 1) << (count - 1 - bit)
  return reversed
}

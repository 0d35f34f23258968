import { hash } from 'node:crypto'

/** Numbers from 0 to 1 (exclusive) that depend on the text only. */
export function createRandom(text: string): () => number {
  let state = Number.parseInt(hash('sha1', text).slice(0, 8), 16)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

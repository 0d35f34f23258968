import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base64Length, createBase64Encoder } from './encode-base64.ts'

function encodeAll(pieces: readonly Uint8Array[]): string[] {
  const encoder = createBase64Encoder()
  // As from a reader that uses its memory again.
  const memory = Buffer.alloc(Math.max(0, ...pieces.map(({ length }) => length)))
  const parts = pieces.flatMap((bytes) => {
    memory.set(bytes)
    return [...encoder.encode(memory.subarray(0, bytes.length))]
  })
  return [...parts, encoder.end()]
}

test('pieces of any size make the base64 of the whole', () => {
  const piece = fc.uint8Array({ maxLength: 20 })
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
      const whole = Buffer.concat(pieces)
      const text = encodeAll(pieces).join('')
      expect(text).toBe(whole.toString('base64'))
      expect(text).toHaveLength(base64Length(whole.length))
    }),
  )
})

test('a large piece is encoded in parts', () => {
  const bytes = Buffer.alloc(1_000_001, 'some bytes')
  const parts = encodeAll([bytes.subarray(0, 1), bytes.subarray(1)])
  expect(parts.join('')).toBe(bytes.toString('base64'))
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(64 * 1024)
})

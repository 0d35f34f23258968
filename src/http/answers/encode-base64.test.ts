import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base64Length, encodeBase64 } from './encode-base64.ts'

test('pieces of any size make the base64 of the whole', async () => {
  const piece = fc.uint8Array({ maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 20 }), async (pieces) => {
      const whole = Buffer.concat(pieces)
      const text = (await buffer(encodeBase64(Readable.from(pieces.map((bytes) => Buffer.from(bytes)))))).toString()
      expect(text).toBe(whole.toString('base64'))
      expect(text).toHaveLength(base64Length(whole.length))
    }),
  )
})

test('a large piece is encoded in parts, and as a whole', async () => {
  const bytes = Buffer.alloc(1_000_001, 'some bytes')
  const parts: Buffer[] = []
  for await (const part of encodeBase64(Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]))) parts.push(part)
  expect(Buffer.concat(parts).toString()).toBe(bytes.toString('base64'))
  expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(256 * 1024)
})

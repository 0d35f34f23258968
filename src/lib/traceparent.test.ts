import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTraceparent, traceIdOf, tracePlaceOf, writeTraceparent } from './traceparent.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const spanId = '00f067aa0ba902b7'

test.each([
  [`00-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01`],
  [`00-${traceId}-${spanId}-00`, `00-${traceId}-${spanId}-00`],
  [`00-${traceId}-${spanId}-03`, `00-${traceId}-${spanId}-01`],
  [`cc-${traceId}-${spanId}-01-what-comes-later`, `00-${traceId}-${spanId}-01`],
])('%s is read as %s', (sent, expected) => {
  expect(readTraceparent(sent)).toBe(expected)
})

test.each([
  '',
  `00-${traceId}-${spanId}`,
  `00-${traceId}-${spanId}-01-more`,
  `ff-${traceId}-${spanId}-01`,
  `00-${'0'.repeat(32)}-${spanId}-01`,
  `00-${traceId}-${'0'.repeat(16)}-01`,
  `00-${traceId.toUpperCase()}-${spanId}-01`,
  ` 00-${traceId}-${spanId}-01`,
  `00-${traceId}-${spanId}-01, 00-${traceId}-${spanId}-01`,
])('%j is as good as nothing', (sent) => {
  expect(readTraceparent(sent)).toBeUndefined()
})

test('what is written is read again, with the same parts', () => {
  const digits = (length: number) =>
    fc
      .string({
        unit: fc.constantFrom(...Array.from({ length: 16 }, (_, digit) => digit.toString(16))),
        minLength: length,
        maxLength: length,
      })
      .filter((text) => /[^0]/.test(text))
  fc.assert(
    fc.property(digits(32), digits(16), fc.boolean(), (trace, span, isSampled) => {
      const place = { traceId: trace, spanId: span, isSampled }
      const text = writeTraceparent(place)
      expect(readTraceparent(text)).toBe(text)
      expect(tracePlaceOf(text)).toEqual(place)
      expect(traceIdOf(text)).toBe(trace)
    }),
  )
})

test('any text is read or refused, and nothing longer is kept', () => {
  fc.assert(fc.property(fc.string(), (text) => (readTraceparent(text)?.length ?? 55) === 55))
})

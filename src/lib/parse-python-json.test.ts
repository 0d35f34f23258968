import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parsePythonJson } from './parse-python-json.ts'

type PythonValue = string | number | boolean | null | PythonValue[] | { [key: string]: PythonValue }

/** Writes a value the way `json.dumps` does. */
function dump(value: PythonValue): string {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0.0' : String(value)
  if (Array.isArray(value)) return `[${value.map(dump).join(', ')}]`
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, item]) => `${JSON.stringify(key)}: ${dump(item)}`)
      .join(', ')}}`
  }
  return JSON.stringify(value)
}

/** The same value with `null` for each number that JSON does not have. */
function withoutNonFinite(value: PythonValue): PythonValue {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (Array.isArray(value)) return value.map(withoutNonFinite)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutNonFinite(item)]))
  }
  return value
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(fc.constantFrom('NaN', 'Infinity', '-Infinity', '"', '\\', '\\"', '{', ',', ':'), { maxLength: 6 })
    .map((parts) => parts.join('')),
)
const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(NaN, Infinity, -Infinity))
const pythonValue = fc.letrec<{ value: PythonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.oneof(number, text, fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      text.filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 4, noNullPrototype: true },
    ),
  ),
})).value

describe('parsePythonJson', () => {
  test('reads whatever Python writes, non-finite numbers as null', () => {
    fc.assert(
      fc.property(pythonValue, (value) => {
        expect(parsePythonJson(dump(value))).toEqual(withoutNonFinite(value))
      }),
      { numRuns: 1000 },
    )
  })

  test('agrees with JSON.parse on every valid JSON text', () => {
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(parsePythonJson(json)).toEqual(JSON.parse(json))
      }),
    )
  })

  test('leaves the tokens inside of strings and keys alone', () => {
    expect(parsePythonJson('{"NaN": "a \\"NaN\\" b", "x": NaN, "\\\\": -Infinity}')).toEqual({
      NaN: 'a "NaN" b',
      x: null,
      '\\': null,
    })
  })

  test.each([
    '',
    '{',
    'nan',
    'NaNs',
    '-NaN',
    '1NaN',
    '--Infinity',
    '+Infinity',
    '[NaN',
    '{"a": NaN',
    '"NaN',
    'NaN NaN',
    '{NaN: 1}',
  ])('throws for %j, with the error for the text as it came', (broken) => {
    let expected: unknown
    try {
      JSON.parse(broken)
    } catch (error) {
      expected = error
    }
    expect(() => parsePythonJson(broken)).toThrow(SyntaxError)
    expect(() => parsePythonJson(broken)).toThrow(expected instanceof SyntaxError ? expected.message : 'none')
  })

  test('takes time in proportion to the length of the text', () => {
    const hostile = `[NaN, "${'\\"'.repeat(500_000)}", "${'\\\\'.repeat(500_000)}"]`
    const startedAtMs = performance.now()
    expect(parsePythonJson(hostile)).toHaveLength(3)
    expect(performance.now() - startedAtMs).toBeLessThan(2000)
  })
})

import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { parsePythonRequest, pythonJson, pythonRepr } from './python-json.ts'

test('writes as json.dumps does', () => {
  expect(pythonJson({ a: [1, 2.5, true, null], b: 'hé\n', c: {} })).toBe(
    '{"a": [1, 2.5, true, null], "b": "h\\u00e9\\n", "c": {}}',
  )
  expect(pythonJson([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])).toBe(
    '[NaN, Infinity, -Infinity]',
  )
  expect(pythonJson({ gone: undefined, max: 2 ** 64 })).toBe('{"max": 18446744073709551615}')
  expect(pythonJson('😀')).toBe('"\\ud83d\\ude00"')
})

test('what it writes parses to the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(JSON.parse(pythonJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
    }),
  )
})

test('reads large integers exactly and the tokens that are no JSON', () => {
  const seed = '18446744073709551615'
  expect(parsePythonRequest(`{"seed": ${seed}, "text": "${seed} NaN", "small": 12}`)).toEqual({
    seed: BigInt(seed),
    text: `${seed} NaN`,
    small: 12,
  })
  expect(parsePythonRequest('[NaN, -Infinity]')).toEqual([Number.NaN, Number.NEGATIVE_INFINITY])
  expect(pythonJson(parsePythonRequest(`[${seed}]`))).toBe(`[${seed}]`)
  expect(() => parsePythonRequest('{nope}')).toThrow(SyntaxError)
  expect(() => parsePythonRequest('')).toThrow(SyntaxError)
})

test('shows values as repr does', () => {
  expect(pythonRepr({ a: ['x', true, null, 1.5] })).toBe("{'a': ['x', True, None, 1.5]}")
})

import { expect, test } from 'vitest'
import { ConversionError, convertValue, isPythonEqual } from './convert-value.ts'

test.each<[type: string, value: unknown, converted: unknown]>([
  ['INT', 7.9, 7],
  ['INT', -7.9, -7],
  ['INT', ' 7 ', 7],
  ['INT', '1_0', 10],
  ['INT', true, 1],
  ['INT', '18446744073709551616', 18446744073709551616n],
  ['INT', '\u00a0-1\u0662\u{1d7d9}\u2003\x1c', -121],
  ['FLOAT', '1e2', 100],
  ['FLOAT', '\u0967.\u096b', 1.5],
  ['FLOAT', '-inf', Number.NEGATIVE_INFINITY],
  ['FLOAT', '.5', 0.5],
  ['FLOAT', 'nan', Number.NaN],
  ['STRING', null, 'None'],
  ['STRING', true, 'True'],
  ['BOOLEAN', 'false', true],
  ['BOOLEAN', '', false],
  ['BOOLEAN', {}, false],
  ['IMAGE', 'anything', 'anything'],
])('%s takes %o', (type, value, converted) => {
  expect(convertValue(type, value)).toEqual(converted)
})

test.each<[type: string, value: unknown]>([
  ['INT', null],
  ['INT', '7.0'],
  ['INT', '1e2'],
  ['INT', '0x10'],
  ['INT', ''],
  ['INT', '1 0'],
  ['INT', '\ufeff1'],
  ['INT', '\u00b2'],
  ['INT', Number.NaN],
  ['INT', {}],
  ['INT', '1'.repeat(4301)],
  ['FLOAT', ''],
  ['FLOAT', 'e5'],
  ['FLOAT', '.'],
  ['FLOAT', 'wide'],
  ['FLOAT', null],
])('%s refuses %o', (type, value) => {
  expect(() => convertValue(type, value)).toThrow(ConversionError)
})

test('compares as Python does', () => {
  expect(isPythonEqual(true, 1)).toBe(true)
  expect(isPythonEqual('1', 1)).toBe(false)
  expect(isPythonEqual([1, 'a'], [1, 'a'])).toBe(true)
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findJsonError } from './find-json-error.ts'

function parses(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

describe('findJsonError', () => {
  test.each([
    ['', 0],
    ['{', 1],
    ['{"a": tru}', 6],
    ["{'a': 1}", 1],
    ['{"a": 1,}', 8],
    ['[1 2]', 3],
    ['{"a" 1}', 5],
    ['{"a": "b\nc"}', 8],
    ['"\\x"', 2],
    ['{} {}', 3],
    ['01', 1],
    ['[1,', 3],
  ])('names where %j stops being JSON', (text, at) => {
    expect(findJsonError(text)).toBe(at)
  })

  test('finds an error exactly where JSON.parse finds one', () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom('', ',', '"', '}', ']', '{', '[', ':', '\\', '0', '-', 'e', '\n', 't'),
      )
      .map(([json, position, inserted]) => {
        const at = position % (json.length + 1)
        return json.slice(0, at) + inserted + json.slice(at + 1)
      })
    fc.assert(
      fc.property(fc.oneof(fc.json(), damaged, fc.string()), (text) => {
        expect(findJsonError(text) === undefined).toBe(parses(text))
      }),
      { numRuns: 2000 },
    )
  })

  test('copes with deep and long texts', () => {
    expect(findJsonError(`${'['.repeat(200_000)}x`)).toBe(200_000)
    expect(findJsonError(`"${'a'.repeat(5_000_000)}`)).toBe(5_000_001)
  })
})

import { expect, test } from 'vitest'
import { typesMatch } from './type-match.ts'

test.each<[received: unknown, wanted: unknown, matches: boolean]>([
  ['IMAGE', 'IMAGE', true],
  ['INT', 'FLOAT', false],
  ['IMAGE', 'IMAGE,MASK', true],
  ['MASK, IMAGE', 'LATENT,IMAGE', true],
  ['IMAGE', '*', true],
  ['*', 'IMAGE', true],
  ['STRING,*', 'IMAGE', true],
  ['COMFY_MATCHTYPE_V3', 'IMAGE', true],
  [['a', 'b'], 'COMBO', true],
  [['a', 'b'], ['a', 'b'], true],
  [['a', 'b'], ['a'], false],
  ['STRING', ['a', 'b'], false],
  ['*', ['a', 'b'], true],
])('%o into %o: %s', (received, wanted, matches) => {
  expect(typesMatch(received, wanted, true)).toBe(matches)
})

test('an older release has no rule for any type', () => {
  expect(typesMatch('IMAGE', '*', false)).toBe(false)
})

import { expect, test } from 'vitest'
import { promptRules } from './prompt-rules.ts'
import { linkType, typesMatch } from './type-match.ts'

const matches = (received: unknown, wanted: unknown, version: '0.33.0' | '0.3.64') =>
  typesMatch(linkType(received), linkType(wanted), promptRules(version))

test.each<[received: unknown, wanted: unknown, matches: boolean]>([
  ['IMAGE', 'IMAGE', true],
  ['INT', 'FLOAT', false],
  ['INT', 'FLOAT,INT', true],
  ['MESH, VOXEL', 'VOXEL', true],
  ['*', 'IMAGE', true],
  ['IMAGE', 'STRING,*', true],
  ['IMAGE', 'COMFY_MATCHTYPE_V3', true],
  [['a'], ['a'], true],
  [['a'], ['b'], false],
  [['a'], '*', true],
  [['a'], 'COMBO', true],
  [['a'], 'STRING', false],
  [['a'], 'STRING,*', false],
  ['STRING', ['a'], false],
  ['*', ['a'], true],
  ['COMBO', ['a'], false],
])('%o into %o', (received, wanted, expected) => {
  expect(matches(received, wanted, '0.33.0')).toBe(expected)
})

test('an older release has no rule for unions with any type, match types and lists of choices', () => {
  expect(matches('IMAGE', 'STRING,*', '0.3.64')).toBe(false)
  expect(matches('IMAGE', 'COMFY_MATCHTYPE_V3', '0.3.64')).toBe(false)
  expect(matches(['a'], 'COMBO', '0.3.64')).toBe(false)
  expect(matches('INT', 'INT,FLOAT', '0.3.64')).toBe(true)
})

test('classes that take anything bring their own rule, which an older release asks', () => {
  expect(matches('IMAGE', '*', '0.3.64')).toBe(true)
})

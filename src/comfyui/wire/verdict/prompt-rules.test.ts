import { expect, test } from 'vitest'
import { promptRules, rulesOfObjectInfo, rulesOfVersion, type PromptRules } from './prompt-rules.ts'

const ruleNames = (rules: PromptRules | undefined) =>
  Object.entries(rules ?? {})
    .filter(([, holds]) => holds === true)
    .map(([name]) => name)
    .sort()

const ofDynamicInputs = ['expandsDynamicInputs', 'matchesMatchTypes']
const ofAnyType = [...ofDynamicInputs, 'checksComboOptions', 'matchesAnyType'].sort()
const ofMissingNodes = [...ofAnyType, 'namesMissingNode'].sort()
const ofCycles = [...ofMissingNodes, 'reportsCycles'].sort()
const all = [...ofCycles, 'confinesFiles'].sort()

test.each<[version: string, rules: readonly string[]]>([
  ['0.3.64', []],
  ['0.3.76', []],
  ['0.4.0', ofDynamicInputs],
  ['0.7.0', ofDynamicInputs],
  ['0.8.0', ofAnyType],
  ['0.11.1', ofAnyType],
  ['0.12.0', ofMissingNodes],
  ['0.19.3', ofMissingNodes],
  ['0.20.0', ofCycles],
  ['0.28.0', all],
  ['v0.33.0-12-gabcdef', all],
  [' 0.33 ', all],
  ['0.45.2', all],
  ['1.0.0', all],
])('ComfyUI %s', (version, rules) => {
  expect(ruleNames(rulesOfVersion(version))).toEqual(rules)
})

test('knows the releases of the built-in table, and no other texts', () => {
  expect(ruleNames(promptRules('0.33.0'))).toEqual(all)
  expect(ruleNames(promptRules('0.3.64'))).toEqual([])
  expect(rulesOfVersion('unknown')).toBeUndefined()
  expect(rulesOfVersion('')).toBeUndefined()
})

test.each<[keys: readonly string[], rules: readonly string[]]>([
  [[], []],
  [['output_matchtypes'], ofAnyType],
  [['output_matchtypes', 'search_aliases'], ofAnyType],
  [['search_aliases', 'is_input_list'], ofMissingNodes],
  [['search_aliases', 'is_input_list', 'has_intermediate_output'], all],
])('definitions with the keys %j are those of a release', (keys, rules) => {
  const definition = Object.fromEntries(keys.map((key) => [key, null]))
  expect(ruleNames(rulesOfObjectInfo({ Broken: null, Old: {}, Loader: definition }))).toEqual(rules)
})

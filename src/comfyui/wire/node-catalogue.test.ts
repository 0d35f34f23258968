import { expect, test } from 'vitest'
import { coreCatalogue, parseNodeCatalogue, readNodeCatalogue, type NodeCatalogue } from './node-catalogue.ts'
import { inputChoices } from './object-info.ts'
import { ObjectInfoError } from './object-info-error.ts'
import { validatePrompt } from './verdict/validate-prompt.ts'

const source = 'object_info.json'
const names = ['one.safetensors', 'two.safetensors']
const loader = {
  input: { required: { model: [names, { tooltip: 'Which one' }] } },
  output: ['MODEL'],
  description: 'Loads',
  output_node: false,
}
const sampler = {
  input: {
    required: { model: ['MODEL'], steps: ['INT', { default: 20, min: 1, max: 100, tooltip: 'How many' }] },
    optional: { description: ['STRING', { multiline: true, placeholder: 'write' }] },
    hidden: { prompt: 'PROMPT' },
  },
  output: ['IMAGE'],
  output_node: false,
}
const save = { input: { required: { images: ['IMAGE'] } }, output: [], output_node: true }
const whole = { Loader: loader, Sampler: sampler, Save: save }

const read = (objectInfo: unknown, comfyuiVersion?: string): NodeCatalogue =>
  readNodeCatalogue(structuredClone(objectInfo), { source, comfyuiVersion })

test('keeps what says something of prompts, without texts for people', () => {
  const catalogue = read(whole)
  expect(catalogue).toMatchObject({ classTypes: ['Loader', 'Sampler', 'Save'], source, knowsFiles: true })
  expect(catalogue.lookUp('Sampler')).toEqual({
    input: {
      required: { model: ['MODEL'], steps: ['INT', { default: 20, min: 1, max: 100 }] },
      optional: { description: ['STRING', { multiline: true }] },
      hidden: { prompt: 'PROMPT' },
    },
    output: ['IMAGE'],
    output_node: false,
  })
  expect(catalogue.lookUp('Nope')).toBeUndefined()
  expect(catalogue.lookUp('toString')).toBeUndefined()
})

test('keeps equal lists once', () => {
  const catalogue = read({ Loader: loader, Other: { ...loader, output: ['CLIP'] } })
  const choicesOf = (classType: string) => inputChoices(catalogue.lookUp(classType)?.input.required?.['model'] ?? [])
  expect(choicesOf('Loader')).toEqual(names)
  expect(choicesOf('Loader')).toBe(choicesOf('Other'))
})

test('has the same fingerprint where everything is equal, and only there', () => {
  const { fingerprint } = read(whole)
  const [first, ...others] = Object.entries(whole)
  expect(readNodeCatalogue(Object.fromEntries([...others, first ?? []]), { source: 'elsewhere' }).fingerprint).toBe(
    fingerprint,
  )
  expect(read({ ...whole, Loader: { ...loader, description: 'Other words' } }).fingerprint).toBe(fingerprint)
  const more = { ...loader, input: { required: { model: [[...names, 'three.safetensors'], {}] } } }
  expect(read({ ...whole, Loader: more }).fingerprint).not.toBe(fingerprint)
  expect(read({ Loader: loader, Sampler: sampler }).fingerprint).not.toBe(fingerprint)
  expect(read(whole, '0.33.0').fingerprint).not.toBe(read(whole, '0.3.64').fingerprint)
})

test.each([
  ['null', null],
  ['a text', 'class Broken'],
  ['an object without inputs', { output: [] }],
  ['inputs that are a list', { input: ['model'], output: ['MODEL'] }],
  ['required inputs that are a text', { input: { required: 'model' }, output: ['MODEL'] }],
  ['outputs that are a text', { input: { required: {} }, output: 'IMAGE' }],
])('a class whose definition is %s is there, spoils no other, and raises no alarm', (_name, broken) => {
  const catalogue = read({ ...whole, Broken: broken })
  expect(catalogue.classTypes).toContain('Broken')
  expect(catalogue.lookUp('Broken')).toMatchObject({ unreadable: true })
  expect(catalogue.lookUp('Sampler')).toEqual(read(whole).lookUp('Sampler'))
  const verdictOf = (prompt: unknown) =>
    validatePrompt(prompt, undefined, { nodes: catalogue.lookUp, rules: catalogue.rules, fileExists: () => false })
  expect(
    verdictOf({
      1: { class_type: 'Loader', inputs: { model: 'one.safetensors' } },
      2: { class_type: 'Broken', inputs: { model: ['1', 0], anything: [1, 2, 3], gone: ['77', 0] } },
      3: { class_type: 'Save', inputs: { images: ['2', 5] } },
    }),
  ).toMatchObject({ kind: 'accepted', nodeErrors: {} })
  expect(verdictOf({ 1: { class_type: 'Broken', inputs: {} } })).toMatchObject({ kind: 'accepted' })
  expect(
    verdictOf({
      1: { class_type: 'Loader', inputs: { model: 'three.safetensors' } },
      2: { class_type: 'Broken', inputs: { model: ['1', 0] } },
      3: { class_type: 'Save', inputs: { images: ['2', 0] } },
    }),
  ).toMatchObject({ kind: 'refused', nodeErrors: { 1: { errors: [{ type: 'value_not_in_list' }] } } })
})

test('an input that is described oddly takes everything', () => {
  const odd = { input: { required: { model: 'MODEL', other: [], third: [5, {}] } }, output: ['IMAGE'] }
  expect(read({ ...whole, Odd: odd }).lookUp('Odd')?.input.required).toEqual({
    model: ['*'],
    other: ['*'],
    third: ['*'],
  })
})

test('takes the rules from the version, and without one from the definitions', () => {
  expect(read(whole, '0.33.0').rules).toEqual(coreCatalogue('0.33.0').rules)
  expect(read(whole, '0.3.64').rules).toEqual(coreCatalogue('0.3.64').rules)
  const newer = { ...whole, Save: { ...save, has_intermediate_output: false } }
  for (const version of [undefined, '', 'unknown']) {
    expect(read(whole, version).rules).toEqual(coreCatalogue('0.3.64').rules)
    expect(read(newer, version).rules).toEqual(coreCatalogue('0.33.0').rules)
  }
})

test('reads the text that Python writes, and what is wrapped', () => {
  const text = `\uFEFF${JSON.stringify({ status: 200, data: { object_info: whole } }).replace('"max":100', '"max":Infinity')}`
  expect(parseNodeCatalogue(text, { source }).classTypes).toEqual(['Loader', 'Sampler', 'Save'])
})

test.each([
  ['<!DOCTYPE html><html></html>', 'a web page'],
  ['', 'an empty text'],
  ['class Loader:', 'no JSON'],
  ['[]', 'a list'],
  ['null', 'null'],
  ['"abc"', 'a string'],
  ['{}', 'an empty object'],
  ['{"3": {"class_type": "KSampler", "inputs": {}}}', 'a prompt'],
  ['{"prompt": {"3": {}}}', 'a prompt'],
  ['{"nodes": [], "links": []}', 'a workflow of the editor'],
  ['{"error": {"type": "x", "message": "Unauthorized"}}', 'an error (Unauthorized)'],
  ['{"detail": "Not Found"}', 'an error (Not Found)'],
  ['{"system": {"os": "posix"}, "devices": []}', 'the answer of /system_stats'],
  ['{"a": 1, "b": 2}', 'an object with the keys a, b'],
])('says what %s is, and how to get the right one', (text, found) => {
  const parse = () => parseNodeCatalogue(text, { source })
  expect(parse).toThrow(ObjectInfoError)
  expect(parse).toThrow(`${source} is ${found}, not the node classes of a ComfyUI`)
  expect(parse).toThrow(/comfyui-api object-info --comfyui-url \S+ > object_info\.json/)
})

test('the built-in table is a catalogue that says nothing of files', () => {
  const catalogue = coreCatalogue('0.3.64')
  expect(catalogue).toMatchObject({ knowsFiles: false, source: 'the core nodes of ComfyUI 0.3.64' })
  expect(catalogue.classTypes).toContain('KSampler')
  expect(catalogue.lookUp('KSampler')?.output).toEqual(['LATENT'])
  expect(catalogue.fingerprint).not.toBe(coreCatalogue().fingerprint)
})

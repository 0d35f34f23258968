import { expect, test } from 'vitest'
import { coreClassTypes, coreNode } from './core-nodes.ts'
import { inputChoices, inputOptions, inputType } from './object-info.ts'

test('knows every class of both releases', () => {
  expect(coreClassTypes()).toHaveLength(886)
  expect(coreClassTypes('0.3.64')).toHaveLength(495)
  for (const version of ['0.33.0', '0.3.64'] as const) {
    for (const classType of coreClassTypes(version)) {
      const node = coreNode(classType, version)
      expect(node?.name).toBe(classType)
      expect(JSON.stringify(node)).not.toContain('"$"')
    }
  }
})

test('gives inputs in their order, with types, limits and choices', () => {
  const required = coreNode('KSampler')?.input.required ?? {}
  expect(Object.keys(required).slice(0, 6)).toEqual(['model', 'seed', 'steps', 'cfg', 'sampler_name', 'scheduler'])
  expect(inputOptions(required['steps'] ?? [])).toEqual({ default: 20, min: 1, max: 10000 })
  expect(inputChoices(required['scheduler'] ?? [])).toContain('karras')
  expect(coreNode('SaveImage')).toMatchObject({ output_node: true, input: { hidden: { prompt: 'PROMPT' } } })
})

test('tells what the older release has differently', () => {
  const newer = coreNode('RegexReplace')?.input.required ?? {}
  expect(Object.keys(newer).length).toBeGreaterThan(0)
  expect(coreNode('ResizeImageMaskNode', '0.3.64')).toBeUndefined()
  expect(coreNode('IdeogramV1')).toBeUndefined()
  expect(coreNode('IdeogramV1', '0.3.64')).toBeDefined()
  expect(coreNode('SaveImage', '0.3.64')?.output).toEqual([])
  expect(coreNode('SaveImage')?.output).toEqual(['IMAGE'])
})

test('knows no class of custom nodes', () => {
  expect(coreNode('TestSleep', '0.3.64')).toBeUndefined()
  expect(coreNode('toString')).toBeUndefined()
})

test('reads a spec whichever way it is written', () => {
  expect(inputType(['INT'])).toBe('INT')
  expect(inputOptions(['INT'])).toEqual({})
  expect(inputChoices([['a', 'b'], {}])).toEqual(['a', 'b'])
  expect(inputChoices(['COMBO', { options: ['c'] }])).toEqual(['c'])
  expect(inputChoices(['COMBO', { remote: {} }])).toEqual([])
  expect(inputChoices(['STRING', {}])).toBeUndefined()
  expect(inputType([])).toBe('*')
})

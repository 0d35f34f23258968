import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { ListField } from '../../workflows/served-workflow.ts'
import { describeLists } from './describe-lists.ts'
import { createListComponents } from './list-components.ts'

const schema = z.object({
  model: z.string().min(1).describe('The model').default('a'),
  loras: z.array(z.object({ name: z.string() })).nullable(),
  sampler: z.string().optional(),
})
const json: Readonly<Record<string, unknown>> = z.toJSONSchema(schema, { io: 'input' })
const model: ListField = { path: ['model'], places: [{ classType: 'CheckpointLoaderSimple', input: 'ckpt_name' }] }
const lora: ListField = { path: ['loras', '*', 'name'], places: [{ classType: 'LoraLoader', input: 'lora_name' }] }
const sampler: ListField = { path: ['sampler'], places: [{ classType: 'KSampler', input: 'sampler_name' }] }

function describeWith(listFields: readonly ListField[], names: (field: ListField) => readonly string[] | undefined) {
  return z
    .looseObject({ properties: z.record(z.string(), z.unknown()) })
    .parse(describeLists(json, { listFields }, { lists: { names } })).properties
}

test('what there is stands beside any other text, and what is said of the parameter stays', () => {
  const before = structuredClone(json)
  const properties = describeWith([model, lora], (field) => (field === model ? ['a', 'b'] : ['x']))
  expect(properties).toMatchObject({
    model: {
      description: 'The model',
      default: 'a',
      anyOf: [
        { type: 'string', enum: ['a', 'b'] },
        { type: 'string', minLength: 1 },
      ],
    },
    loras: {
      anyOf: [{ items: { properties: { name: { anyOf: [{ enum: ['x'] }, { type: 'string' }] } } } }, { type: 'null' }],
    },
  })
  expect(properties['model']).not.toHaveProperty('type')
  expect(json).toEqual(before)
})

test('of what nothing is known nothing is said', () => {
  expect(describeLists(json, { listFields: [model] }, { lists: { names: () => undefined } })).toBe(json)
})

test('a list that is too long is told by its address, and so is one that is empty', () => {
  const many = Array.from({ length: 201 }, (_, index) => `m${index}`)
  const properties = describeWith([model, sampler], (field) => (field === model ? many : []))
  expect(properties).toMatchObject({
    model: {
      type: 'string',
      description: 'The model. The instances have 201 of them: `GET /models?type=checkpoints`.',
      examples: many.slice(0, 10),
    },
    sampler: { type: 'string', description: 'No instance has any now.' },
  })
})

test('what a module says that a parameter is decides how its list is called, and stays beside it', () => {
  const own: ListField = { path: ['model'], places: [], list: { folder: 'loras' } }
  const components = createListComponents(() => false)
  expect(components.write(own, ['a'])).toEqual({ $ref: '#/components/schemas/LorasFile' })
  const ofSampler: ListField = { path: ['sampler'], places: [], list: { of: 'samplers' } }
  expect(components.write(ofSampler, ['euler'])).toEqual({ $ref: '#/components/schemas/KSamplerSamplerName' })
  expect(describeWith([own], () => [])).toMatchObject({
    model: { description: 'The model. No instance has any now: `GET /models?type=loras`.' },
  })
  const marked = { properties: { model: { type: 'string', 'x-comfyui-model': 'loras' } } }
  expect(describeLists(marked, { listFields: [own] }, { lists: { names: () => ['a'] } })).toEqual({
    properties: { model: { 'x-comfyui-model': 'loras', anyOf: [{ type: 'string', enum: ['a'] }, { type: 'string' }] } },
  })
})

describe('lists as components', () => {
  test('stand there once for all parameters that have the same, under a free name', () => {
    const components = createListComponents((name) => name === 'LorasFile')
    expect(components.write(model, ['a', 'b'])).toEqual({
      $ref: '#/components/schemas/CheckpointsFile',
    })
    expect(components.write(sampler, ['a', 'b'])).toEqual(components.write(model, ['a', 'b']))
    expect(components.write(lora, ['x'])).toEqual({ $ref: '#/components/schemas/LorasFile2' })
    expect(components.write(model, ['c'])).toEqual({ $ref: '#/components/schemas/CheckpointsFile2' })
    expect(Object.values(components.schemas)).toMatchObject([{ enum: ['a', 'b'] }, { enum: ['x'] }, { enum: ['c'] }])
  })
})

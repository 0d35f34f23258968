import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { image, model, sampler, scheduler } from '../../index.ts'
import { describeInput } from './describe-input.ts'
import { inspectSchema } from './inspect-schema.ts'

const loras = { folder: 'loras' }

describe('what a parameter names', () => {
  const wrapped: readonly (readonly [string, z.ZodType, readonly string[]])[] = [
    ['as it is', model('loras'), ['name']],
    ['with a description', model('loras').describe('A LoRA'), ['name']],
    ['with a default', model('loras').default('a.safetensors'), ['name']],
    ['where it is optional, described afterwards', model('loras').optional().describe('A LoRA'), ['name']],
    ['with more checks', model('loras').max(100).endsWith('.safetensors').nullable().catch(null), ['name']],
    [
      'in a list of objects',
      z.array(z.object({ file: model('loras').prefault('a') })).default([]),
      ['name', '*', 'file'],
    ],
    ['in one of two forms', z.union([z.null(), model('loras')]), ['name']],
    ['in a schema with metadata', model('loras').meta({ title: 'LoRA' }), ['name']],
  ]
  test.each(wrapped)('is known %s', (_title, name, path) => {
    const { nameFields, mediaFields, warnings } = inspectSchema(z.object({ prompt: z.string(), name }))
    expect(nameFields).toEqual([{ path, list: loras }])
    expect([mediaFields, warnings]).toEqual([[], []])
  })

  test('may be a sampler or a scheduler, and stands in the schema', () => {
    const schema = z.object({
      lora: model('loras').optional().describe('A LoRA'),
      sampler: sampler().default('euler'),
      scheduler: scheduler(),
      picture: image(),
    })
    const { nameFields, mediaFields, strictObjects } = inspectSchema(schema)
    expect(nameFields).toEqual([
      { path: ['lora'], list: loras },
      { path: ['sampler'], list: { of: 'samplers' } },
      { path: ['scheduler'], list: { of: 'schedulers' } },
    ])
    expect(mediaFields).toHaveLength(1)
    expect(describeInput(schema, strictObjects).schema).toMatchObject({
      properties: {
        lora: { type: 'string', minLength: 1, 'x-comfyui-model': 'loras', description: 'A LoRA' },
        sampler: { type: 'string', 'x-comfyui-list': 'samplers', default: 'euler' },
        scheduler: { type: 'string', 'x-comfyui-list': 'schedulers' },
      },
      required: ['scheduler', 'picture'],
    })
  })
})

test.each([
  ['lora', "name is model('lora'), a folder that ComfyUI does not have; did you mean 'loras'?"],
  ['Checkpoint', "name is model('Checkpoint'), a folder that ComfyUI does not have; did you mean 'checkpoints'?"],
])('a folder %s is probably a mistake', (folder, warning) => {
  expect(inspectSchema(z.object({ name: model(folder) })).warnings).toEqual([warning])
})

test.each([
  ['unet', 'diffusion_models'],
  ['clip', 'text_encoders'],
  ['ultralytics', 'ultralytics'],
  ['insightface', 'insightface'],
])('%s is the folder %s, and no mistake', (folder, current) => {
  const { nameFields, warnings } = inspectSchema(z.object({ name: model(folder) }))
  expect(nameFields).toEqual([{ path: ['name'], list: { folder: current } }])
  expect(warnings).toEqual([])
})

test('nobody calls a model by an empty name', () => {
  expect(model('vae').safeParse('').success).toBe(false)
})

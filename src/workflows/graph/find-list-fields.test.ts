import { expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'
import { findListFields } from './find-list-fields.ts'

function find(schema: z.ZodObject, generate: (input: never) => WorkflowGraph) {
  return findListFields({ schema, generate: (input) => generate(input as never), nodes: coreNode })
}

const checkpoint = (name: unknown) => ({ class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: name } })

test('finds texts that become the value of an input with a list, in lists and objects too', async () => {
  const schema = z.object({
    model: z.string().min(1).default('a.safetensors'),
    prompt: z.string(),
    loras: z.array(z.object({ name: z.string() })).optional(),
    sampling: z.object({ sampler: z.string().nullable() }),
  })
  const fields = await find(schema, ({ model, prompt, loras, sampling }: z.output<typeof schema>): WorkflowGraph => ({
    '1': checkpoint(model),
    '2': { class_type: 'CLIPTextEncode', inputs: { text: prompt, clip: ['1', 1] } },
    '3': { class_type: 'LoraLoaderModelOnly', inputs: { lora_name: loras?.[0]?.name, model: ['1', 0] } },
    '4': { class_type: 'KSampler', inputs: { sampler_name: sampling.sampler, scheduler: 'normal' } },
    '5': { class_type: 'KSamplerSelect', inputs: { sampler_name: sampling.sampler } },
  }))
  expect(fields).toEqual([
    { path: ['model'], places: [{ classType: 'CheckpointLoaderSimple', input: 'ckpt_name' }] },
    { path: ['loras', '*', 'name'], places: [{ classType: 'LoraLoaderModelOnly', input: 'lora_name' }] },
    {
      path: ['sampling', 'sampler'],
      places: [
        { classType: 'KSampler', input: 'sampler_name' },
        { classType: 'KSamplerSelect', input: 'sampler_name' },
      ],
    },
  ])
})

test('finds those behind a switch, and leaves out what is only part of a text or of an author’s own list', async () => {
  const schema = z.object({
    isFast: z.boolean(),
    fast: z.string(),
    good: z.string(),
    name: z.string(),
    own: z.enum(['euler', 'heun']),
  })
  const fields = await find(schema, ({ isFast, fast, good, name, own }: z.output<typeof schema>): WorkflowGraph => ({
    '1': checkpoint(isFast ? fast : good),
    '2': { class_type: 'VAELoader', inputs: { vae_name: `${name}.safetensors` } },
    '3': { class_type: 'KSamplerSelect', inputs: { sampler_name: own } },
  }))
  expect(fields.map(({ path }) => path)).toEqual([['fast'], ['good']])
})

test('keeps inputs of unknown classes, which may have a list, and no files that are uploaded', async () => {
  const schema = z.object({ mode: z.string(), picture: z.string() })
  const fields = await find(schema, ({ mode, picture }: z.output<typeof schema>): WorkflowGraph => ({
    '1': { class_type: 'Unknown', inputs: { mode } },
    '2': { class_type: 'LoadImage', inputs: { image: picture } },
  }))
  expect(fields).toEqual([{ path: ['mode'], places: [{ classType: 'Unknown', input: 'mode' }] }])
})

test('a module that fails with a sample has none', async () => {
  const schema = z.object({ model: z.string() })
  const fields = await find(schema, () => {
    throw new Error('no')
  })
  expect(fields).toEqual([])
})

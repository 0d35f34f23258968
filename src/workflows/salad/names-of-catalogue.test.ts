import { expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import { coreCatalogue, readNodeCatalogue } from '../../comfyui/wire/node-catalogue.ts'
import { namesOfCatalogue } from './names-of-catalogue.ts'

const loader = (name: string, input: string, files: readonly string[]) => ({
  ...coreNode(name),
  input: { required: { [input]: [files] } },
})

test('samplers, schedulers and model files are what the lists of a server hold', () => {
  const sampler = coreNode('KSampler')
  const catalogue = readNodeCatalogue(
    {
      KSampler: {
        ...sampler,
        input: {
          required: { ...sampler?.input.required, sampler_name: [['euler', 'res_2s']], scheduler: [['beta57']] },
        },
      },
      CheckpointLoaderSimple: loader('CheckpointLoaderSimple', 'ckpt_name', ['a.safetensors']),
      unCLIPCheckpointLoader: loader('unCLIPCheckpointLoader', 'ckpt_name', ['a.safetensors', 'b.safetensors']),
      LoraLoader: loader('LoraLoader', 'lora_name', []),
      'My Loader': loader('LoraLoader', 'lora_name', ['None']),
    },
    { source: 'a server' },
  )
  const { samplers, schedulers, files } = namesOfCatalogue(catalogue)
  expect([samplers, schedulers]).toEqual([['euler', 'res_2s'], ['beta57']])
  expect(files?.get('checkpoints')).toEqual(['a.safetensors', 'b.safetensors'])
  expect(files?.get('loras')).toEqual([])
  expect(files?.has('vae')).toBe(false)
})

test('the built-in table knows no files', () => {
  expect(namesOfCatalogue(coreCatalogue())).toMatchObject({
    files: undefined,
    samplers: expect.arrayContaining(['euler']),
  })
})

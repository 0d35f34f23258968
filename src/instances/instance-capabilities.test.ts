import { describe, expect, test } from 'vitest'
import { readCapabilities } from './instance-capabilities.ts'

const capabilities = readCapabilities({
  KSampler: {
    input: { required: { sampler_name: [['euler', 'ddim']], scheduler: ['COMBO', { options: ['simple'] }] } },
    output: ['LATENT'],
  },
  VAELoader: { input: { required: { vae_name: [['a.safetensors']] } }, output: ['VAE'] },
  LoadImage: { input: { required: { image: [['x.png'], { image_upload: true }] } }, output: ['IMAGE'] },
})

describe('what an instance can run', () => {
  test('is a prompt of its classes, with names that it has; the name of an upload may be any', () => {
    const prompt = {
      '1': { class_type: 'VAELoader', inputs: { vae_name: 'a.safetensors' } },
      '2': { class_type: 'LoadImage', inputs: { image: 'comfyui-api/other.png' } },
    }
    expect(capabilities.canRun(prompt)).toBe(true)
    expect(capabilities.lacks(prompt)).toEqual([])
  })

  test('is told with everything that is missing', () => {
    const prompt = {
      '1': { class_type: 'VAELoader', inputs: { vae_name: 'b.safetensors' } },
      '2': { class_type: 'Custom', inputs: { vae_name: 'a.safetensors' } },
      '3': { class_type: 'KSampler', inputs: { sampler_name: 'lcm', scheduler: 'karras', steps: 20 } },
    }
    expect(capabilities.canRun(prompt)).toBe(false)
    expect(capabilities.lacks(prompt)).toEqual([
      { nodeId: '1', classType: 'VAELoader', input: 'vae_name', value: 'b.safetensors' },
      { nodeId: '2', classType: 'Custom' },
      { nodeId: '3', classType: 'KSampler', input: 'sampler_name', value: 'lcm' },
      { nodeId: '3', classType: 'KSampler', input: 'scheduler', value: 'karras' },
    ])
  })

  test('has lists of names, in the order of the instance', () => {
    expect(capabilities.choices('KSampler', 'sampler_name')).toEqual(['euler', 'ddim'])
    expect(capabilities.choices('KSampler', 'steps')).toBeUndefined()
    expect(capabilities.choices('Custom', 'sampler_name')).toBeUndefined()
  })
})

test('a definition keeps types and switches, and nothing that is long', () => {
  const told = readCapabilities({
    LoadImage: {
      input: { required: { image: [['x.png'], { image_upload: true, tooltip: 'long' }] }, optional: { size: ['INT'] } },
      output: ['IMAGE', ['a', 'b']],
      description: 'long',
      python_module: 'nodes',
    },
  })
  expect(told.definition('LoadImage')).toEqual({
    input: { required: { image: ['COMBO', { image_upload: true }] }, optional: { size: ['INT', {}] } },
    output: ['IMAGE', 'COMBO'],
    python_module: 'nodes',
  })
  expect(told.definition('constructor')).toBeUndefined()
})

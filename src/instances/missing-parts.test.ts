import { describe, expect, test } from 'vitest'
import { readNodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import { hasAllParts, missingParts, namesOf } from './missing-parts.ts'

const catalogue = readNodeCatalogue(
  {
    KSampler: {
      input: { required: { sampler_name: [['euler', 'ddim']], scheduler: ['COMBO', { options: ['simple'] }] } },
      output: ['LATENT'],
    },
    VAELoader: { input: { required: { vae_name: [['a.safetensors']] } }, output: ['VAE'] },
    LoadImage: { input: { required: { image: [['x.png'], { image_upload: true }] } }, output: ['IMAGE'] },
    Rotate: { input: { required: { degrees: [[90, 180]] } }, output: ['IMAGE'] },
  },
  { source: 'a test' },
)

describe('what a set of nodes lacks of a prompt', () => {
  test('is nothing where it has all classes and names; an upload and a number may be any', () => {
    const prompt = {
      '1': { class_type: 'VAELoader', inputs: { vae_name: 'a.safetensors' } },
      '2': { class_type: 'LoadImage', inputs: { image: 'comfyui-api/other.png' } },
      '3': { class_type: 'Rotate', inputs: { degrees: 45 } },
      '4': { class_type: 'VAELoader', inputs: { vae_name: ['1', 0] } },
    }
    expect(hasAllParts(catalogue, prompt)).toBe(true)
    expect(missingParts(catalogue, prompt)).toEqual([])
  })

  test('is told part by part', () => {
    const prompt = {
      '1': { class_type: 'VAELoader', inputs: { vae_name: 'b.safetensors' } },
      '2': { class_type: 'Custom', inputs: { vae_name: 'a.safetensors' } },
      '3': { class_type: 'KSampler', inputs: { sampler_name: 'lcm', scheduler: 'karras', steps: 20 } },
    }
    expect(hasAllParts(catalogue, prompt)).toBe(false)
    expect(missingParts(catalogue, prompt)).toEqual([
      { nodeId: '1', classType: 'VAELoader', input: 'vae_name', value: 'b.safetensors' },
      { nodeId: '2', classType: 'Custom' },
      { nodeId: '3', classType: 'KSampler', input: 'sampler_name', value: 'lcm' },
      { nodeId: '3', classType: 'KSampler', input: 'scheduler', value: 'karras' },
    ])
  })

  test('is an unknown class, whatever it is called', () => {
    const prompt = { '1': { class_type: 'constructor', inputs: {} } }
    expect(missingParts(catalogue, prompt)).toEqual([{ nodeId: '1', classType: 'constructor' }])
  })
})

test('the names of an input come in the order of the instance', () => {
  expect(namesOf(catalogue, 'KSampler', 'sampler_name')).toEqual(['euler', 'ddim'])
  expect(namesOf(catalogue, 'KSampler', 'steps')).toBeUndefined()
  expect(namesOf(catalogue, 'Custom', 'sampler_name')).toBeUndefined()
})

import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { objectInfoSchema, type NodeLookup } from '../../src/comfyui/wire/object-info.ts'
import type { Prompt } from '../../src/comfyui/wire/prompt.ts'
import type { ServedWorkflow } from '../../src/workflows/served-workflow.ts'
import { nodePacks } from '../fixtures/node-packs.ts'
import {
  baseParameters,
  buildGraph,
  openShippedWorkflows,
  pathTo,
  shippedFlaws,
  shippedNodes,
  switchCombinations,
  switches,
} from '../support/shipped-workflows.ts'

/** A file with the answer of a server's `/object_info`, to check against it instead of the built-in table. */
const recording = process.env['COMFYUI_OBJECT_INFO']
const maxCombinations = 4096
vi.setConfig({ testTimeout: 300_000 })

const registry = await openShippedWorkflows()
const workflows = registry.list()
const packs = nodePacks(() => [])
afterAll(() => registry.close())

const servers: readonly (readonly [name: string, nodes: NodeLookup | undefined])[] = [
  ['the built-in table', shippedNodes(workflows)],
  [
    'a recorded server',
    recording === undefined
      ? undefined
      : shippedNodes(workflows, objectInfoSchema.parse(JSON.parse(readFileSync(recording, 'utf8')))),
  ],
]

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))('%s', (_name, workflow) => {
  test.for(servers)('is sound with every combination of its parts, by %s', async ([, nodes], { skip }) => {
    if (nodes === undefined) return skip('COMFYUI_OBJECT_INFO is not set')
    const flaws = new Set<string>()
    const graphs = new Set<string>()
    let count = 0
    for (const parameters of switchCombinations(workflow)) {
      const prompt = await buildGraph(workflow, parameters)
      for (const flaw of shippedFlaws(workflow, prompt, nodes)) flaws.add(flaw)
      graphs.add(JSON.stringify(prompt))
      count += 1
    }
    expect([...flaws]).toEqual([])
    expect(count).toBe(2 ** switches(workflow).size)
    expect(count).toBeLessThanOrEqual(maxCombinations)
    expect(graphs.size).toBeGreaterThan(1)
  })

  test('asks for the packs of all classes it may use, and for no others', async () => {
    const used = new Set<string>()
    for (const parameters of switchCombinations(workflow)) {
      for (const node of Object.values(await buildGraph(workflow, parameters))) {
        if (coreNode(node.class_type) === undefined) used.add(node.class_type)
      }
    }
    const needed = packs.flatMap(({ pack, repository, classes }) => {
      const classTypes = Object.keys(classes).filter((classType) => used.has(classType))
      return classTypes.length === 0 ? [] : [{ pack, url: repository, classTypes: classTypes.sort() }]
    })
    const asked = workflow.definition.metadata?.requiredNodes ?? []
    const byPack = <Each extends { pack: string }>(list: readonly Each[]): Each[] =>
      list.toSorted((a, b) => (a.pack < b.pack ? -1 : 1))
    expect(byPack(asked)).toEqual(byPack(needed))
  })
})

const toImage = ['images', 'image', 'pixels', 'samples', 'latent_image']

/** Each part that is on is in the image that is saved, in this order, and no other. */
test.each<[name: string, parts: (is: (name: string) => boolean) => (string | false)[]]>([
  [
    'sdxl/sdxl_face_detail_upscaler',
    (is) => [
      'EmptyLatentImage',
      'KSampler (Efficient)',
      'VAEDecode',
      is('face_enhancement_enabled') && is('face_denoise') && 'Faces',
      is('eye_enhancement_enabled') && is('eye_denoise') && 'Eyes',
      is('upscale_enabled') && 'ImageUpscaleWithModel',
      is('upscale_enabled') && 'ImageScaleBy',
      is('digital_effects_enabled') && 'LowQualityDigitalLook',
      is('film_grain_enabled') && 'ProPostFilmGrain',
      'SaveImage',
    ],
  ],
  [
    'sdxl/sdxl_authentic_portraits',
    (is) => [
      'EmptyLatentImage',
      'KSampler',
      'VAEDecode',
      is('hires_enabled') && 'easy hiresFix',
      is('hires_enabled') && is('hires_denoise') && 'Hires',
      is('hires_enabled') && is('hires_denoise') && 'Decode hires',
      is('face_enhancement_enabled') && is('face_denoise') && 'Faces',
      'SaveImage',
    ],
  ],
])('%s: what is saved went through each part that is on', async (name, parts) => {
  const workflow = required(name)
  for (const parameters of switchCombinations(workflow)) {
    const prompt = await buildGraph(workflow, parameters)
    const expected = parts((parameter) => Boolean(parameters[parameter])).filter((part) => part !== false)
    expect(pathTo(prompt, '8', toImage)).toEqual(expected)
  }
})

test.each<[name: string, sampler: string, loader: string, more?: readonly string[]]>([
  ['flux/flux_txt2img', '3', 'UNETLoader'],
  ['flux/flux_depth', '3', 'UNETLoader', ['ModelSamplingFlux']],
  ['qwen/qwen_img_edit', '3', 'UNETLoader', ['ModelSamplingAuraFlow', 'CFGNorm']],
  ['sdxl/sdxl_txt2img', '3', 'CheckpointLoaderSimple'],
  ['sdxl/sdxl_img2img', '3', 'CheckpointLoaderSimple'],
])('%s: a LoRA is on the way of the model, and only where one is named', async (name, sampler, loader, more = []) => {
  const workflow = required(name)
  const lora = name.startsWith('sdxl') ? 'LoraLoader' : 'LoraLoaderModelOnly'
  const without = await buildGraph(workflow, baseParameters(workflow))
  expect(pathTo(without, sampler, ['model'])).toEqual([loader, ...more, 'KSampler'])
  const named = { ...baseParameters(workflow), lora_name: 'one text', lora_strength: 0.5 }
  const prompt = await buildGraph(workflow, named)
  expect(pathTo(prompt, sampler, ['model'])).toEqual([loader, lora, ...more, 'KSampler'])
  expect(ofClass(prompt, lora)).toMatchObject([{ lora_name: 'one text', strength_model: 0.5 }])
  if (lora !== 'LoraLoader') return
  for (const id of ['6', '7']) expect(pathTo(prompt, id, ['clip']).slice(0, 2)).toEqual([loader, lora])
})

test('qwen/qwen_lightning_lora_edit: the model goes through the LoRA, the shift and the normalisation', async () => {
  const workflow = required('qwen/qwen_lightning_lora_edit')
  for (const parameters of switchCombinations(workflow)) {
    const path = pathTo(await buildGraph(workflow, parameters), '3', ['model'])
    expect(path).toEqual(['UNETLoader', 'Lightning LoRA', 'ModelSamplingAuraFlow', 'CFGNorm', 'KSampler'])
  }
})

test('sdxl/sdxl_face_detail_upscaler: the stack has the LoRAs that are named, each with its strength', async () => {
  const workflow = required('sdxl/sdxl_face_detail_upscaler')
  const stack = async (parameters: object): Promise<readonly unknown[]> =>
    ofClass(await buildGraph(workflow, { ...baseParameters(workflow), ...parameters }), 'Lora Loader Stack (rgthree)')
  expect(await stack({ lora1_name: '', lora2_name: '', lora3_name: '' })).toEqual([])
  expect(await stack({ lora1_name: '', lora3_name: 'one text', lora3_strength: 0.3 })).toMatchObject([
    { lora_01: 'None', lora_02: 'None', lora_03: 'one text', strength_03: 0.3, lora_04: 'None' },
  ])
  expect(await stack({ lora2_name: 'one text' })).toMatchObject([
    { lora_01: 'Touch-of-Realism-SDXL-V2.safetensors', strength_01: 1, lora_02: 'one text', strength_02: 0.7 },
  ])
})

test('seeds fit the nodes that take fewer', async () => {
  const workflow = required('sdxl/sdxl_face_detail_upscaler')
  const nodes = shippedNodes(workflows)
  for (const seed of [0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const parameters = { ...baseParameters(workflow), seed, film_grain_enabled: true, digital_effects_enabled: true }
    expect(shippedFlaws(workflow, await buildGraph(workflow, parameters), nodes)).toEqual([])
  }
})

function required(name: string): ServedWorkflow {
  const workflow = registry.get(name)
  if (workflow === undefined) throw new Error(`${name} is not served`)
  return workflow
}

function ofClass(prompt: Prompt, classType: string): readonly unknown[] {
  return Object.values(prompt)
    .filter((node) => node.class_type === classType)
    .map(({ inputs }) => inputs)
}

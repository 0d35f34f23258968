import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { resizeMethods } from '../../workflows/_shared/resize-methods.ts'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { inputChoices } from '../../src/comfyui/wire/object-info.ts'
import { isRecord } from '../../src/lib/json-record.ts'
import { promptSchema } from '../../src/comfyui/wire/prompt.ts'
import { defaultModelFiles } from '../../src/simulator/model-files.ts'
import { completePrompt } from '../../src/workflows/graph/complete-prompt.ts'
import type { ServedWorkflow } from '../../src/workflows/served-workflow.ts'
import {
  alternatives,
  baseParameters,
  buildGraph,
  openShippedWorkflows,
  shippedFlaws,
  shippedNodes,
  upload,
  withUploads,
  type Parameters,
} from '../support/shipped-workflows.ts'

const templates = fileURLToPath(new URL('../../workflow_templates', import.meta.url))

/** The Impact packs make them. */
const foldersOfPacks = new Set(['sams', 'ultralytics'])

const registry = await openShippedWorkflows()
const workflows = registry.list()
const nodes = shippedNodes(workflows)
afterAll(() => registry.close())

/** Every value of every parameter, together with every value of each other parameter. */
function* combinations(workflow: ServedWorkflow): Iterable<Parameters> {
  const start = baseParameters(workflow)
  const all = [...alternatives(workflow)]
  yield start
  for (const [index, [name, values]] of all.entries()) {
    for (const value of values) {
      yield { ...start, [name]: value }
      for (const [other, others] of all.slice(index + 1)) {
        for (const second of others) yield { ...start, [name]: value, [other]: second }
      }
    }
  }
}

test('all modules of the folder are served without a problem or a warning', () => {
  expect(registry.problems()).toEqual([])
  expect(workflows.map(({ name }) => name)).toEqual([
    'flux/flux_depth',
    'flux/flux_txt2img',
    'qwen/qwen_base_txt2img',
    'qwen/qwen_img_edit',
    'qwen/qwen_lightning_lora_edit',
    'sd15/img2img',
    'sd15/txt2img',
    'sdxl/sdxl_authentic_portraits',
    'sdxl/sdxl_face_detail_upscaler',
    'sdxl/sdxl_img2img',
    'sdxl/sdxl_txt2img',
  ])
  expect(workflows.flatMap(({ warnings }) => warnings)).toEqual([])
})

test('the lists of choices are those of the nodes', () => {
  const choices = (classType: string, input: string): readonly unknown[] | undefined =>
    inputChoices(coreNode(classType)?.input.required?.[input] ?? [])
  expect(resizeMethods).toEqual(choices('ImageScaleBy', 'upscale_method'))
  expect(resizeMethods).toEqual(choices('ImageScaleToTotalPixels', 'upscale_method'))
})

test('the simulator offers every model that belongs into a folder of bare ComfyUI', () => {
  for (const { definition } of workflows) {
    for (const { name, directory = '' } of definition.metadata?.requiredModels ?? []) {
      if (!foldersOfPacks.has(directory)) expect(defaultModelFiles[directory]).toContain(name)
    }
  }
})

test('every template belongs to a module', () => {
  const files = readdirSync(templates, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'))
  expect(files.map((file) => file.slice(0, -'.json'.length)).sort()).toEqual(workflows.map(({ name }) => name))
})

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))('%s', (name, workflow) => {
  test('builds a sound graph for every pair of parameter values', { timeout: 300_000 }, async () => {
    const flaws = new Set<string>()
    let built = 0
    for (const parameters of combinations(workflow)) {
      for (const flaw of shippedFlaws(workflow, await buildGraph(workflow, parameters), nodes)) flaws.add(flaw)
      built += 1
    }
    expect([...flaws]).toEqual([])
    expect(built).toBeGreaterThan(500)
  })

  test('lets every parameter change the graph', async () => {
    const all = alternatives(workflow)
    const present = Object.fromEntries([...all].map(([key, values]) => [key, values.at(-1)]))
    const dead: string[] = []
    for (const [key, values] of all) {
      const isMedia = workflow.mediaFields.some(({ path }) => path[0] === key)
      const graphs = new Set<string>()
      for (const value of isMedia ? [upload, 'other.png'] : values) {
        graphs.add(
          JSON.stringify(await buildGraph(workflow, { ...present, ...baseParameters(workflow), [key]: value })),
        )
      }
      if (graphs.size < 2) dead.push(key)
    }
    expect(dead).toEqual([])
  })

  test('is what its template says', async () => {
    const template = promptSchema.parse(JSON.parse(readFileSync(`${templates}/${name}.json`, 'utf8')))
    const graph = await workflow.definition.generateWorkflow(workflow.parse(baseParameters(workflow, 'example.png')))
    expect(completePrompt(graph, 'ComfyUI')).toEqual(template)
  })

  test('takes each of its examples and names its output nodes', async () => {
    const { examples = [], outputs = {} } = workflow.definition
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      const input = workflow.parse(withUploads(workflow, example))
      const prompt = await workflow.build(input, { uploads: new Set([upload]), filenamePrefix: 'job/1' })
      for (const id of Object.values(outputs)) expect(nodes(prompt[id]?.class_type ?? '')?.output_node).toBe(true)
      expect(prompt[Object.values(outputs)[0] ?? '']?.inputs['filename_prefix']).toBe('job/1')
    }
  })

  test('draws another seed each time, which JSON keeps exact', () => {
    const { seed: _fixed, ...parameters } = baseParameters(workflow)
    const seeds = Array.from({ length: 20 }, () => {
      const input = workflow.parse(parameters)
      return isRecord(input) ? input['seed'] : undefined
    })
    expect(new Set(seeds).size).toBe(20)
    expect(seeds.every((seed) => Number.isSafeInteger(seed))).toBe(true)
  })

  test('lists the models that its defaults name, and where to get them', async () => {
    const models = workflow.definition.metadata?.requiredModels ?? []
    const named = Object.values(await buildGraph(workflow, baseParameters(workflow)))
      .flatMap(({ inputs }) => Object.values(inputs))
      .filter((value) => typeof value === 'string' && /\.(safetensors|pth?)$/.test(value))
    expect(models.map((model) => model.name).sort()).toEqual([...new Set(named)].sort())
    for (const model of models) {
      expect(modelFolders).toContain(model.directory)
      if (model.url === undefined) expect(workflow.definition.description).toContain('from CivitAI')
      else if (model.url.startsWith('https://civitai.com/models/')) expect(model.directory).toBe('loras')
      else expect(new URL(model.url).pathname.split('/').at(-1)).toBe(model.name.split('/').at(-1))
    }
  })
})

const modelFolders = [
  'checkpoints',
  'diffusion_models',
  'loras',
  'sams',
  'text_encoders',
  'ultralytics',
  'upscale_models',
  'vae',
]

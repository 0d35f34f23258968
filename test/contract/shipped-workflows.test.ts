import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { samplerNames, schedulerNames, resizeMethods } from '../../workflows/_shared/sampling.ts'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { inputChoices, isRecord } from '../../src/comfyui/wire/object-info.ts'
import { promptSchema, type Prompt } from '../../src/comfyui/wire/prompt.ts'
import { completePrompt } from '../../src/workflows/complete-prompt.ts'
import type { ServedWorkflow } from '../../src/workflows/served-workflow.ts'
import { createWorkflowRegistry } from '../../src/workflows/workflow-registry.ts'
import { graphFlaws } from '../support/graph-flaws.ts'
import { nativeImport } from '../support/native-import.ts'

const folder = fileURLToPath(new URL('../../workflows', import.meta.url))
const templates = fileURLToPath(new URL('../../workflow_templates', import.meta.url))
const upload = 'gateway/0123456789abcdef.png'

const registry = await createWorkflowRegistry({ folders: [folder], watch: 'off', importModule: nativeImport })
const workflows = registry.list()
afterAll(() => registry.close())

type Parameters = Readonly<Record<string, unknown>>

/** The first example with a fixed seed and its media uploaded. */
function base(workflow: ServedWorkflow, media = upload): Parameters {
  return { ...withUploads(workflow, workflow.definition.examples?.[0], media), seed: 42 }
}

function withUploads(workflow: ServedWorkflow, example: unknown, name = upload): Parameters {
  const media = workflow.mediaFields.map(({ path }) => [path.join('.'), name] as const)
  return { ...(isRecord(example) ? example : {}), ...Object.fromEntries(media) }
}

/** Values worth trying for each parameter: both ends of ranges, every choice, absent where that is allowed. */
function alternatives(workflow: ServedWorkflow): ReadonlyMap<string, readonly unknown[]> {
  const { properties, required } = workflow.inputJsonSchema
  if (!isRecord(properties) || !Array.isArray(required)) throw new Error(`${workflow.name} describes no parameters`)
  return new Map(
    Object.entries(properties).map(([name, schema]) => {
      if (!isRecord(schema)) throw new Error(`${name} has no schema`)
      const values = valuesOf(schema)
      return [name, required.includes(name) ? values : [undefined, ...values]]
    }),
  )
}

function valuesOf(schema: Parameters): readonly unknown[] {
  const { type, enum: choices, minimum, maximum, multipleOf } = schema
  if (Array.isArray(choices)) return choices.map((choice: unknown) => choice)
  if (type === 'boolean') return [false, true]
  if (type === 'string') return schema['format'] === 'byte' ? [upload] : ['one text', 'another text']
  if (typeof minimum !== 'number' || typeof maximum !== 'number') throw new Error(`a number has no limits`)
  const step = typeof multipleOf === 'number' ? multipleOf : type === 'integer' ? 1 : 0.25
  return [minimum, minimum + step, maximum]
}

/** Every value of every parameter, together with every value of each other parameter. */
function* combinations(workflow: ServedWorkflow): Iterable<Parameters> {
  const start = base(workflow)
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

const build = async (workflow: ServedWorkflow, parameters: Parameters): Promise<Prompt> => {
  const given = Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined))
  return completePrompt(await workflow.definition.generateWorkflow(workflow.parse(given)), 'prefix')
}

test('all modules of the folder are served without a problem or a warning', () => {
  expect(registry.problems()).toEqual([])
  expect(workflows.map(({ name }) => name)).toEqual([
    'flux/flux_depth',
    'qwen/qwen_base_txt2img',
    'qwen/qwen_img_edit',
    'sd15/img2img',
    'sd15/txt2img',
  ])
  expect(workflows.flatMap(({ warnings }) => warnings)).toEqual([])
})

test('the lists of choices are those of the nodes', () => {
  const choices = (classType: string, input: string): readonly unknown[] | undefined =>
    inputChoices(coreNode(classType)?.input.required?.[input] ?? [])
  expect(samplerNames).toEqual(choices('KSampler', 'sampler_name'))
  expect(schedulerNames).toEqual(choices('KSampler', 'scheduler'))
  expect(resizeMethods).toEqual(choices('ImageScaleBy', 'upscale_method'))
  expect(resizeMethods).toEqual(choices('ImageScaleToTotalPixels', 'upscale_method'))
})

test('every template belongs to a module', () => {
  const files = readdirSync(templates, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json'))
  expect(files.map((file) => file.slice(0, -'.json'.length)).sort()).toEqual(workflows.map(({ name }) => name))
})

describe.each(workflows.map((workflow) => [workflow.name, workflow] as const))('%s', (name, workflow) => {
  test('builds a sound graph for every pair of parameter values', async () => {
    const flaws = new Set<string>()
    let built = 0
    for (const parameters of combinations(workflow)) {
      for (const flaw of graphFlaws(await build(workflow, parameters))) flaws.add(flaw)
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
        graphs.add(JSON.stringify(await build(workflow, { ...present, ...base(workflow), [key]: value })))
      }
      if (graphs.size < 2) dead.push(key)
    }
    expect(dead).toEqual([])
  })

  test('is what its template says', async () => {
    const template = promptSchema.parse(JSON.parse(readFileSync(`${templates}/${name}.json`, 'utf8')))
    const graph = await workflow.definition.generateWorkflow(workflow.parse(base(workflow, 'example.png')))
    expect(completePrompt(graph, 'ComfyUI')).toEqual(template)
  })

  test('takes each of its examples and names its output nodes', async () => {
    const { examples = [], outputs = {} } = workflow.definition
    expect(examples.length).toBeGreaterThan(0)
    for (const example of examples) {
      const input = workflow.parse(withUploads(workflow, example))
      const prompt = await workflow.build(input, { uploads: new Set([upload]), filenamePrefix: 'job/1' })
      expect(graphFlaws(prompt)).toEqual([])
      for (const id of Object.values(outputs)) expect(coreNode(prompt[id]?.class_type ?? '')?.output_node).toBe(true)
      expect(prompt[Object.values(outputs)[0] ?? '']?.inputs['filename_prefix']).toBe('job/1')
    }
  })

  test('draws another seed each time, which JSON keeps exact', () => {
    const { seed: _fixed, ...parameters } = base(workflow)
    const seeds = Array.from({ length: 20 }, () => {
      const input = workflow.parse(parameters)
      return isRecord(input) ? input['seed'] : undefined
    })
    expect(new Set(seeds).size).toBe(20)
    expect(seeds.every((seed) => Number.isSafeInteger(seed))).toBe(true)
  })

  test('lists the models that its defaults name, and where to get them', async () => {
    const models = workflow.definition.metadata?.requiredModels ?? []
    const named = Object.values(await build(workflow, base(workflow)))
      .flatMap(({ inputs }) => Object.values(inputs))
      .filter((value) => typeof value === 'string' && value.endsWith('.safetensors'))
    expect(models.map((model) => model.name).sort()).toEqual([...new Set(named)].sort())
    for (const model of models) {
      expect(model.url).toMatch(new RegExp(`^https://huggingface\\.co/.+/${model.name.replaceAll('.', '\\.')}$`))
      expect(['checkpoints', 'diffusion_models', 'text_encoders', 'vae', 'loras']).toContain(model.directory)
    }
  })
})

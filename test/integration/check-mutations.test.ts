import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readNodeCatalogue, type NodeCatalogue } from '../../src/comfyui/wire/node-catalogue.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { checkPrompt, type PromptCheck } from '../../src/workflows/check/prompt/check-prompt.ts'

/* Sound graphs are changed at one place. What the change means is told by a table of our own, which knows the inputs of
 * the classes that the graphs use, and by a server that is asked over its socket. */

interface Node {
  class_type: string
  inputs: Record<string, unknown>
}
type Graph = Record<string, Node>

const node = (class_type: string, inputs: Record<string, unknown> = {}): Node => ({ class_type, inputs })

const textToImage: Graph = {
  '3': node('KSampler', {
    seed: 5,
    steps: 4,
    cfg: 7.5,
    sampler_name: 'euler',
    scheduler: 'normal',
    denoise: 1,
    model: ['10', 0],
    positive: ['6', 0],
    negative: ['7', 0],
    latent_image: ['5', 0],
  }),
  '4': node('CheckpointLoaderSimple', { ckpt_name: 'v1-5-pruned-emaonly-fp16.safetensors' }),
  '5': node('EmptyLatentImage', { width: 64, height: 64, batch_size: 1 }),
  '6': node('CLIPTextEncode', { text: 'a hill', clip: ['10', 1] }),
  '7': node('CLIPTextEncode', { text: '', clip: ['10', 1] }),
  '8': node('VAEDecode', { samples: ['3', 0], vae: ['4', 2] }),
  '9': node('SaveImage', { filename_prefix: 'out/a', images: ['8', 0] }),
  '10': node('LoraLoader', {
    lora_name: 'flux1-depth-dev-lora.safetensors',
    strength_model: 1,
    strength_clip: 0.5,
    model: ['4', 0],
    clip: ['4', 1],
  }),
}

const pictures: Graph = {
  a: node('EmptyImage', { width: 32, height: 32, batch_size: 1, color: 0 }),
  b: node('ImageScale', { image: ['a', 0], upscale_method: 'area', width: 64, height: 64, crop: 'center' }),
  c: node('ImageInvert', { image: ['b', 0] }),
  d: node('SaveImage', { filename_prefix: 'd', images: ['c', 0] }),
  e: node('ImageToMask', { image: ['a', 0], channel: 'red' }),
  f: node('MaskToImage', { mask: ['e', 0] }),
  g: node('PreviewImage', { images: ['f', 0] }),
  'h:1': node('PrimitiveBoolean', { value: true }),
  'h:2': node('PreviewAny', { source: ['h:1', 0] }),
}

type Rule =
  | { is: 'INT' | 'FLOAT'; min: number; max: number }
  | { is: 'STRING' | 'BOOLEAN' | 'ANY' }
  | { is: 'CHOICE'; among: readonly string[] }
  | { is: 'LINK'; to: string }

const int = (min: number, max: number): Rule => ({ is: 'INT', min, max })
const float = (min: number, max: number): Rule => ({ is: 'FLOAT', min, max })
const link = (to: string): Rule => ({ is: 'LINK', to })
const among = (...choices: string[]): Rule => ({ is: 'CHOICE', among: choices })
const text: Rule = { is: 'STRING' }

const rules: Record<string, Record<string, Rule>> = {
  KSampler: {
    seed: int(0, 2 ** 64),
    steps: int(1, 10_000),
    cfg: float(0, 100),
    sampler_name: among('euler', 'heun', 'ddim'),
    scheduler: among('normal', 'karras', 'simple'),
    denoise: float(0, 1),
    model: link('MODEL'),
    positive: link('CONDITIONING'),
    negative: link('CONDITIONING'),
    latent_image: link('LATENT'),
  },
  CheckpointLoaderSimple: {
    ckpt_name: among('v1-5-pruned-emaonly-fp16.safetensors', 'sd_xl_base_1.0.safetensors'),
  },
  EmptyLatentImage: { width: int(16, 16_384), height: int(16, 16_384), batch_size: int(1, 4096) },
  CLIPTextEncode: { text, clip: link('CLIP') },
  VAEDecode: { samples: link('LATENT'), vae: link('VAE') },
  SaveImage: { filename_prefix: text, images: link('IMAGE') },
  LoraLoader: {
    lora_name: among('flux1-depth-dev-lora.safetensors'),
    strength_model: float(-100, 100),
    strength_clip: float(-100, 100),
    model: link('MODEL'),
    clip: link('CLIP'),
  },
  EmptyImage: {
    width: int(1, 16_384),
    height: int(1, 16_384),
    batch_size: int(1, 4096),
    color: int(0, 0xffffff),
  },
  ImageScale: {
    image: link('IMAGE'),
    upscale_method: among('nearest-exact', 'bilinear', 'area', 'bicubic', 'lanczos'),
    width: int(0, 16_384),
    height: int(0, 16_384),
    crop: among('disabled', 'center'),
  },
  ImageInvert: { image: link('IMAGE') },
  ImageToMask: { image: link('IMAGE'), channel: among('red', 'green', 'blue', 'alpha') },
  MaskToImage: { mask: link('MASK') },
  PreviewImage: { images: link('IMAGE') },
  PrimitiveBoolean: { value: { is: 'BOOLEAN' } },
  PreviewAny: { source: { is: 'ANY' } },
}

const outputs: Record<string, readonly string[]> = {
  KSampler: ['LATENT'],
  CheckpointLoaderSimple: ['MODEL', 'CLIP', 'VAE'],
  EmptyLatentImage: ['LATENT'],
  CLIPTextEncode: ['CONDITIONING'],
  VAEDecode: ['IMAGE'],
  LoraLoader: ['MODEL', 'CLIP'],
  EmptyImage: ['IMAGE'],
  ImageScale: ['IMAGE'],
  ImageInvert: ['IMAGE'],
  ImageToMask: ['MASK'],
  MaskToImage: ['IMAGE'],
  PrimitiveBoolean: ['BOOLEAN'],
  PreviewAny: ['STRING'],
  SaveImage: ['IMAGE'],
  PreviewImage: ['IMAGE'],
}

/** `bent`: it runs with another value. `fails`: ComfyUI accepts it, and the job fails. */
type Meaning = 'fine' | 'bent' | 'fails' | 'refused'

function meaningOf(rule: Rule, value: unknown): Meaning {
  if (Array.isArray(value)) return 'refused'
  switch (rule.is) {
    case 'LINK':
      return 'fails'
    case 'ANY':
      return 'fine'
    case 'CHOICE':
      return rule.among.some((choice) => choice === value) ? 'fine' : 'refused'
    case 'STRING':
      return typeof value === 'string' ? 'fine' : 'bent'
    case 'BOOLEAN':
      return typeof value === 'boolean' ? 'fine' : 'bent'
    case 'INT':
    case 'FLOAT': {
      const number = numberIn(rule.is, value)
      if (number === undefined || number < rule.min || number > rule.max) return 'refused'
      return Object.is(number, value) ? 'fine' : 'bent'
    }
  }
}

function numberIn(type: 'INT' | 'FLOAT', value: unknown): number | undefined {
  if (typeof value === 'boolean') return Number(value)
  if (typeof value === 'number') return type === 'INT' ? Math.trunc(value) : value
  if (typeof value !== 'string') return undefined
  const fits = type === 'INT' ? /^ *[+-]?\d+ *$/ : /^ *[+-]?\d+(\.\d+)?(e\d+)? *$/
  return fits.test(value) ? Number(value) : undefined
}

const values = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, '', '7', ' 8 ', '-3', '0.5', '1e2', 'seven', 'euler', 'lanczos', 'red'),
  fc.constantFrom<unknown>({}, { x: 1 }, [], [1, 2, 3], ['8'], 0, 1, 7.9, -1, 2 ** 31),
  fc.integer({ min: -20_000, max: 20_000 }),
  fc.double({ min: -200, max: 200, noNaN: true }).map((value) => (Object.is(value, -0) ? 0 : value)),
  fc.string({ maxLength: 6 }).filter((each) => !/^[\s\d_+-]*$|[^ -~]/.test(each) && !each.includes('/')),
)

const graphs = fc.constantFrom(textToImage, pictures)
const places = graphs.chain((graph) =>
  fc.record({
    graph: fc.constant(graph),
    place: fc.constantFrom(
      ...Object.entries(graph).flatMap(([id, { inputs }]) => Object.keys(inputs).map((input) => ({ id, input }))),
    ),
  }),
)

function changed(graph: Graph, id: string, change: (inputs: Record<string, unknown>) => void): Graph {
  const copy = structuredClone(graph)
  const inputs = copy[id]?.inputs
  if (inputs !== undefined) change(inputs)
  return copy
}

function ruleOf(graph: Graph, { id, input }: { id: string; input: string }): Rule {
  const rule = rules[graph[id]?.class_type ?? '']?.[input]
  if (rule === undefined) throw new Error(`nothing is known of ${id} ${input}`)
  return rule
}

const answerSchema = z.object({
  error: z.object({ type: z.string() }).optional(),
  node_errors: z.record(z.string(), z.looseObject({ errors: z.array(z.looseObject({ type: z.string() })) })),
})

let simulator: Simulator
let catalogue: NodeCatalogue
const seen = new Map<string, number>()

async function post(prompt: unknown): Promise<Response> {
  const body = JSON.stringify({ prompt })
  return fetch(`${simulator.url}/prompt`, { method: 'POST', body, headers: { 'content-type': 'application/json' } })
}

beforeAll(async () => {
  simulator = await createSimulator({ stepDelayMs: 0 })
  const answer = await fetch(`${simulator.url}/object_info`)
  catalogue = readNodeCatalogue(await answer.json(), { source: 'the simulator', comfyuiVersion: '0.33.0' })
  // Its worker ends of a node without inputs: what is sent after that is judged, and not run.
  const deadly = {
    1: pictures['a'],
    2: { class_type: 'PreviewImage', inputs: { images: ['1', 0] } },
    3: { class_type: 'EmptyImage' },
  }
  const accepted = await post(deadly)
  expect(accepted.status).toBe(200)
  await accepted.json()
})
afterAll(() => simulator.close())

/** What is said of a graph, which is what the server says as well. */
async function check(prompt: Graph): Promise<PromptCheck> {
  const found = checkPrompt(prompt, { catalogue })
  const answer = await post(prompt)
  const { node_errors: nodeErrors, error } = answerSchema.parse(await answer.json())
  const isPartly = answer.status === 200 && Object.keys(nodeErrors).length > 0
  expect(found.verdict).toBe(answer.status !== 200 ? 'refused' : isPartly ? 'partly' : 'accepted')
  const told = new Set(found.problems.map(({ node: id, code }) => `${id} ${code}`))
  for (const [id, { errors }] of Object.entries(nodeErrors)) {
    for (const { type } of errors) expect(told).toContain(`${id} ${type}`)
  }
  if (error?.type === 'missing_node_type') expect(found.problems.map(({ code }) => code)).toContain(error.type)
  return found
}

function count(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1)
}

const errorsOf = ({ problems }: PromptCheck) => problems.filter(({ severity }) => severity === 'error')
const at = ({ id, input }: { id: string; input: string }) => ({ node: id, input })

describe('one change of a sound graph', () => {
  test('none: there is no problem', async () => {
    for (const graph of [textToImage, pictures]) {
      expect(await check(graph)).toEqual({ verdict: 'accepted', problems: [] })
    }
  })

  test('another value', async () => {
    await fc.assert(
      fc.asyncProperty(places, values, async ({ graph, place }, value) => {
        const rule = ruleOf(graph, place)
        const meaning = meaningOf(rule, value)
        const prompt = changed(graph, place.id, (inputs) => (inputs[place.input] = value))
        const found = await check(prompt)
        count(meaning)
        switch (meaning) {
          case 'refused':
            expect(found.verdict).not.toBe('accepted')
            expect(errorsOf(found)).toMatchObject([at(place)])
            break
          case 'fails':
            expect(found.verdict).toBe('accepted')
            expect(errorsOf(found)).toMatchObject([{ ...at(place), code: 'literal_for_link' }])
            break
          case 'bent':
            expect(found.verdict).toBe('accepted')
            expect(found.problems).toMatchObject([{ ...at(place), code: 'value_converted' }])
            break
          case 'fine':
            expect(found.verdict).toBe('accepted')
            expect(errorsOf(found)).toEqual([])
        }
      }),
      { numRuns: 400 },
    )
    for (const meaning of ['refused', 'fails', 'bent', 'fine']) expect(seen.get(meaning), meaning).toBeGreaterThan(10)
  }, 60_000)

  test('another link', async () => {
    const links = places.chain(({ graph, place }) =>
      fc.record({
        graph: fc.constant(graph),
        place: fc.constant(place),
        source: fc.constantFrom(...Object.keys(graph), 'none'),
        slot: fc.constantFrom(0, 0, 1, 2),
      }),
    )
    await fc.assert(
      fc.asyncProperty(links, async ({ graph, place, source, slot }) => {
        const rule = ruleOf(graph, place)
        const prompt = changed(graph, place.id, (inputs) => (inputs[place.input] = [source, slot]))
        const found = await check(prompt)
        const given = outputs[prompt[source]?.class_type ?? '']?.[slot]
        const wanted = rule.is === 'LINK' ? rule.to : rule.is
        const isFit = given !== undefined && (rule.is === 'ANY' || given === wanted)
        if (isFit && !leadsTo(prompt, source, place.id)) {
          count('fit')
          expect(found.verdict).toBe('accepted')
          expect(errorsOf(found)).toEqual([])
        } else {
          count('unfit')
          expect(found.verdict).not.toBe('accepted')
          expect(errorsOf(found).some(({ node: id }) => id === place.id)).toBe(true)
        }
      }),
      { numRuns: 300 },
    )
    for (const kind of ['fit', 'unfit']) expect(seen.get(kind), kind).toBeGreaterThan(0)
  }, 60_000)

  test('an input less', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ({ graph, place }) => {
        const found = await check(changed(graph, place.id, (inputs) => Reflect.deleteProperty(inputs, place.input)))
        expect(found.verdict).not.toBe('accepted')
        expect(errorsOf(found)).toMatchObject([{ ...at(place), code: 'required_input_missing' }])
      }),
    )
  }, 60_000)

  test('an input that is not declared', async () => {
    const given = fc.oneof(
      { weight: 2, arbitrary: fc.constantFrom<unknown>(1, 'x', null, { a: 1 }) },
      fc.constantFrom<unknown>(['none', 0], { __value__: ['none', 0] }),
      fc.constantFrom<unknown>(['4', 0], ['a', 0]),
    )
    await fc.assert(
      fc.asyncProperty(places, given, async ({ graph, place }, value) => {
        const found = await check(changed(graph, place.id, (inputs) => (inputs['not_declared'] = value)))
        const [problem] = found.problems
        expect(found.verdict).toBe('accepted')
        expect(problem).toMatchObject({ node: place.id, input: 'not_declared' })
        const isNowhere = JSON.stringify(value).includes('none')
        const isLink = Array.isArray(value)
        const isHere = isLink && Object.hasOwn(graph, String(value[0]))
        expect(problem?.kind).toBe(isNowhere || (isLink && !isHere) ? 'fatal' : isLink ? 'fails' : 'flawed')
      }),
    )
  }, 60_000)

  test('another class', async () => {
    await fc.assert(
      fc.asyncProperty(places, fc.constantFrom('NoSuchNode', '', 'toString'), async ({ graph, place }, classType) => {
        const copy = structuredClone(graph)
        copy[place.id] = { ...node(classType), inputs: copy[place.id]?.inputs ?? {} }
        const found = await check(copy)
        expect(found.verdict).toBe('refused')
        expect(errorsOf(found)).toMatchObject([{ node: place.id, code: 'missing_node_type' }])
      }),
    )
  }, 60_000)

  test('a node less', async () => {
    await fc.assert(
      fc.asyncProperty(places, async ({ graph, place }) => {
        const copy = structuredClone(graph)
        Reflect.deleteProperty(copy, place.id)
        const found = await check(copy)
        const users = Object.entries(copy).filter(([, { inputs }]) =>
          Object.values(inputs).some((value) => Array.isArray(value) && value[0] === place.id),
        )
        const told = errorsOf(found).map(({ node: id }) => id)
        for (const [id] of users) expect(told).toContain(id)
        if (users.length > 0) {
          expect(found.verdict).not.toBe('accepted')
        } else if (graph === textToImage) {
          expect(found.verdict).toBe('refused')
          expect(errorsOf(found)).toMatchObject([{ code: 'prompt_no_outputs' }])
        } else {
          expect(found.verdict).toBe('accepted')
          expect(errorsOf(found)).toEqual([])
          expect(found.problems).toContainEqual(expect.objectContaining({ code: 'unused_node' }))
        }
      }),
    )
  }, 60_000)
})

/** Whether `from` needs `to`, by whatever way. */
function leadsTo(graph: Graph, from: string, to: string): boolean {
  const open = [from]
  const met = new Set<string>()
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === to) return true
    if (met.has(id)) continue
    met.add(id)
    for (const value of Object.values(graph[id]?.inputs ?? {})) if (Array.isArray(value)) open.push(String(value[0]))
  }
  return false
}

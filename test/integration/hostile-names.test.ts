import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as sendRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { promptSchema } from '../../src/comfyui/wire/prompt.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { findFileInputs } from '../../src/workflows/graph/find-file-inputs.ts'
import { createClient } from '../support/call-gateway.ts'
import { createFront, type FrontServer, type PassedRequest } from '../support/front-server.ts'
import { makePng } from '../support/make-image.ts'
import { namesFor } from '../support/name-vectors.ts'
import { type RunningGateway, startGateway } from '../support/start-gateway.ts'

const workflows = ['named-files', 'choosy-workflows'].map((folder) =>
  fileURLToPath(new URL(`../fixtures/${folder}`, import.meta.url)),
)
/** Stands in every file that nobody may read, and in no answer. */
const marker = 'canary-0b9c1c1e6a0e4a51'
const lanes = 8
vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 })

const root = mkdtempSync(join(tmpdir(), 'hostile-names-'))
const dataDir = join(root, 'a', 'b', 'data')
const names = namesFor(join(root, 'canary.png'))
const sent: PassedRequest[] = []
/** Files of others on ComfyUI. */
const foreign = [
  ['input', 'private.png'],
  ['input', 'sub/private.png'],
  ['input', 'webcam.png'],
  ['input', `comfyui-api/${'a'.repeat(64)}.png`],
  ['output', 'secret.png'],
  ['output', `comfyui-api/${'a'.repeat(64)}.png`],
  ['temp', 'preview.png'],
] as const
let simulator: Simulator
let front: FrontServer
let gateway: RunningGateway
let filesBefore: readonly string[]
let jobId: string
const client = createClient(() => gateway.url)

beforeAll(async () => {
  mkdirSync(dataDir, { recursive: true })
  for (const folder of [root, dirname(dirname(dataDir)), dirname(dataDir)])
    for (const name of ['canary.png', 'private.png', 'secret.png', '.env', 'package.json', 'jobs.sqlite', 'a.0'])
      writeFileSync(join(folder, name), marker)
  filesBefore = filesBeside()
  simulator = await createSimulator({ stepDelayMs: 0, models: { checkpoints: ['common.safetensors'], loras: ['ink'] } })
  for (const [folder, name] of foreign) simulator.files.put(folder, name, Buffer.from(marker))
  front = await createFront(
    simulator.url,
    () => undefined,
    (request) => sent.push(request),
  )
  gateway = await startGateway({ dataDir, flags: { comfyuiUrl: [front.url], workflows } })
  await vi.waitFor(
    async () => {
      const response = await fetch(`${gateway.url}/workflows/choosy/sample`)
      const { readiness } = knownSchema.parse(await response.json())
      expect(readiness.instances.map(({ can_run }) => can_run)).toEqual([true])
    },
    { timeout: 100_000 },
  )
  jobId = (await client.run('/named/typed', {})).id
})
afterAll(async () => {
  await gateway.close()
  await front.close()
  await simulator.close()
  rmSync(root, { recursive: true, force: true })
})

const knownSchema = z.object({
  readiness: z.object({ instances: z.array(z.object({ can_run: z.boolean().nullable() })) }),
})

interface Answer {
  readonly status: number
  readonly body: string
}
type Send = (name: string) => Promise<Answer | undefined>

/** Sends all of them, and gives what was answered to each that can be sent so. No answer may hold a file of others. */
async function answersTo<Value>(
  send: (value: Value) => Promise<Answer | undefined>,
  values: readonly Value[],
): Promise<readonly (Answer & { readonly value: Value })[]> {
  const answers: (Answer & { readonly value: Value })[] = []
  const waiting = values.values()
  async function work(): Promise<void> {
    for (const value of waiting) {
      const answer = await send(value)
      if (answer !== undefined) answers.push({ ...answer, value })
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  const told = [marker, ...[0, 1, 2].map(base64Of)]
  expect(answers.filter(({ body }) => told.some((part) => body.includes(part)))).toEqual([])
  return answers
}

/** What stands in base64 for the marker that begins there in a group of three bytes. */
function base64Of(shift: number): string {
  return Buffer.from(' '.repeat(shift) + marker)
    .toString('base64')
    .slice(4, -4)
}

async function post(path: string, init: RequestInit): Promise<Answer> {
  const response = await fetch(gateway.url + path, { method: 'POST', ...init })
  return { status: response.status, body: await response.text() }
}

function postJson(path: string, body: unknown): Promise<Answer> {
  return post(path, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
}

function postForm(path: string, ...parts: readonly (readonly [string, string | File])[]): Promise<Answer> {
  const form = new FormData()
  for (const [name, value] of parts) form.append(name, value)
  return post(path, { body: form })
}

/** A path as it is, which `fetch` would make another one of. */
async function get(path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname: host, port } = new URL(gateway.url)
    const request = sendRequest({ host, port, path, method }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    request.on('error', reject)
    request.end()
  })
}

const encoded = (name: string) => encodeURIComponent(name.toWellFormed())
/** Only what cannot stand in a request line is encoded. */
const raw = (name: string) => name.toWellFormed().replace(/[^!-~]/gu, (letter) => encodeURIComponent(letter))

const node = (classType: string, inputs: object) => ({ class_type: classType, inputs })
const blank = {
  '1': node('EmptyImage', { width: 16, height: 16, batch_size: 1, color: 7 }),
  '2': node('SaveImage', { images: ['1', 0], filename_prefix: 'x' }),
}
const postGraph = (nodes: object) => postJson('/prompt', { prompt: { ...blank, ...nodes } })

/** Title, the field that the refusal names, and how the name gets there. */
const refusing: readonly (readonly [title: string, field: string, send: Send])[] = [
  ...(['image', 'mask', 'video', 'audio'] as const).map(
    (kind) => [`${kind}(), flat`, `/${kind}`, (name: string) => postJson('/named/typed', { [kind]: name })] as const,
  ),
  ['image() in the envelope', '/image', (image) => postJson('/named/typed', { input: { image } })],
  ['image() in a list', '/images/0', (image) => postJson('/named/typed', { images: [image] })],
  ['image() in an object', '/style/reference', (reference) => postJson('/named/typed', { style: { reference } })],
  // An empty field of a form is one that nobody filled in.
  ['image() as text in a form', '/image', (name) => notEmpty(name, () => postForm('/named/typed', ['image', name]))],
  ['the id of an asset', '/image', (asset) => postJson('/named/typed', { image: { asset } })],
  ['the input of an export', '/image', (image) => postJson('/named/dropped', { image })],
  ...(
    ['image', 'mask', 'video', 'film', 'sound', 'marked', 'first', 'second', 'deep', 'loaded', 'folder'] as const
  ).map(
    (field) =>
      [`plain text, ${field}`, `/${field}`, (name: string) => postJson('/named/plain', { [field]: name })] as const,
  ),
  ['plain text, audio', '/audio', (audio) => notEmpty(audio, () => postJson('/named/plain', { audio }))],
  ['plain text, subfolder', '/subfolder', (subfolder) => postJson('/named/plain', { subfolder })],
  ['plain text behind a switch', '/switched', (name) => postJson('/named/plain', { mode: 'two', switched: name })],
  ['plain text in a list', '/images/0', (image) => postJson('/named/plain', { images: [image] })],
  ['plain text in a list of objects', '/layers/0', (image) => postJson('/named/plain', { layers: [{ image }] })],
  ['plain text in an object', '/style/reference', (reference) => postJson('/named/plain', { style: { reference } })],
  ['plain text in a record', '/table', (image) => postJson('/named/plain', { table: { a: image } })],
  ['anything at all', '/any', (any) => postJson('/named/plain', { any })],
  ['model()', '/checkpoint', (checkpoint) => postJson('/choosy/sample', { checkpoint })],
  ['model() behind a switch', '/lora', (lora) => postJson('/choosy/sample', { strength: 1, lora })],
  ['sampler()', '/sampler', (sampler) => postJson('/choosy/sample', { sampler })],
  ['a model as plain text', '/checkpoint', (checkpoint) => postJson('/choosy/draw', { checkpoint })],
  ['a model in a list', '/loras/0/name', (name) => postJson('/choosy/draw', { loras: [{ name }] })],
  ['a parameter', '', (name) => postJson('/named/typed', { [name]: 'x' })],
  ['a part of a form', '', (name) => postForm('/named/typed', [name, 'x'])],
  ...(
    [
      ['LoadImage', 'image'],
      ['LoadImageMask', 'image'],
      ['LoadAudio', 'audio'],
      ['LoadVideo', 'file'],
      ['LoadLatent', 'latent'],
      ['Load3D', 'model_file'],
      ['LoadImageDataSetFromFolder', 'folder'],
      ['VHS_LoadVideo', 'video'],
      ['VHS_LoadVideoPath', 'video'],
      ['VHS_LoadImages', 'directory'],
      ['VHS_LoadAudioUpload', 'audio'],
      ['Image Load', 'image_path'],
      ['Image Save', 'output_path'],
      ['AnyOther', 'filename'],
    ] as const
  ).map(
    ([classType, input]) =>
      [
        `${input} of ${classType} in a graph`,
        `/prompt/3/inputs/${input}`,
        (name: string) => postGraph({ '3': node(classType, { [input]: name }) }),
      ] as const,
  ),
  ['a text that LoadImage gets', '/prompt/4/inputs/value', (value) => postGraph(linked(value))],
  ['a model in a graph', '/prompt/3/inputs/ckpt_name', (name) => postGraph(checkpointOf(name))],
  ['the class of a node', '/prompt/3', (name) => postGraph({ '3': node(name, {}), '2': saving('3') })],
]

async function notEmpty(name: string, send: () => Promise<Answer>): Promise<Answer | undefined> {
  return name === '' ? undefined : send()
}

const saving = (source: string, prefix = 'x') => node('SaveImage', { images: [source, 0], filename_prefix: prefix })
const linked = (value: string) => ({
  '3': node('LoadImage', { image: ['4', 0] }),
  '4': node('PrimitiveString', { value }),
})
const checkpointOf = (name: string) => ({
  '3': node('CheckpointLoaderSimple', { ckpt_name: name }),
  '4': node('EmptyLatentImage', { width: 16, height: 16, batch_size: 1 }),
  '5': node('VAEDecode', { samples: ['4', 0], vae: ['3', 2] }),
  '6': saving('5'),
})

const refusalSchema = z.object({
  status: z.union([z.literal(400), z.literal(422)]),
  errors: z.array(z.object({ pointer: z.string().optional(), message: z.string() })),
})

describe('a name is refused, and the field is named', () => {
  test.each(refusing)('%s', async (_title, field, send) => {
    const prompts = promptsSent().length
    const answers = await answersTo(send, names)
    expect(answers.length).toBeGreaterThanOrEqual(names.length - 1)
    const others = answers.filter(({ body }) => {
      const { success, data } = refusalSchema.safeParse(parseJson(body))
      return !(success && (field === '' || data.errors.some(({ pointer }) => pointer?.includes(field))))
    })
    expect(others).toEqual([])
    expect(promptsSent()).toHaveLength(prompts)
  })
})

const png = new Uint8Array(makePng())
const fileOf = (name: string) => new File([png], name)
/** Many of them go into one request. Half of a letter is no text, wherever it stands, and has the whole refused. */
const groups = [
  ...Map.groupBy(names.filter((name) => name.isWellFormed()).entries(), ([index]) => index % 14).values(),
].map((entries) => entries.map(([, name]) => name))
const broken = names.filter((name) => !name.isWellFormed())

/** One node for each name, all of which are run. */
const nodesFor = (group: readonly string[], make: (name: string) => object) =>
  Object.fromEntries(group.map((name, index) => [`n${index}`, make(name)]))

describe('a name is data, and nothing is called so', () => {
  const image = blank['1']
  const taking: readonly (readonly [title: string, send: (group: readonly string[]) => Promise<Answer>])[] = [
    [
      'the name of a file in a form',
      (group) => postForm('/named/typed', ...group.map((name) => ['images', fileOf(name)] as const)),
    ],
    [
      'the name of a file for a plain text',
      (group) => postForm('/named/plain', ...group.map((name) => ['images', fileOf(name)] as const)),
    ],
    ['filename_prefix in a graph', (group) => postGraph(nodesFor(group, (name) => saving('1', name)))],
    ['the title of a node', (group) => postGraph(nodesFor(group, (title) => ({ ...image, _meta: { title } })))],
    [
      'what is embedded in a picture',
      (group) => {
        const entries = group.filter((name) => name !== '__proto__').map((name) => [name, name])
        return postJson('/prompt', { prompt: blank, extra_data: { extra_pnginfo: Object.fromEntries(entries) } })
      },
    ],
  ]
  test.each(taking)('%s', async (_title, send) => {
    const answers = await answersTo(send, groups)
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    const others = await answersTo((name) => send([name]), broken)
    expect(others.filter(({ status }) => status !== 200 && status !== 400)).toEqual([])
  })

  test('a prefix that a module makes', async () => {
    const answers = await answersTo((prefix) => postJson('/named/plain', { prefix }), names)
    expect(answers).toHaveLength(names.length)
    const others = answers.filter(({ value, status }) => status !== (value.isWellFormed() ? 200 : 400))
    expect(others).toEqual([])
  })
})

describe('a name in a path leads to nothing', () => {
  const paths: readonly (readonly [title: string, pathOf: (name: string) => string, method: string])[] = [
    ['a job', (name) => `/jobs/${name}`, 'GET'],
    ['a job to be removed', (name) => `/jobs/${name}`, 'DELETE'],
    ['the events of a job', (name) => `/jobs/${name}/events`, 'GET'],
    ['the outputs of a job', (name) => `/jobs/${name}/outputs`, 'GET'],
    ['an output of a job', (name) => `/jobs/${name}/outputs/0`, 'GET'],
    ['an output', (name) => `/jobs/${jobId}/outputs/${name}`, 'GET'],
    ['an asset', (name) => `/assets/${name}`, 'GET'],
    ['an asset to be removed', (name) => `/assets/${name}`, 'DELETE'],
    ['the bytes of an asset', (name) => `/assets/${name}/content`, 'GET'],
    ['a workflow', (name) => `/named/${name}`, 'GET'],
    ['a workflow to be run', (name) => `/named/${name}`, 'POST'],
    ['the description of a workflow', (name) => `/workflows/${name}`, 'GET'],
    ['the graph of a workflow', (name) => `/workflows/${name}/render`, 'POST'],
    ['an instance', (name) => `/instances/${name}`, 'GET'],
    ['an instance to be drained', (name) => `/instances/${name}/drain`, 'POST'],
    ['a folder of models', (name) => `/models/${name}`, 'GET'],
    ['a page', (name) => `/docs/${name}`, 'GET'],
    ['a file of the page', (name) => `/docs/static/${name}`, 'GET'],
    ['anything', (name) => `/${name}`, 'GET'],
  ]
  test.each(paths)('%s', async (_title, pathOf, method) => {
    // What is no name leads to what stands around it.
    const leading = new Set(['', '.', './', '..', '../', '/', '//', '?', '#', '0'])
    const answers = await answersTo((name) => get(pathOf(encoded(name)), method), names)
    expect(answers.filter(({ status, value }) => !leading.has(value) && (status < 400 || status >= 500))).toEqual([])
    const asTheyAre = await answersTo((name) => get(pathOf(raw(name)), method), names)
    expect(asTheyAre.filter(({ status }) => status >= 500)).toEqual([])
  })

  test('a type of models is none, as a query', async () => {
    const answers = await answersTo((name) => get(`/models?type=${encoded(name)}`), names)
    expect(answers.filter(({ status }) => status !== 400)).toEqual([])
  })
})

describe('a name is refused, or is data', () => {
  const withHeaders = (name: string, ...headers: readonly string[]) => {
    if (/[^\t -~\u0080-\u00ff]/.test(name)) return Promise.resolve(undefined)
    const sent = Object.fromEntries(headers.map((header) => [header, name]))
    return post('/named/typed', { body: '{}', headers: { 'content-type': 'application/json', ...sent } })
  }
  const either: readonly (readonly [title: string, send: Send])[] = [
    ['the id of a job', (id) => postJson('/named/typed', { input: {}, id })],
    ['the tag of a job', (tag) => postJson('/named/typed', { input: {}, tags: [tag] })],
    ['the id of a job in a header', (name) => withHeaders(name, 'job-id')],
    ['the tag of a job in a header', (name) => withHeaders(name, 'job-tags')],
    ['the key of a request', (name) => withHeaders(name, 'idempotency-key')],
    ['other headers', (name) => withHeaders(name, 'x-request-id', 'traceparent', 'tracestate', 'accept', 'prefer')],
  ]
  test.each(either)('%s', async (_title, send) => {
    const answers = await answersTo(send, names)
    expect(answers.length).toBeGreaterThan(100)
    expect(answers.filter(({ status }) => ![200, 202, 400, 406, 409, 422, 431].includes(status))).toEqual([])
  })

  const inGraph: readonly (readonly [title: string, send: (group: readonly string[]) => Promise<Answer>])[] = [
    ['the id of a node', (group) => postGraph(Object.fromEntries(group.map((id) => [id, blank['1']])))],
    [
      'an input of a node',
      (group) => {
        const inputs = Object.fromEntries(group.map((name) => [name, name]))
        return postGraph({ '1': node('EmptyImage', { ...blank['1'].inputs, ...inputs }) })
      },
    ],
  ]
  test.each(inGraph)('%s', async (_title, send) => {
    const answers = await answersTo(send, [...groups, ...broken.map((name) => [name])])
    expect(answers.filter(({ status }) => ![200, 400, 422].includes(status))).toEqual([])
  })
})

const submittedSchema = z.object({ prompt: promptSchema })
const ourUpload = /^comfyui-api\/[0-9a-f]{64}\.png( \[input\])?$/
const ourPrefix = /^comfyui-api\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

test('ComfyUI was told of no file but ours', () => {
  const prompts = promptsSent()
  expect(prompts.length).toBeGreaterThan(names.length)
  const files = prompts.flatMap((prompt) => findFileInputs(prompt, coreNode)).map(({ value }) => value)
  expect(files.length).toBeGreaterThan(names.length)
  expect(files.filter((name) => !ourUpload.test(name))).toEqual([])
  const prefixes = prompts.flatMap((prompt) => Object.values(prompt).map(({ inputs }) => inputs['filename_prefix']))
  expect(
    prefixes.filter((prefix) => prefix !== undefined && !(typeof prefix === 'string' && ourPrefix.test(prefix))),
  ).toEqual([])

  const uploads = sent.filter(({ path }) => path.includes('/upload/')).map(({ body }) => body.toString('latin1'))
  expect(uploads.length).toBeGreaterThan(0)
  for (const upload of uploads) {
    expect([...upload.matchAll(/filename="([^"]*)"/g)].map(([, name]) => name)).toEqual([
      expect.stringMatching(/^[0-9a-f]{64}\.png$/),
    ])
    expect(upload).toMatch(/name="subfolder"\r\n\r\ncomfyui-api\r\n/)
  }

  const views = sent
    .filter(({ path }) => path.includes('/view'))
    .map(({ path }) => new URL(path, front.url).searchParams)
  expect(views.length).toBeGreaterThan(0)
  for (const view of views) {
    expect(view.get('subfolder')).toBe('comfyui-api')
    expect(view.get('filename')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}_\d+_\.png$/)
    expect(view.get('type')).toBe('output')
  }
})

test('nothing lies anywhere that is not called as we call it, and what lay there is as it was', () => {
  expect(filesBeside()).toEqual(filesBefore)
  for (const [folder, name] of foreign) expect(simulator.files.get(folder, name)?.bytes.toString()).toBe(marker)
  const others = (['input', 'output', 'temp'] as const).flatMap((folder) => [
    ...simulator.files.names(folder, ''),
    ...simulator.files
      .names(folder, 'comfyui-api')
      .filter((name) => !/^([0-9a-f]{64}|[0-9a-f-]{36}_\d+_)\.png$/.test(name)),
  ])
  expect(others.toSorted()).toEqual(['preview.png', 'private.png', 'secret.png', 'webcam.png'])
  const ours = filesBelow(dataDir).filter(
    (name) =>
      !/^(jobs\.sqlite(-wal|-shm)?|inputs\/[0-9a-f]{64}\.png|outputs\/([0-9a-f-]{36}|j~[a-z0-9_-]{1,128}~[0-9a-f]+)\.0)$/.test(
        name,
      ),
  )
  expect(ours).toEqual([])
})

function promptsSent() {
  return sent
    .filter(({ method, path }) => method === 'POST' && /^\/(api\/)?prompt$/.test(path))
    .map(({ body }) => submittedSchema.parse(JSON.parse(body.toString())).prompt)
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
}

/** Every file around the data directory, with what it holds. */
function filesBeside(): readonly string[] {
  return filesBelow(root)
    .filter((name) => !name.startsWith('a/b/data/'))
    .map((name) => `${name}: ${readFileSync(join(root, name), 'utf8')}`)
    .toSorted()
}

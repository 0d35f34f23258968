import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { decodeMedia } from '../../src/inputs/decode-media.ts'
import { parsePythonJson } from '../../src/lib/parse-python-json.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { sendHeaders } from '../support/raw-http.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

const graph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 7 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: '../../mine' } },
}
const png = makePng()
const dataUri = `data:image/png;base64,${png.toString('base64')}`
const loadImage = { class_type: 'LoadImage', inputs: { image: dataUri } }

describe('a body with a graph', () => {
  let gateway: TestApp
  let route: string
  beforeAll(async () => {
    gateway = await startTestApp({
      options: {
        decodeMedia,
        nodes: (classType) =>
          classType === 'MyLoader'
            ? { input: { required: { picture: ['COMBO', { image_upload: true }] } }, output: ['IMAGE'] }
            : coreNode(classType),
      },
    })
    route = `${gateway.url}/prompt`
  })
  beforeEach(() => answerAtOnce(gateway, png))
  afterAll(() => gateway[Symbol.asyncDispose]())

  /** What the body becomes. */
  async function requested(body: object, headers: Record<string, string> = {}) {
    const response = await postJson(route, body, headers)
    const text = await response.text()
    expect(response.status, text).toBe(200)
    const request = gateway.jobs.requests.at(-1)
    if (request === undefined) throw new Error('no job was submitted')
    return request
  }

  async function refusal(body: unknown, headers: Record<string, string> = {}) {
    const before = gateway.jobs.requests.length
    const problem = await readProblem(await postJson(route, body, headers))
    expect(gateway.jobs.requests).toHaveLength(before)
    return problem
  }

  test('is a job named prompt, of the graph as it is but with our file names', async () => {
    const request = await requested({ prompt: graph })
    expect(request).toMatchObject({ workflow: 'prompt', outputNames: {}, inputFiles: [], priority: 0, previews: false })
    expect(request.prompt).toMatchObject({ '1': graph['1'], '2': { inputs: { images: ['1', 0] } } })
    expect(request.prompt['2']?.inputs['filename_prefix']).toMatch(/^comfyui-api\/[0-9a-f-]{36}$/)
    expect(request).not.toHaveProperty('pngInfo')
  })

  test('may have the options of every call beside it, or in headers', async () => {
    expect(await requested({ prompt: graph, priority: 7, previews: true, retry: false })).toMatchObject({
      priority: 7,
      previews: true,
      retry: false,
    })
    expect(await requested({ prompt: graph }, { 'job-priority': '-3' })).toMatchObject({ priority: -3 })
    const problem = await refusal({ prompt: graph, priorty: 7, cfg: 1 })
    expect(problem).toMatchObject({ status: 400, code: 'validation_error' })
    expect(problem.errors).toMatchObject([
      { pointer: '/priorty', message: expect.stringMatching(/beside `prompt` .* did you mean `priority`/) },
      { pointer: '/cfg', message: expect.stringContaining('nodes belong into `prompt`') },
    ])
  })

  test('gets the answers of every call: the picture, the job at once, its events, the same job again', async () => {
    const picture = await postJson(route, { prompt: graph }, { accept: 'image/*' })
    expect(picture.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await picture.arrayBuffer())).toEqual(png)
    const accepted = await postJson(route, { prompt: graph }, { prefer: 'respond-async' })
    expect(accepted.status).toBe(202)
    expect(await accepted.json()).toMatchObject({ workflow: 'prompt' })
    const events = await postJson(route, { prompt: graph }, { accept: 'text/event-stream' })
    expect(await events.text()).toContain('event: end')
    const key = { 'idempotency-key': 'once' }
    const first = resultSchema.parse(await (await postJson(route, { prompt: graph }, key)).json())
    const second = resultSchema.parse(await (await postJson(route, { prompt: graph }, key)).json())
    expect(second.id).toBe(first.id)
    expect(await refusal({ prompt: graph, priority: 1 }, key)).toMatchObject({ code: 'idempotency_key_reuse' })
  })

  test('may come from a client of ComfyUI: what says nothing here is of no effect', async () => {
    const workflow = { nodes: [], links: [], version: 0.4 }
    const request = await requested({
      client_id: 'web',
      prompt_id: null,
      front: false,
      partial_execution_targets: null,
      prompt: graph,
      extra_data: { extra_pnginfo: { workflow, note: 'mine' }, preview_method: 'auto', api_key_comfy_org: '' },
    })
    expect(request.pngInfo).toEqual({ workflow, note: 'mine' })
  })

  test.each([
    [{ prompt_id: '0b9c1c1e-6a0e-4a51-9f0e-3f6f4f6f9c11' }, '/prompt_id', '`id`'],
    [{ front: true }, '/front', '`priority`'],
    [{ number: 0 }, '/number', '`priority`'],
    [{ partial_execution_targets: ['2'] }, '/partial_execution_targets', 'leave the nodes out'],
  ])('is refused with what to use instead: %j', async (fields, pointer, advice) => {
    const problem = await refusal({ prompt: graph, ...fields })
    expect(problem).toMatchObject({ status: 400, code: 'validation_error', errors: [{ pointer }] })
    expect(problem.detail).toContain(advice)
  })

  test.each([
    [null, '/extra_data'],
    [[], '/extra_data'],
    [{ extra_pnginfo: null }, '/extra_data/extra_pnginfo'],
    [{ extra_pnginfo: [] }, '/extra_data/extra_pnginfo'],
    [{ extra_pnginfo: 'x' }, '/extra_data/extra_pnginfo'],
    [{ extra_pnginfo: { workflow: null } }, '/extra_data/extra_pnginfo/workflow'],
    [{ extra_pnginfo: { workflow: [] } }, '/extra_data/extra_pnginfo/workflow'],
    [{ api_key_comfy_org: 'secret' }, '/extra_data/api_key_comfy_org'],
    [{ something: 1 }, '/extra_data/something'],
  ])(
    'is refused with extra_data that would break the list of jobs, or that nobody passes on: %j',
    async (extra, at) => {
      const problem = await refusal({ prompt: graph, extra_data: extra })
      expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow', errors: [{ pointer: at }] })
    },
  )

  test.each([
    ['nothing', {}, 'is missing'],
    ['the graph itself', graph, 'put the graph into it'],
  ])('is refused where the graph is not in its place: %s', async (_title, body, detail) => {
    const problem = await refusal(body)
    expect(problem).toMatchObject({ status: 400, code: 'validation_error', errors: [{ pointer: '/prompt' }] })
    expect(problem.detail).toContain(detail)
  })

  test('is JSON', async () => {
    expect(await refusal([graph])).toMatchObject({ status: 400, code: 'malformed_body' })
    const form = new FormData()
    form.set('prompt', JSON.stringify(graph))
    const problem = await readProblem(await fetch(route, { method: 'POST', body: form }))
    expect(problem).toMatchObject({ status: 415, code: 'unsupported_media_type' })
  })

  const deadly: [title: string, prompt: unknown, pointer: string][] = [
    ['no object', [], '/prompt'],
    ['no nodes', {}, '/prompt'],
    ['a node without inputs', { ...graph, '7': { class_type: 'A' } }, '/prompt/7/inputs'],
    [
      'a link to nowhere',
      { ...graph, '7': { class_type: 'A', inputs: { 'x/y': ['99', 0] } } },
      '/prompt/7/inputs/x~1y',
    ],
    [
      'the same in __value__',
      { ...graph, '7': { class_type: 'A', inputs: { x: { __value__: ['99', true] } } } },
      '/prompt/7/inputs/x',
    ],
    ['a number as id', { ...graph, '7': { class_type: 'A', inputs: { x: [1, 0] } } }, '/prompt/7/inputs/x'],
    ['a slot that is not there', { ...graph, '7': { class_type: 'A', inputs: { x: ['1', 1] } } }, '/prompt/7/inputs/x'],
    ['a cycle', { '7': { class_type: 'A', inputs: { x: ['7', 0] } } }, '/prompt/7/inputs/x'],
    [
      'a slot that a custom node does not have',
      {
        '1': { class_type: 'MyLoader', inputs: { picture: dataUri } },
        '2': { class_type: 'A', inputs: { x: ['1', 1] } },
      },
      '/prompt/2/inputs/x',
    ],
    [
      'a long chain',
      Object.fromEntries(
        Array.from({ length: 950 }, (_, index) => [
          `n${index}`,
          { class_type: 'A', inputs: index === 0 ? {} : { x: [`n${index - 1}`, 0] } },
        ]),
      ),
      '/prompt/n899',
    ],
  ]
  test.each(deadly)('is refused when ComfyUI would refuse the graph or crash of it: %s', async (_title, prompt, at) => {
    const problem = await refusal({ prompt })
    expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow', errors: [{ pointer: at }] })
  })

  test('is refused when it is deeper or larger than any body may be', async () => {
    const deep = `{"prompt": ${'{"a":'.repeat(100)}1${'}'.repeat(101)}`
    const response = await fetch(route, { method: 'POST', body: deep, headers: { 'content-type': 'application/json' } })
    expect(await readProblem(response)).toMatchObject({ code: 'too_complex' })
    const long = { ...graph, '7': { class_type: 'A', inputs: { text: 'x'.repeat(1_200_000) } } }
    expect(await refusal({ prompt: long })).toMatchObject({ code: 'too_complex' })
  })

  test('holds files in the place of their names, in nodes of any pack', async () => {
    const prompt = {
      '1': loadImage,
      '2': { class_type: 'MyLoader', inputs: { picture: png.toString('base64') } },
      '3': { class_type: 'LoadImageMask', inputs: { image: dataUri, channel: 'red' } },
    }
    const { inputFiles, prompt: built } = await requested({ prompt })
    expect(inputFiles).toHaveLength(1)
    const name = inputFiles[0]?.name
    expect(built).toMatchObject({
      '1': { inputs: { image: name } },
      '2': { inputs: { picture: name } },
      '3': { inputs: { image: name, channel: 'red' } },
    })
    expect(gateway.inputs.stored.slice(-3).map(({ pointer }) => pointer)).toEqual([
      '/prompt/1/inputs/image',
      '/prompt/2/inputs/picture',
      '/prompt/3/inputs/image',
    ])
  })

  test.each([
    [{ class_type: 'LoadImage', inputs: { image: 'example.png' } }, '/prompt/1/inputs/image', 'unsafe_prompt'],
    [
      { class_type: 'LoadImage', inputs: { image: '../secret.png [output]' } },
      '/prompt/1/inputs/image',
      'unsafe_prompt',
    ],
    [{ class_type: 'MyLoader', inputs: { picture: 'x.png' } }, '/prompt/1/inputs/picture', 'unsafe_prompt'],
    [
      { class_type: 'LoadImage', inputs: { image: 'http://10.0.0.1/x.png' } },
      '/prompt/1/inputs/image',
      'unsupported_input',
    ],
    [{ class_type: 'LoadImage', inputs: { image: 'data:image/png,x' } }, '/prompt/1/inputs/image', 'unsupported_input'],
    [
      { class_type: 'VHS_LoadImagesPath', inputs: { directory: '/etc' } },
      '/prompt/1/inputs/directory',
      'unsafe_prompt',
    ],
  ])('never names a file of the caller’s choice: %j', async (node, pointer, code) => {
    expect(await refusal({ prompt: { '1': node } })).toMatchObject({ status: 422, code, errors: [{ pointer }] })
  })

  test('is documented with an example that works', async () => {
    const schema = z.object({
      paths: z.looseObject({
        '/prompt': z.object({
          post: z.looseObject({
            requestBody: z.looseObject({
              content: z.object({
                'application/json': z.looseObject({
                  examples: z.record(z.string(), z.looseObject({ value: z.looseObject({}) })),
                }),
              }),
            }),
          }),
        }),
      }),
    })
    const { paths } = schema.parse(await (await fetch(`${gateway.url}/openapi.json`)).json())
    const { examples } = paths['/prompt'].post.requestBody.content['application/json']
    expect(Object.keys(examples)).not.toEqual([])
    for (const { value } of Object.values(examples)) await requested(value)
  })
})

describe('a server that takes no graphs', () => {
  let gateway: TestApp
  beforeAll(async () => {
    gateway = await startTestApp({ security: { takesRawPrompts: false, apiKeys: ['key-one-0123456789'] } })
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test('says how to have it take them, without reading the body', async () => {
    const problem = await readProblem(
      await fetch(`${gateway.url}/prompt`, {
        method: 'POST',
        body: 'no JSON',
        headers: { 'content-type': 'application/json', 'x-api-key': 'key-one-0123456789' },
      }),
    )
    expect(problem).toMatchObject({ status: 403, code: 'raw_prompts_off' })
    expect(problem.detail).toContain('--raw-prompts on')
    expect(gateway.jobs.requests).toEqual([])
  })

  test('tells it only to those who have a key, and not in its document', async () => {
    expect(await readProblem(await postJson(`${gateway.url}/prompt`, { prompt: graph }))).toMatchObject({ status: 401 })
    const document = await fetch(`${gateway.url}/openapi.json`, { headers: { 'x-api-key': 'key-one-0123456789' } })
    expect(z.object({ paths: z.looseObject({}) }).parse(await document.json()).paths).not.toHaveProperty('/prompt')
  })
})

test('strangers are kept out as everywhere', async () => {
  await using gateway = await startTestApp({ security: { apiKeys: ['key-one-0123456789'] } })
  answerAtOnce(gateway)
  const send = (headers: Record<string, string>) =>
    sendHeaders(
      gateway.port,
      'POST',
      '/prompt',
      { Host: 'localhost:3000', 'Content-Type': 'application/json', ...headers },
      JSON.stringify({ prompt: graph }),
    )
  const key = { 'X-API-Key': 'key-one-0123456789' }
  expect((await send({})).status).toBe(401)
  expect((await send({ ...key, Host: 'evil.net' })).status).toBe(403)
  expect((await send({ ...key, Origin: 'http://evil.net' })).status).toBe(403)
  expect(gateway.jobs.requests).toEqual([])
  expect((await send(key)).status).toBe(200)
})

describe.each(['0.33.0', '0.3.64'] as const)('in front of ComfyUI %s', (version) => {
  let simulator: Simulator
  let gateway: RunningGateway
  const client = createClient(() => gateway.url)
  beforeAll(async () => {
    simulator = await createSimulator({ version, testNodes: true, stepDelayMs: 0 })
    gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
  })
  afterAll(async () => {
    await gateway.close()
    await simulator.close()
  })

  test('a graph makes its picture, with what is to be embedded', async () => {
    const workflow = { nodes: [{ id: 1 }], links: [] }
    const result = await client.run('/prompt', { prompt: graph, extra_data: { extra_pnginfo: { workflow } } })
    expect(result).toMatchObject({ status: 'succeeded', workflow: 'prompt', outputs: [{ node_id: '2', name: null }] })
    expect(Buffer.from(result.images[0] ?? '', 'base64').toString('latin1', 1, 4)).toBe('PNG')
    const history = parsePythonJson(await (await fetch(`${simulator.url}/history`)).text())
    const entry = z.object({
      prompt: z.tuple([z.unknown(), z.string(), z.unknown(), z.looseObject({})]).rest(z.unknown()),
    })
    const sent = Object.values(z.record(z.string(), entry).parse(history)).at(-1)
    expect(sent?.prompt[3]).toMatchObject({ extra_pnginfo: { workflow } })
  })

  test('a picture in the graph is uploaded and read', async () => {
    const save = { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } }
    const result = await client.run('/prompt', { prompt: { '1': loadImage, '9': save } })
    expect(result.outputs).toMatchObject([{ node_id: '9', type: 'image' }])
  })

  const refused: [title: string, changes: object, expected: object][] = [
    [
      'a value out of range',
      { '1': { class_type: 'EmptyImage', inputs: { ...graph['1'].inputs, width: 1e9 } } },
      { pointer: '/prompt/1/inputs/width', code: 'value_bigger_than_max' },
    ],
    [
      'an input that is missing',
      { '1': { class_type: 'EmptyImage', inputs: { width: 16 } } },
      { pointer: '/prompt/1/inputs/height', code: 'required_input_missing' },
    ],
    [
      'a model that is not there',
      {
        '3': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'nobody.safetensors' } },
        '4': { class_type: 'VAEDecode', inputs: { samples: ['5', 0], vae: ['3', 2] } },
        '5': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
        '6': { class_type: 'PreviewImage', inputs: { images: ['4', 0] } },
      },
      { pointer: '/prompt/3/inputs/ckpt_name', code: 'value_not_in_list' },
    ],
    [
      'a class that is not there',
      { 'my/node': { class_type: 'Nobody', inputs: {} } },
      { pointer: '/prompt/my~1node/class_type' },
    ],
  ]
  test.each(refused)('what it refuses is pointed at in the body: %s', async (_title, changes, expected) => {
    const response = await client.post('/prompt', { prompt: { ...graph, ...changes } })
    const problem = await readProblem(response)
    expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow' })
    expect(problem.errors).toContainEqual(expect.objectContaining(expected))
  })

  test('what its custom nodes have is known, and a graph that needs more is not even sent', async () => {
    const sleep = { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds: 0, ticks: 1, nonce: 1 } }
    const save = { class_type: 'SaveImage', inputs: { images: ['3', 5], filename_prefix: 'x' } }
    const refusal = async () => {
      const response = await client.post('/prompt', { prompt: { '1': graph['1'], '3': sleep, '2': save } })
      const { code, errors, job_id } = await readProblem(response)
      return { code, errors: errors.map(({ pointer, code }) => [pointer, code]), job_id }
    }
    // Its nodes are read some time after the connection stands.
    await expect.poll(refusal).toEqual({
      code: 'invalid_workflow',
      errors: [['/prompt/2/inputs/images', 'slot_out_of_range']],
      job_id: undefined,
    })
  })

  test('a graph without an output is refused', async () => {
    const problem = await readProblem(await client.post('/prompt', { prompt: { '1': graph['1'] } }))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow' })
    expect(problem.detail).toMatch(/no outputs/i)
  })
})

test('a graph is not run once more where graphs are not taken any more', async () => {
  const dataDir = await makeDataDir()
  const taking = await startGateway({ dataDir, flags: { demo: 'on' } })
  const ended = await postJson(`${taking.url}/prompt`, { prompt: graph, id: 'a-graph' })
  await ended.arrayBuffer()
  await taking.close()
  const refusing = await startGateway({ dataDir, flags: { demo: 'on', rawPrompts: 'off' } })
  try {
    expect(ended.status).toBe(200)
    const again = await postJson(`${refusing.url}/jobs/a-graph/retry`, {})
    expect(await readProblem(again)).toMatchObject({ status: 403, code: 'raw_prompts_off' })
  } finally {
    await refusing.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('bound wider, a server takes graphs only when asked to', async () => {
  const env = { COMFYUI_API_KEY: 'key-one-0123456789', HOST: '0.0.0.0' }
  const post = (url: string) =>
    postJson(`http://127.0.0.1:${new URL(url).port}/prompt`, { prompt: [] }, { 'x-api-key': 'key-one-0123456789' })
  const wide = await startGateway({ env, flags: { demo: 'on' } })
  try {
    expect(await readProblem(await post(wide.url))).toMatchObject({ code: 'raw_prompts_off' })
  } finally {
    await wide.close()
  }
  const asked = await startGateway({ env, flags: { demo: 'on', rawPrompts: 'on' } })
  try {
    expect(await readProblem(await post(asked.url))).toMatchObject({ code: 'invalid_workflow' })
  } finally {
    await asked.close()
  }
})

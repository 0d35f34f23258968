import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { promptSchema } from '../../src/comfyui/wire/prompt.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { renderedWorkflowSchema } from '../../src/http/schemas/render.ts'
import { workflowDescriptionSchema } from '../../src/http/schemas/workflow.ts'
import type { ServedWorkflow } from '../../src/workflows/served-workflow.ts'
import { fakeWorkflow, testWorkflows } from '../support/fake-workflows.ts'
import { makePng } from '../support/make-image.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
let lastSeed = 0

const seeded = fakeWorkflow('test/seeded', { prompt: z.string().default('a'), seed: z.int().default(() => ++lastSeed) })
const restless: ServedWorkflow = {
  ...fakeWorkflow('test/restless', { prompt: z.string() }),
  build: async () => ({
    '1': { class_type: 'KSampler', inputs: { seed: ++lastSeed, steps: 20 } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0] } },
    '3': { class_type: 'Custom', inputs: {} },
  }),
}
const changing = fakeWorkflow('test/changing', {
  size: z.string().transform((text) => text.split('x').map(Number)),
})
const named = fakeWorkflow('test/named', {}, { definition: { outputs: { picture: '1' } }, warnings: ['a union'] })

beforeAll(async () => {
  gateway = await startTestApp({
    options: {
      inventory: {
        models: async () => [],
        readiness: (prompt) => [
          { id: 'gpu-1', state: 'ready', lacks: [] },
          {
            id: 'gpu-2',
            state: 'ready',
            lacks: Object.entries(prompt).map(([nodeId, { class_type: classType }]) => ({
              nodeId,
              classType,
              input: 'model',
              value: 'x.safetensors',
            })),
          },
          { id: 'gpu-3', state: 'connecting', lacks: undefined },
        ],
      },
      readiness: {
        whenKnown: async () => undefined,
        of: () => ({
          isReady: true,
          reason: undefined,
          instances: [
            { id: 'gpu-1', state: 'ready', canRun: true, reason: undefined, lacks: [] },
            { id: 'gpu-2', state: 'ready', canRun: false, reason: 'it is too small', lacks: [] },
            { id: 'gpu-3', state: 'connecting', canRun: undefined, reason: undefined, lacks: [] },
          ],
          checks: [],
        }),
      },
    },
  })
})
beforeEach(() => {
  gateway.registry.replace([...testWorkflows, seeded, restless, changing, named])
  gateway.jobs.requests.length = 0
  gateway.inputs.stored.length = 0
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function render(name: string, body: unknown) {
  const response = await postJson(`${gateway.url}/workflows/${name}/render`, body)
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return renderedWorkflowSchema.parse(JSON.parse(text))
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  return { ...problemSchema.parse(await response.json()), allow: response.headers.get('allow') }
}

describe('rendering', () => {
  test('shows what a run would submit, and runs nothing', async () => {
    const body = { prompt: 'a fox', width: 64 }
    const rendered = await render('test/txt2img', body)
    expect(gateway.jobs.requests).toHaveLength(0)
    answerAtOnce(gateway)
    await (await postJson(`${gateway.url}/test/txt2img`, body)).text()
    gateway.jobs.onSubmit = () => {}
    const [request] = gateway.jobs.requests
    const submitted = request?.prompt['1']?.inputs
    expect(rendered.workflow).toBe('test/txt2img')
    expect(rendered.prompt['1']?.inputs).toEqual({ ...submitted, filename_prefix: 'comfyui-api/render' })
    expect(rendered.parameters).toEqual(request?.input)
    expect(rendered).toMatchObject({ input_files: [], unresolved: [], warnings: [] })
  })

  test('shows a random default, which gives the same graph when it is sent again', async () => {
    const first = await render('test/seeded', {})
    expect(first.parameters).toEqual({ prompt: 'a', seed: lastSeed })
    expect((await render('test/seeded', {})).parameters).not.toEqual(first.parameters)
    const again = await render('test/seeded', first.parameters)
    expect(again).toEqual(first)
    expect(again.warnings).toEqual([])
  })

  test('tells what the workflow draws by itself, and when its schema changes the parameters', async () => {
    const { unresolved } = await render('test/restless', { prompt: 'a' })
    expect(unresolved).toEqual([{ node_id: '1', class_type: 'KSampler', input: 'seed' }])
    const { parameters, warnings } = await render('test/changing', { size: '64x32' })
    expect(parameters).toEqual({ size: [64, 32] })
    expect(warnings).toEqual([expect.stringContaining('not the ones to send again')])
  })

  test('names the outputs, what the author should know, and who could run it', async () => {
    const { outputs, warnings, instances } = await render('test/named', {})
    expect(outputs).toEqual([{ node_id: '1', class_type: 'Test', name: 'picture' }])
    expect(warnings).toEqual(['a union'])
    expect(instances).toEqual([
      { id: 'gpu-1', status: 'ready', can_run: true, reason: null, lacks: [] },
      {
        id: 'gpu-2',
        status: 'ready',
        can_run: false,
        reason: 'Test has no "x.safetensors" for model.',
        lacks: [
          {
            node_id: '1',
            class_type: 'Test',
            input: 'model',
            value: 'x.safetensors',
            message: 'Test has no "x.safetensors" for model.',
            pack: null,
            model: null,
          },
        ],
      },
      { id: 'gpu-3', status: 'connecting', can_run: null, reason: null, lacks: [] },
    ])
    expect((await render('test/restless', { prompt: 'a' })).outputs).toEqual([
      { node_id: '2', class_type: 'SaveImage', name: null },
    ])
  })

  test('takes media in every form, checks them, and keeps nothing', async () => {
    const png = makePng()
    const image = `data:image/png;base64,${png.toString('base64')}`
    const flat = await render('test/img2img', { image })
    expect(flat.input_files).toEqual([
      {
        name: expect.stringMatching(/^comfyui-api\/[0-9a-f]{64}\.png$/),
        content_type: 'image/png',
        size_bytes: png.length,
        sha256: expect.any(String),
      },
    ])
    expect(flat.parameters).toMatchObject({ image: flat.input_files[0]?.name, strength: 0.5 })
    expect(await render('test/img2img', { input: { image }, priority: 3 })).toEqual(flat)
    const form = new FormData()
    form.set('image', new Blob([new Uint8Array(png)]), 'photo.png')
    form.set('strength', '0.5')
    const response = await fetch(`${gateway.url}/workflows/test/img2img/render`, { method: 'POST', body: form })
    expect(renderedWorkflowSchema.parse(await response.json())).toEqual(flat)
    expect(gateway.inputs.stored).toEqual([])
  })

  test('gives the graph alone where that is wanted', async () => {
    const { prompt } = await render('test/txt2img', { prompt: 'a' })
    for (const name of ['test/txt2img', 'test%2Ftxt2img']) {
      const response = await postJson(`${gateway.url}/workflows/${name}/render?format=prompt`, { prompt: 'a' })
      expect(promptSchema.parse(await response.json())).toEqual(prompt)
    }
  })

  test.each([
    ['an unknown parameter', { promt: 'a' }],
    ['a value out of range', { prompt: 'a', width: 4 }],
    ['an unknown option', { input: { prompt: 'a' }, prioritee: 1 }],
    ['no object', [1]],
  ])('answers %s as a run does', async (_, body) => {
    const [rendered, ran] = await Promise.all([
      postJson(`${gateway.url}/workflows/test/txt2img/render`, body).then(problemOf),
      postJson(`${gateway.url}/test/txt2img`, body).then(problemOf),
    ])
    const { instance: _instance, request_id: _request, ...problem } = rendered
    expect(ran).toMatchObject(problem)
    expect(problem.status).toBe(400)
  })

  test('answers media that cannot be used as a run does', async () => {
    const response = await postJson(`${gateway.url}/workflows/test/img2img/render`, { image: '' })
    expect(await problemOf(response)).toMatchObject({ code: 'unsupported_input', status: 422, location: 'image' })
  })

  test.each([
    ['?format=full', { accept: 'image/*' }, 'not_acceptable'],
    ['?format=png', {}, 'validation_error'],
    ['?formatt=full', {}, 'validation_error'],
  ])('with %s and %j is refused', async (query, headers, code) => {
    const url = `${gateway.url}/workflows/test/txt2img/render${query}`
    expect(await problemOf(await postJson(url, { prompt: 'a' }, headers))).toMatchObject({ code })
  })
})

describe('an address below /workflows', () => {
  test('describes a workflow, as its own address does', async () => {
    const own: unknown = await (await fetch(`${gateway.url}/test/txt2img`)).json()
    for (const name of ['test/txt2img', 'test%2Ftxt2img', 'test%2ftxt2img']) {
      const description: unknown = await (await fetch(`${gateway.url}/workflows/${name}`)).json()
      expect(description).toEqual(own)
    }
    const { readiness, links } = workflowDescriptionSchema.parse(own)
    expect(readiness.ready).toBe(true)
    expect(readiness.instances.map(({ id, can_run }) => [id, can_run])).toEqual([
      ['gpu-1', true],
      ['gpu-2', false],
      ['gpu-3', null],
    ])
    expect(links).toMatchObject({ self: '/workflows/test/txt2img', render: '/workflows/test/txt2img/render' })
  })

  test('is that of any workflow, whatever it is called', async () => {
    const names = ['tools', 'tools/render', 'tools/render/render', 'a/render/b']
    gateway.registry.replace(names.map((name) => fakeWorkflow(name, {})))
    for (const name of names) {
      const description = await (await fetch(`${gateway.url}/workflows/${name}`)).json()
      expect(workflowDescriptionSchema.parse(description).name).toBe(name)
      expect((await render(name, {})).workflow).toBe(name)
    }
  })

  test('of examples has none that the workflow cannot make a graph of', async () => {
    const fussy: ServedWorkflow = {
      ...fakeWorkflow('test/fussy', { count: z.int().min(1), more: z.int().default(2) }),
      build: async (input) => {
        if (JSON.stringify(input) === '{"count":3,"more":2}') return {}
        throw new Error('only three')
      },
    }
    gateway.registry.replace([
      { ...fussy, definition: { ...fussy.definition, examples: [{ count: 3 }, { count: 4 }, { cuont: 3 }] } },
    ])
    const description: unknown = await (await fetch(`${gateway.url}/test/fussy`)).json()
    expect(workflowDescriptionSchema.parse(description).examples).toEqual({ example1: { count: 3 } })
    gateway.registry.replace([fussy])
    const without: unknown = await (await fetch(`${gateway.url}/test/fussy`)).json()
    expect(without).toMatchObject({ examples: {} })
  })

  test.each([
    ['GET', 'test/txt2imgs', 404, 'Did you mean test/txt2img?'],
    ['POST', 'test/txt2imgs/render', 404, 'Did you mean test/txt2img?'],
    ['POST', 'test/txt2imgs', 404, 'Did you mean test/txt2img?'],
    ['GET', 'nothing/like/it', 404, 'GET /workflows lists what there is.'],
    ['POST', 'render', 404, 'There is no workflow render.'],
    ['GET', 'test/../test/txt2img%00', 404, 'There is no'],
    ['GET', 'a/two', 503, 'a/two.ts'],
    ['POST', 'a/two/render', 503, 'a/two.ts'],
  ])('%s %s is %i: %s', async (method, name, status, text) => {
    const problem = { file: 'a/two.ts', name: 'a/two', line: 3, column: undefined, reason: 'x', servingPrevious: false }
    gateway.registry.replace([...testWorkflows], [problem])
    const found = await problemOf(await fetch(`${gateway.url}/workflows/${name}`, { method }))
    expect(found.status).toBe(status)
    expect(found.detail).toContain(text)
  })

  test.each([
    ['GET', 'test/txt2img/render', 'POST'],
    ['GET', 'test%2Ftxt2img/render', 'POST'],
    ['HEAD', 'test/txt2img/render', 'POST'],
    ['POST', 'test/txt2img', 'GET, HEAD'],
    ['POST', 'test%2Ftxt2img', 'GET, HEAD'],
  ])('%s %s is 405 and tells what is possible', async (method, name, allow) => {
    const response = await fetch(`${gateway.url}/workflows/${name}`, { method })
    await response.text()
    expect([response.status, response.headers.get('allow')]).toEqual([405, allow])
  })
})

describe('a key', () => {
  test('is asked for', async () => {
    await using locked = await startTestApp({ security: { apiKeys: ['key-one-0123456789'] } })
    for (const [method, path] of [
      ['GET', '/models'],
      ['GET', '/workflows/test/txt2img'],
      ['POST', '/workflows/test/txt2img/render'],
    ] as const) {
      const response = await fetch(locked.url + path, { method })
      expect((await problemOf(response)).code, path).toBe('unauthorized')
    }
  })

  test('and a foreign origin may render nothing', async () => {
    const headers = { origin: 'http://evil.net' }
    const response = await postJson(`${gateway.url}/workflows/test/txt2img/render`, { prompt: 'a' }, headers)
    expect((await problemOf(response)).code).toBe('origin_not_allowed')
  })
})

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { decodeMedia } from '../../src/inputs/decode-media.ts'
import { createMediaFetcher, type MediaFetcher } from '../../src/inputs/urls/fetch-media.ts'
import { createUrlRules } from '../../src/inputs/urls/url-rules.ts'
import { isPublicAddress } from '../../src/lib/public-address.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { fakeWorkflow, testWorkflows } from '../support/fake-workflows.ts'
import { makePng } from '../support/make-image.ts'
import { startMediaServer, type MediaServer } from '../support/media-server.ts'
import { type RunningGateway, startGateway, testWorkflows as workflowFolder } from '../support/start-gateway.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'
import { closedUrls, resolveVector } from '../support/url-vectors.ts'

const png = makePng()
const other = makePng(7, 5)
let pictures: MediaServer
let canary: MediaServer
let isAnswering = true
const asked: string[] = []

beforeAll(async () => {
  pictures = await startMediaServer((request, response) => {
    asked.push(request.url ?? '')
    if (!isAnswering) return
    switch (request.url) {
      case '/a.png':
        return void response.end(png)
      case '/b.png':
        return void response.end(other)
      case '/page':
        return void response.setHeader('content-type', 'image/png').end('<html><body>not a picture</body></html>')
      case '/canary':
        return void response.writeHead(302, { location: `http://127.0.0.1:${canary.port}/` }).end()
      default:
        return void response.writeHead(404).end()
    }
  })
  canary = await startMediaServer((_request, response) => void response.end(png))
})
beforeEach(() => {
  isAnswering = true
  asked.length = 0
})
afterAll(async () => {
  await pictures[Symbol.asyncDispose]()
  await canary[Symbol.asyncDispose]()
})

const loadMedia = (classType: string, input: string, value: string) => ({
  prompt: {
    '1': { class_type: classType, inputs: { [input]: value } },
    '2': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 1 } },
    '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'a' } },
  },
})

const loadImage = (value: string) => ({
  prompt: {
    '1': { class_type: 'LoadImage', inputs: { image: value } },
    '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a' } },
  },
})

function formOf(fields: readonly (readonly [string, string | File])[]): RequestInit {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  return { method: 'POST', body: form }
}

/** Every way in which a URL gets in, and where it stands. */
const entries: Record<string, { pointer: string; send: (url: string) => Promise<Response> }> = {
  'JSON, flat': { pointer: '/image', send: (image) => postJson(`${app.url}/test/img2img`, { image }) },
  'JSON, envelope': { pointer: '/image', send: (image) => postJson(`${app.url}/test/img2img`, { input: { image } }) },
  'a list in JSON': {
    pointer: '/references/1',
    send: (url) =>
      postJson(`${app.url}/test/img2img`, { image: dataUri(png), references: [dataUri(other), url, dataUri(png)] }),
  },
  'a field of a form': {
    pointer: '/image',
    send: (image) => fetch(`${app.url}/test/img2img`, formOf([['image', image]])),
  },
  'a repeated field of a form': {
    pointer: '/references/1',
    send: (url) =>
      fetch(
        `${app.url}/test/img2img`,
        formOf([
          ['image', new File([png], 'a.png')],
          ['references', new File([other], 'b.png')],
          ['references', url],
        ]),
      ),
  },
  'a list in a field of a form': {
    pointer: '/references/0',
    send: (url) =>
      fetch(
        `${app.url}/test/img2img`,
        formOf([
          ['image', new File([png], 'a.png')],
          ['references', JSON.stringify([url])],
        ]),
      ),
  },
  'the input of a form': {
    pointer: '/image',
    send: (image) => fetch(`${app.url}/test/img2img`, formOf([['input', JSON.stringify({ image })]])),
  },
  'a graph': { pointer: '/prompt/1/inputs/image', send: (url) => postJson(`${app.url}/prompt`, loadImage(url)) },
  ...Object.fromEntries(
    ['mask', 'video', 'audio'].map((kind) => [
      `a parameter that is ${kind}`,
      { pointer: `/${kind}`, send: (url: string) => postJson(`${app.url}/test/kinds`, { [kind]: url }) },
    ]),
  ),
  'a parameter in an object in a list': {
    pointer: '/layers/1/picture',
    send: (url) => postJson(`${app.url}/test/kinds`, { layers: [{ picture: dataUri(png) }, { picture: url }] }),
  },
  ...Object.fromEntries(
    [
      ['LoadImageMask', 'image'],
      ['LoadAudio', 'audio'],
      ['LoadVideo', 'file'],
      ['VHS_LoadVideo', 'video'],
    ].map(([classType = '', input = '']) => [
      `a graph with ${classType}`,
      {
        pointer: `/prompt/1/inputs/${input}`,
        send: (url: string) => postJson(`${app.url}/prompt`, loadMedia(classType, input, url)),
      },
    ]),
  ),
  'a rendering': {
    pointer: '/image',
    send: (image) => postJson(`${app.url}/workflows/test/img2img/render`, { image }),
  },
}

const text = z.string().optional()
const kinds = fakeWorkflow(
  'test/kinds',
  { mask: text, video: text, audio: text, layers: z.array(z.object({ picture: z.string() })).default([]) },
  {
    mediaFields: [
      { path: ['mask'], kind: 'mask' },
      { path: ['video'], kind: 'video' },
      { path: ['audio'], kind: 'audio' },
      { path: ['layers', '*', 'picture'], kind: 'image' },
    ],
  },
)

const dataUri = (bytes: Buffer) => `data:image/png;base64,${bytes.toString('base64')}`

let app: TestApp
let fetcher: MediaFetcher
beforeAll(async () => {
  fetcher = createMediaFetcher({
    rules: createUrlRules({
      takesHttp: true,
      allow: [{ kind: 'host', host: 'pictures.example.com', port: pictures.port }],
      isPublic: (address) => address === '127.0.0.1' || isPublicAddress(address),
    }),
    maxBytes: 100_000,
    receive: (source) => app.inputs.receive(source),
    resolve: async (host) => (host === 'pictures.example.com' ? ['127.0.0.1'] : resolveVector(host)),
  })
  app = await startTestApp({ options: { decodeMedia, urls: fetcher } })
  answerAtOnce(app, png)
  app.registry.replace([...testWorkflows, kinds])
})
beforeEach(() => {
  app.jobs.requests.length = 0
  app.inputs.stored.length = 0
})
afterEach(() => pictures.whenLeft())
afterAll(async () => {
  await app[Symbol.asyncDispose]()
  await fetcher.close()
})

const at = (path: string) => `http://pictures.example.com:${pictures.port}${path}`

describe.each(Object.entries(entries))('%s', (entry, { send, pointer }) => {
  test('takes the picture at a URL', async () => {
    const response = await send(at('/b.png'))
    const text = await response.text()
    expect(response.status, text).toBe(200)
    if (entry === 'a rendering') return expect(asked).toEqual([])
    expect(asked).toEqual(['/b.png'])
    expect(app.inputs.stored.at(-1)?.bytes).toEqual(other)
    const { sha256, name } = await app.inputs.checkBytes(other, '')
    expect(app.jobs.requests.at(-1)?.inputFiles).toContainEqual(expect.objectContaining({ sha256 }))
    expect(JSON.stringify(app.jobs.requests.at(-1))).toContain(name)
    expect(JSON.stringify(app.jobs.requests.at(-1))).not.toContain('pictures.example.com')
  })

  test('refuses URLs that lead inside, and says where they stand', async () => {
    const before = canary.connections()
    const waiting = closedUrls.values()
    async function work(): Promise<void> {
      for (const vector of waiting) {
        const url = vector.replaceAll('PORT', String(canary.port))
        const response = await send(url)
        expect([422, 400], url).toContain(response.status)
        const problem = await readProblem(response)
        expect(problem.errors, url).toMatchObject([{ pointer }])
        expect(problem.code, url).toMatch(/^(unsupported_input|unsafe_prompt)$/)
      }
    }
    await Promise.all(Array.from({ length: 8 }, work))
    if (entry !== 'a rendering') {
      const problem = await readProblem(await send(at('/canary')))
      expect(problem).toMatchObject({
        status: 422,
        code: 'unsupported_input',
        errors: [{ pointer, code: 'url_not_allowed', message: expect.stringContaining('leads to another one') }],
      })
    }
    expect(canary.connections()).toBe(before)
    expect(app.jobs.requests).toEqual([])
  })
})

describe('a request with URLs', () => {
  const url = () => `${app.url}/test/img2img`

  test('fetches each of them once, and several beside each other', async () => {
    const references = [at('/a.png'), at('/b.png'), at('/a.png'), at('/b.png#part')]
    expect((await postJson(url(), { image: at('/a.png'), references })).status).toBe(200)
    const { name } = await app.inputs.checkBytes(png, '')
    const { name: otherName } = await app.inputs.checkBytes(other, '')
    expect(app.jobs.requests.at(-1)?.input).toMatchObject({
      image: name,
      references: [name, otherName, name, otherName],
    })
    expect(asked.filter((path) => path === '/a.png')).toHaveLength(1)
  })

  test('is refused with more than 32 of them, and for any other mistake, before anything is fetched', async () => {
    const references = Array.from({ length: 33 }, (_, index) => at(`/a.png?${index}`))
    expect(await readProblem(await postJson(url(), { image: dataUri(png), references }))).toMatchObject({
      status: 400,
      errors: [{ pointer: '/references/32', code: 'too_many_urls' }],
    })
    const wrong = await readProblem(await postJson(url(), { image: at('/a.png'), strength: 'high' }))
    expect(wrong).toMatchObject({ status: 400, errors: [{ pointer: '/strength' }] })
    expect(asked).toEqual([])
  })

  test('says which of them could not be fetched, and gives up the others', async () => {
    const problem = await readProblem(await postJson(url(), { image: at('/a.png'), references: [at('/nothing')] }))
    expect(problem).toMatchObject({
      status: 422,
      code: 'unsupported_input',
      retryable: false,
      errors: [{ pointer: '/references/0', code: 'url_status', message: 'is a URL that answered 404, not 200.' }],
    })
  })

  test('that is sent again fetches nothing, and gets its job also when the picture is gone', async () => {
    const prompt = loadImage(at('/a.png'))
    for (const [path, body, headers] of [
      ['/test/img2img', { image: at('/a.png') }, { 'idempotency-key': 'one' }],
      ['/prompt', prompt, { 'idempotency-key': 'two' }],
    ] as const) {
      asked.length = 0
      const first = await postJson(app.url + path, body, headers)
      expect(first.status, await first.text()).toBe(200)
      expect(asked).toHaveLength(1)
      isAnswering = false
      const second = await postJson(app.url + path, body, headers)
      expect(second.headers.get('idempotency-replayed'), await second.text()).toBe('true')
      expect(second.headers.get('job-id')).toBe(first.headers.get('job-id'))
      expect(asked).toHaveLength(1)
      isAnswering = true
    }
    const conflict = await postJson(url(), { image: at('/b.png') }, { 'idempotency-key': 'one' })
    expect(await readProblem(conflict)).toMatchObject({ code: 'idempotency_key_reuse' })
  })

  test('ends with its caller', async () => {
    isAnswering = false
    const caller = new AbortController()
    const answer = fetch(url(), {
      method: 'POST',
      body: JSON.stringify({ image: at('/a.png') }),
      headers: { 'content-type': 'application/json' },
      signal: caller.signal,
    })
    await expect.poll(() => asked).toEqual(['/a.png'])
    caller.abort()
    await expect(answer).rejects.toThrow()
    await pictures.whenLeft()
    expect(app.jobs.requests).toEqual([])
  })

  test('that has one in an example of its workflow fetches nothing', async () => {
    const workflow = testWorkflows.find(({ name }) => name === 'test/img2img')
    if (workflow === undefined) throw new Error('no such workflow')
    app.registry.replace([
      ...testWorkflows,
      {
        ...workflow,
        name: 'test/example',
        definition: { ...workflow.definition, examples: [{ image: at('/a.png') }] },
      },
    ])
    const described = await (await fetch(`${app.url}/workflows/test/example`)).text()
    expect(described).toContain(at('/a.png'))
    await (await fetch(`${app.url}/openapi.json`)).text()
    expect(asked).toEqual([])
  })
})

describe('the gateway as it is served', () => {
  let comfyui: Simulator
  let gateway: RunningGateway
  const client = createClient(() => gateway.url)
  beforeAll(async () => {
    comfyui = await createSimulator({ stepDelayMs: 0 })
    gateway = await startGateway({
      flags: {
        comfyuiUrl: [comfyui.url],
        workflows: [workflowFolder],
        urlHttp: true,
        urlAllow: [`127.0.0.1:${pictures.port}`],
      },
    })
  })
  afterAll(async () => {
    await gateway.close()
    await comfyui.close()
  })
  const allowed = (name: string) => `http://127.0.0.1:${pictures.port}${name}`

  test('runs the picture at a URL, also when it is asked to again, without fetching it again', async () => {
    const { prompt } = loadImage(allowed('/b.png'))
    const { images, id } = await client.run('/prompt', { prompt })
    expect(images).toHaveLength(1)
    const again = await client.post(`/jobs/${id}/retry`, {}, { prefer: 'wait=60' })
    expect(again.status).toBe(200)
    await again.text()
    expect(asked).toEqual(['/b.png'])
  })

  test.each([
    ['/prompt', (name: string) => ({ ...loadImage(allowed(name)), id: 'graph-1' }), {}],
    ['/prompt', (name: string) => loadImage(allowed(name)), { 'idempotency-key': 'graph-2' }],
    ['/test/loaded', (name: string) => ({ picture: allowed(name) }), { 'job-id': 'typed-1' }],
    ['/test/loaded', (name: string) => ({ picture: allowed(name) }), { 'idempotency-key': 'typed-2' }],
  ] as const)('fetches nothing for a job that is there: %s %#', async (path, bodyOf, headers) => {
    const { id } = await client.run(path, bodyOf('/a.png'), headers)
    isAnswering = false
    expect(await client.run(path, bodyOf('/a.png'), headers)).toMatchObject({ id })
    expect((await client.post(path, bodyOf('/b.png'), headers)).status).toBeGreaterThanOrEqual(409)
    expect(asked).toEqual(['/a.png'])
  })

  test('looks at what it fetched as at what is sent', async () => {
    expect(await readProblem(await client.post('/prompt', loadImage(allowed('/page'))))).toMatchObject({
      status: 422,
      code: 'unsupported_input',
      errors: [{ pointer: '/prompt/1/inputs/image', code: 'unsupported_type' }],
    })
  })

  test('connects to nothing else', async () => {
    const before = canary.connections()
    for (const url of [`http://127.0.0.1:${canary.port}/`, `http://localhost:${pictures.port}/`, allowed('/canary')])
      expect(await readProblem(await client.post('/prompt', loadImage(url))), url).toMatchObject({
        errors: [{ code: expect.stringMatching(/^url_(not_allowed|unreachable)$/) }],
      })
    expect(canary.connections()).toBe(before)
  })

  test('fetches nothing by default from this machine, and nothing at all when it is off', async () => {
    const flags = { comfyuiUrl: [comfyui.url], workflows: [workflowFolder] }
    for (const [changes, reason] of [
      [{}, 'it is not https'],
      [{ urlHttp: true }, 'its port is neither 80 nor 443'],
      [{ urlInputs: 'off' }, 'this server fetches nothing (--url-inputs off)'],
    ] as const) {
      const plain = await startGateway({ flags: { ...flags, ...changes } })
      const response = await postJson(`${plain.url}/prompt`, loadImage(allowed('/a.png')))
      expect(await readProblem(response)).toMatchObject({
        status: 422,
        errors: [{ code: 'url_not_allowed', message: `is a URL that is not fetched: ${reason}.` }],
      })
      await plain.close()
    }
    expect(asked).toEqual([])
  })
})

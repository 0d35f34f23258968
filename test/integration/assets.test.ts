import { createHash } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AssetResource, assetSchema } from '../../src/http/schemas/asset.ts'
import { createAssets } from '../../src/inputs/assets.ts'
import { createLocalInputStore } from '../../src/inputs/local-input-store.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { isoBox, mp4Of } from '../support/make-media.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp, type TestAppChanges } from '../support/start-test-app.ts'

const png = makePng()
const other = makePng(7, 5)
const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const digestOf = (bytes: Buffer) => `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`
const absent = 'a'.repeat(64)
const generous = { timeout: 30_000 }

function upload(url: string, body: NonNullable<RequestInit['body']>, headers: Record<string, string> = {}) {
  return fetch(`${url}/assets`, { method: 'POST', body, headers, duplex: 'half' })
}

async function assetOf(response: Response, status = 201): Promise<AssetResource> {
  const text = await response.text()
  expect(response.status, text).toBe(status)
  return assetSchema.parse(JSON.parse(text))
}

type FormPart = readonly [name: string, value: string | Buffer]

function formOf(...parts: readonly FormPart[]): FormData {
  const form = new FormData()
  for (const [name, value] of parts) {
    if (typeof value === 'string') form.append(name, value)
    else form.append(name, new File([value], 'a.bin'))
  }
  return form
}

/** A picture of which every pixel is another one. */
function colourful(width: number, height: number): Buffer {
  const image = new PNG({ width, height })
  for (const index of image.data.keys()) image.data[index] = index % 4 === 3 ? 255 : (index * 7) % 256
  return PNG.sync.write(image)
}

describe('a reference to an asset', () => {
  let app: TestApp
  let id: string
  let name: string
  beforeAll(async () => {
    app = await startTestApp()
    answerAtOnce(app, png)
    ;({ id } = await assetOf(await upload(app.url, other)))
    ;({ name } = await app.inputs.checkBytes(other, ''))
  })
  afterAll(() => app[Symbol.asyncDispose]())

  const graphOf = (image: unknown) => ({
    prompt: {
      '1': { class_type: 'LoadImage', inputs: { image } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a' } },
    },
  })
  const inline = `data:image/png;base64,${png.toString('base64')}`
  const form = (...parts: readonly FormPart[]) =>
    fetch(`${app.url}/test/img2img`, { method: 'POST', body: formOf(...parts) })

  /** Every way in which a reference gets in, and where it stands. */
  const entries: Record<string, { pointer: string; send: (reference: object) => Promise<Response> }> = {
    'JSON, flat': { pointer: '/image', send: (image) => postJson(`${app.url}/test/img2img`, { image }) },
    'JSON, envelope': {
      pointer: '/image',
      send: (image) => postJson(`${app.url}/test/img2img`, { input: { image } }),
    },
    'a list in JSON': {
      pointer: '/references/1',
      send: (reference) => postJson(`${app.url}/test/img2img`, { image: inline, references: [inline, reference] }),
    },
    'a field of a form': { pointer: '/image', send: (image) => form(['image', JSON.stringify(image)]) },
    'a field of a form, laid out': {
      pointer: '/image',
      send: (image) => form(['image', JSON.stringify(image, null, 2)]),
    },
    'a repeated field of a form': {
      pointer: '/references/1',
      send: (reference) => form(['image', png], ['references', png], ['references', JSON.stringify(reference)]),
    },
    'a list in a field of a form': {
      pointer: '/references/0',
      send: (reference) => form(['image', png], ['references', JSON.stringify([reference])]),
    },
    'the input of a form': {
      pointer: '/image',
      send: (image) => form(['input', JSON.stringify({ image })]),
    },
    'a graph': { pointer: '/prompt/1/inputs/image', send: (image) => postJson(`${app.url}/prompt`, graphOf(image)) },
    'a rendering': {
      pointer: '/image',
      send: (image) => postJson(`${app.url}/workflows/test/img2img/render?format=prompt`, { image }),
    },
  }

  describe.each(Object.entries(entries))('%s', (entry, { send, pointer }) => {
    test('stands for its file', async () => {
      app.assets.uses.length = 0
      app.jobs.requests.length = 0
      const response = await send({ asset: id })
      const text = await response.text()
      expect(response.status, text).toBe(200)
      if (entry === 'a rendering') {
        expect(app.assets.uses).toEqual([])
        return
      }
      expect(app.assets.uses).toEqual([id])
      const [job] = app.jobs.requests
      expect(job?.inputFiles).toContainEqual(expect.objectContaining({ name }))
      expect(JSON.stringify(job)).not.toContain('"asset"')
    })

    test.each([absent, '', absent.toUpperCase(), `../assets/${absent}`, '/etc/passwd', 'a'.repeat(5000)])(
      'to none is refused: %s',
      async (unknown) => {
        const before = app.jobs.requests.length
        const problem = await readProblem(await send({ asset: unknown }))
        expect(problem).toMatchObject({
          status: 422,
          code: 'unsupported_input',
          errors: [{ pointer, code: 'asset_not_found' }],
        })
        expect(app.jobs.requests).toHaveLength(before)
      },
    )

    test.each([{ asset: 5 }, { asset: absent, name: 'a.png' }, { assets: absent }, {}])(
      'that is none is refused: %j',
      async (wrong) => {
        const response = await send(wrong)
        if (entry === 'a graph') {
          // What is no text is no name of a file: ComfyUI itself judges it.
          await response.text()
          return
        }
        expect([400, 422]).toContain(response.status)
        const said = 'asset' in wrong ? { code: 'invalid_asset' } : {}
        expect((await readProblem(response)).errors).toMatchObject([
          { pointer: expect.stringContaining(pointer), ...said },
        ])
      },
    )
  })

  test.each([
    ['/test/img2img', (asset: string) => ({ image: { asset } })],
    ['/prompt', (asset: string) => graphOf({ asset })],
  ] as const)(
    'in a request that is sent again is the same body, also when the asset is gone: %s',
    async (path, body) => {
      const gone = await assetOf(await upload(app.url, makePng(9, 9)))
      const headers = { 'idempotency-key': `again ${path}` }
      const first = await postJson(app.url + path, body(gone.id), headers)
      expect(first.status, await first.text()).toBe(200)
      expect((await fetch(app.url + gone.urls.self, { method: 'DELETE' })).status).toBe(204)
      const second = await postJson(app.url + path, body(gone.id), headers)
      expect(second.headers.get('idempotency-replayed'), await second.text()).toBe('true')
      expect(second.headers.get('job-id')).toBe(first.headers.get('job-id'))
      const conflict = await postJson(app.url + path, body(id), headers)
      expect(await readProblem(conflict)).toMatchObject({ code: 'idempotency_key_reuse' })
    },
  )
})

describe('an asset of the gateway', () => {
  let simulator: Simulator
  let dataDir: string
  let gateway: RunningGateway
  const client = createClient(() => gateway.url)
  const start = () =>
    startGateway({
      dataDir,
      flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows], submitAhead: '0', maxFileMb: '4' },
    })
  beforeAll(async () => {
    simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
    dataDir = await makeDataDir()
    gateway = await start()
  })
  afterAll(async () => {
    await gateway.close()
    await simulator.close()
    rmSync(dataDir, { recursive: true, force: true })
  })

  const listed = (folder: 'inputs' | 'assets') => readdirSync(join(dataDir, folder)).sort()
  const everything = () => [...listed('inputs'), ...listed('assets')]

  test('is made of the bytes of a body, told from them, and found at its address', async () => {
    const response = await upload(gateway.url, png, { 'content-type': 'video/mp4', 'content-digest': digestOf(png) })
    expect(response.headers.get('location')).toBe(`/assets/${sha256Of(png)}`)
    const asset = await assetOf(response)
    expect(asset).toMatchObject({
      id: sha256Of(png),
      object: 'asset',
      kind: 'image',
      content_type: 'image/png',
      size_bytes: png.length,
      urls: { self: `/assets/${sha256Of(png)}`, content: `/assets/${sha256Of(png)}/content` },
    })
    expect(Date.parse(asset.expires_at) - Date.parse(asset.created_at)).toBeGreaterThanOrEqual(24 * 3600 * 1000)
    const again = await (await fetch(gateway.url + asset.urls.self)).json()
    expect(assetSchema.parse(again)).toEqual(asset)
  })

  test('is the same one when the same bytes come again, in whatever form', async () => {
    const bytes = makePng(3, 9)
    const first = await assetOf(await upload(gateway.url, bytes))
    const forms = [formOf(['file', bytes]), formOf(['anything', bytes])]
    for (const body of [bytes, ...forms]) {
      const { expires_at: expiresAt, ...same } = await assetOf(await upload(gateway.url, body), 200)
      expect(same).toEqual({ ...first, expires_at: undefined })
      expect(Date.parse(expiresAt)).toBeGreaterThanOrEqual(Date.parse(first.expires_at))
    }
    const together = makePng(3, 10)
    const responses = await Promise.all(Array.from({ length: 6 }, () => upload(gateway.url, together)))
    const statuses = responses.map(({ status }) => status).sort()
    for (const response of responses) expect(assetSchema.parse(await response.json()).id).toBe(sha256Of(together))
    expect(statuses).toEqual([200, 200, 200, 200, 200, 201])
  })

  test('is larger than what is held in memory, streamed, and sent in parts', async () => {
    const film = Buffer.concat([mp4Of([], 'iso'), isoBox('free', Buffer.alloc(3_000_000, 'not much'))])
    const chunks = Array.from({ length: 47 }, (_, index) => film.subarray(index * 65_536, (index + 1) * 65_536))
    // Without a length: nobody knows how much comes.
    const { id, kind, urls } = await assetOf(
      await upload(gateway.url, ReadableStream.from(chunks.filter((c) => c.length > 0))),
    )
    expect([id, kind]).toEqual([sha256Of(film), 'video'])
    expect(sha256Of(await client.bytes(urls.content))).toBe(id)

    const get = (headers: Record<string, string>, method = 'GET') =>
      fetch(gateway.url + urls.content, { method, headers })
    const whole = await get({}, 'HEAD')
    expect(Object.fromEntries(whole.headers)).toMatchObject({
      etag: `"${id}"`,
      'content-type': 'video/mp4',
      'content-length': String(film.length),
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
    const part = await get({ range: 'bytes=100-199' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 100-199/${film.length}`])
    expect(Buffer.from(await part.arrayBuffer())).toEqual(film.subarray(100, 200))
    const unchanged = await get({ 'if-none-match': `"${id}"` })
    expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
    expect(await readProblem(await get({ range: `bytes=${film.length}-` }))).toMatchObject({
      code: 'range_not_satisfiable',
    })
  })

  const refused: [
    title: string,
    body: () => NonNullable<RequestInit['body']>,
    headers: Record<string, string>,
    problem: object,
  ][] = [
    ['no media', () => Buffer.from('just words'), {}, { status: 422, errors: [{ code: 'unsupported_type' }] }],
    ['a broken picture', () => png.subarray(0, 20), {}, { status: 422, errors: [{ code: 'broken_image' }] }],
    ['nothing', () => Buffer.alloc(0), {}, { status: 400, code: 'malformed_body' }],
    ['a form without a file', () => formOf(['file', 'text']), {}, { status: 400, code: 'malformed_body' }],
    ['a form with two files', () => formOf(['a', png], ['b', other]), {}, { status: 400, code: 'malformed_body' }],
    ['a form with something else', () => formOf(['a', png], ['b', 'x']), {}, { status: 400, code: 'malformed_body' }],
    ['no form at all', () => png, { 'content-type': 'multipart/form-data; boundary=x' }, { status: 400 }],
    ['another digest', () => other, { 'content-digest': digestOf(png) }, { status: 400, code: 'digest_mismatch' }],
    [
      'another digest of its kind',
      () => other,
      { 'repr-digest': digestOf(png) },
      { status: 400, code: 'digest_mismatch' },
    ],
    [
      'a form with another digest',
      () => formOf(['a', other]),
      { 'content-digest': digestOf(other) },
      { code: 'digest_mismatch' },
    ],
    ['a digest that is none', () => other, { 'content-digest': 'sha-256=x' }, { status: 400, code: 'invalid_header' }],
    ['compressed bytes', () => other, { 'content-encoding': 'gzip' }, { status: 415 }],
    ['more than is taken', () => Buffer.alloc(4 * 1024 * 1024 + 1), {}, { status: 413, code: 'body_too_large' }],
    ['more than is taken in a form', () => formOf(['a', Buffer.alloc(4 * 1024 * 1024 + 1)]), {}, { status: 413 }],
  ]
  test.each(refused)('is not made of %s, and nothing of it stays', async (_title, body, headers, problem) => {
    const before = everything()
    expect(await readProblem(await upload(gateway.url, body(), headers))).toMatchObject(problem)
    expect(everything()).toEqual(before)
  })

  test('is refused as too large before any of it has come', async () => {
    const headers = { 'content-length': String(4 * 1024 * 1024 + 1) }
    const announced = request(`${gateway.url}/assets`, { method: 'POST', headers })
    announced.on('error', () => {})
    announced.flushHeaders()
    const { promise, resolve } = Promise.withResolvers<number | undefined>()
    announced.once('response', ({ statusCode }) => resolve(statusCode))
    expect(await promise).toBe(413)
    announced.destroy()
  })

  test('of which the upload is cut off leaves nothing', async () => {
    const before = everything()
    const cut = request(`${gateway.url}/assets`, { method: 'POST', headers: { 'content-length': '3000000' } })
    cut.on('error', () => {})
    cut.write(Buffer.alloc(400_000))
    await expect.poll(() => listed('inputs').some((name) => name.endsWith('.part')), generous).toBe(true)
    cut.destroy()
    await expect.poll(everything, generous).toEqual(before)
  })

  test('is unknown by any other name', async () => {
    for (const id of [absent, 'x', sha256Of(png).toUpperCase(), '%2e%2e%2fjobs.sqlite', `${sha256Of(png)}.png`]) {
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['GET', '/content'],
      ] as const) {
        const response = await fetch(`${gateway.url}/assets/${id}${path}`, { method })
        expect(await readProblem(response), `${method} ${id}${path}`).toMatchObject({
          status: 404,
          code: 'asset_not_found',
        })
      }
    }
  })

  const picture = colourful(20, 12)
  test.each([
    ['a workflow', '/test/loaded', (asset: string) => ({ picture: { asset } })],
    [
      'a graph',
      '/prompt',
      (asset: string) => ({
        prompt: {
          '1': { class_type: 'LoadImage', inputs: { image: { asset } } },
          '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'a' } },
        },
      }),
    ],
  ] as const)('goes through ComfyUI as it is: %s', async (_title, path, body) => {
    const response = await upload(gateway.url, picture)
    const { id } = assetSchema.parse(await response.json())
    const result = await client.run(path, body(id))
    const [image] = result.images
    expect(PNG.sync.read(Buffer.from(image ?? '', 'base64')).data.equals(PNG.sync.read(picture).data)).toBe(true)
    const retried = await client.post(`/jobs/${result.id}/retry`, {}, { prefer: 'wait=60' })
    expect(retried.status, await retried.text()).toBe(200)
  })

  test('of another kind is refused where it is used', async () => {
    const film = mp4Of([], 'iso')
    const { id } = assetSchema.parse(await (await upload(gateway.url, film)).json())
    expect(await readProblem(await client.post('/test/loaded', { picture: { asset: id } }))).toMatchObject({
      status: 422,
      code: 'unsupported_input',
      errors: [{ pointer: '/picture', code: 'unsupported_type' }],
    })
  })

  test('can be deleted while a job waits that needs it, and its bytes go with the last of them', async () => {
    const bytes = makePng(11, 2)
    const { id, urls } = await assetOf(await upload(gateway.url, bytes))
    const running = await client.submit('/test/slow', { seconds: 0.5, ticks: 5, nonce: 77 })
    const waiting = await client.submit('/test/loaded', { picture: { asset: id } })
    expect((await fetch(gateway.url + urls.self, { method: 'DELETE' })).status).toBe(204)
    expect((await fetch(gateway.url + urls.self)).status).toBe(404)
    expect(await readProblem(await client.post('/test/loaded', { picture: { asset: id } }))).toMatchObject({
      errors: [{ code: 'asset_not_found' }],
    })
    await expect.poll(async () => (await client.job(waiting.id)).status, generous).toBe('succeeded')
    expect(listed('inputs')).toContain(`${id}.png`)
    for (const job of [running, waiting]) {
      expect((await fetch(`${gateway.url}/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(204)
    }
    expect(listed('inputs')).not.toContain(`${id}.png`)
  })

  test('stays when the jobs that used it are deleted, and after a restart', async () => {
    const { id, urls } = await assetOf(await upload(gateway.url, makePng(11, 3)))
    const job = await client.run('/test/loaded', { picture: { asset: id } })
    expect((await fetch(`${gateway.url}/jobs/${job.id}`, { method: 'DELETE' })).status).toBe(204)
    const before = assetSchema.parse(await (await fetch(gateway.url + urls.self)).json())
    await gateway.close()
    gateway = await start()
    expect(assetSchema.parse(await (await fetch(gateway.url + urls.self)).json())).toEqual(before)
    expect(sha256Of(await client.bytes(urls.content))).toBe(id)
    await client.run('/test/loaded', { picture: { asset: id } })
  })
})

describe('a server with keys', () => {
  const key = 'a-key-of-at-least-32-characters-000'

  test('takes, shows and forgets assets for those who have one, and for no other page', async () => {
    await using app = await startTestApp({ security: { apiKeys: [key] } })
    const own = { 'x-api-key': key }
    const { urls } = await assetOf(await upload(app.url, png, own))
    const refusals: [path: string, method: string, headers: Record<string, string>, status: number][] = [
      ['/assets', 'POST', {}, 401],
      ['/assets', 'POST', { ...own, origin: 'https://evil.example' }, 403],
      [urls.self, 'GET', {}, 401],
      [urls.content, 'GET', {}, 401],
      [urls.self, 'DELETE', {}, 401],
      [urls.self, 'DELETE', { ...own, origin: 'https://evil.example' }, 403],
    ]
    for (const [path, method, headers, status] of refusals) {
      const response = await fetch(app.url + path, { method, headers, ...(method === 'POST' && { body: other }) })
      expect(response.status, `${method} ${path}`).toBe(status)
      await response.text()
    }
    expect(app.inputs.stored).toHaveLength(1)
    expect(app.inputs.received.size).toBe(0)
  })

  test('counts uploads against the rate of their caller', async () => {
    await using app = await startTestApp({ limits: { rateLimit: { requests: 1, windowSeconds: 3600 } } })
    await assetOf(await upload(app.url, png))
    expect(await readProblem(await upload(app.url, other))).toMatchObject({ status: 429, code: 'rate_limited' })
  })
})

describe('in a store with a clock', () => {
  const retentionMs = 3_600_000

  async function start(changes: TestAppChanges = {}) {
    const stack = new AsyncDisposableStack()
    const folder = mkdtempSync(join(tmpdir(), 'assets-'))
    stack.defer(() => rmSync(folder, { recursive: true, force: true }))
    const clock = { nowMs: Date.now() }
    const now = () => clock.nowMs
    const inputs = createLocalInputStore({ directory: join(folder, 'inputs'), maxBytes: 1_000_000, now })
    stack.defer(() => inputs.close())
    const assets = createAssets({ inputs, directory: join(folder, 'assets'), retentionMs, isNeeded: () => false, now })
    stack.defer(() => assets.close())
    const app = stack.use(await startTestApp({ ...changes, options: { inputs, assets } }))
    return {
      app,
      clock,
      listed: () => [...readdirSync(join(folder, 'inputs')), ...readdirSync(join(folder, 'assets'))],
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    }
  }

  test('an asset that nobody used for its time is gone, with its bytes', async () => {
    await using started = await start()
    const { app, clock, listed } = started
    const { id, urls } = await assetOf(await upload(app.url, png))
    answerAtOnce(app, png)
    clock.nowMs += retentionMs - 1
    const used = await postJson(`${app.url}/test/img2img`, { image: { asset: id } })
    expect(used.status, await used.text()).toBe(200)
    clock.nowMs += retentionMs - 1
    const asset = assetSchema.parse(await (await fetch(app.url + urls.self)).json())
    expect(asset.expires_at).toBe(new Date(clock.nowMs + 1).toISOString())
    clock.nowMs += 1
    expect(await readProblem(await fetch(app.url + urls.self))).toMatchObject({ code: 'asset_not_found' })
    expect(await readProblem(await postJson(`${app.url}/test/img2img`, { image: { asset: id } }))).toMatchObject({
      errors: [{ pointer: '/image', code: 'asset_not_found', message: expect.stringContaining('POST /assets') }],
    })
    expect(listed()).toEqual([])
  })

  test('an upload that does not go on is 408, and leaves nothing', async () => {
    await using started = await start({ limits: { requestTimeoutMs: 100 } })
    const { app, listed } = started
    const stalled = request(`${app.url}/assets`, { method: 'POST', headers: { 'content-length': '900000' } })
    stalled.on('error', () => {})
    const answered = once(stalled, 'response') as Promise<[IncomingMessage]>
    stalled.write(Buffer.alloc(400_000))
    const [answer] = await answered
    expect(answer.statusCode).toBe(408)
    answer.resume()
    stalled.destroy()
    await expect.poll(listed, generous).toEqual([])
  })
})

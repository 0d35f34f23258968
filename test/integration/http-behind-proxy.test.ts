import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { workflowListSchema } from '../../src/http/schemas/workflow.ts'
import type { HttpProxying } from '../../src/http/app-options.ts'
import { readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { sendHeaders, sendRaw, type RawAnswer } from '../support/raw-http.ts'
import { readEvents } from '../support/read-events.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp, type TestAppChanges } from '../support/start-test-app.ts'

const body = JSON.stringify({ prompt: 'a fox' })
const json = { 'Content-Type': 'application/json' }

function startBehind(proxying: HttpProxying, changes: TestAppChanges = {}): Promise<TestApp> {
  return startTestApp({ ...changes, options: { ...changes.options, proxying } })
}

function problemOf(answer: RawAnswer): { code: string; detail: string; instance: string } {
  return z.object({ code: z.string(), detail: z.string(), instance: z.string() }).parse(JSON.parse(answer.body))
}

async function statusOf(url: string): Promise<number> {
  const response = await fetch(url)
  await response.bytes()
  return response.status
}

/** What a path in front of everything has to show up in, when a caller reads only what it was given. */
async function followLinks(gateway: TestApp, from: string, prefix: string): Promise<void> {
  answerAtOnce(gateway, makePng(8, 8))
  const ran = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' })
  const result = resultSchema.parse(await ran.json())
  const self = `${prefix}/jobs/${result.id}`
  expect(result.urls).toMatchObject({ self, events: `${self}/events`, cancel: `${self}/cancel` })
  expect(result.outputs[0]?.url).toBe(`${self}/outputs/0`)

  const raw = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' }, { accept: 'image/*' })
  await raw.bytes()
  const rawSelf = `${prefix}/jobs/${raw.headers.get('job-id') ?? ''}`
  expect(raw.headers.get('content-location')).toBe(`${rawSelf}/outputs/0`)
  expect(raw.headers.get('link')).toBe(`<${rawSelf}>; rel="describedby"`)

  const accepted = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' }, { prefer: 'respond-async' })
  const job = jobSchema.parse(await accepted.json())
  expect(accepted.headers.get('location')).toBe(`${prefix}/jobs/${job.id}`)

  const events = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' }, { accept: 'text/event-stream' })
  expect(events.headers.get('location')).toBe(`${prefix}/jobs/${events.headers.get('job-id') ?? ''}`)
  const last = (await readEvents(events)).at(-1)
  expect(jobSchema.parse(last?.data).urls.self).toBe(events.headers.get('location'))

  const workflows = workflowListSchema.parse(await (await fetch(`${from}/workflows`)).json())
  expect(workflows.data.map(({ url }) => url)).toContain(`${prefix}/test/txt2img`)

  const missing = await readProblem(await fetch(`${from}/jobs/none?x=1`))
  expect(missing.instance).toBe(`${prefix}/jobs/none`)
  const misspelt = await readProblem(await fetch(`${from}/test/txt2imgg`))
  expect(misspelt.detail).toContain(`Did you mean ${prefix}/test/txt2img?`)
}

async function serversOf(from: string): Promise<unknown> {
  return z.looseObject({ servers: z.unknown() }).parse(await (await fetch(`${from}/openapi.json`)).json()).servers
}

/** Addresses in the documentation page that its browser asks for, as it would resolve them. */
async function assetsOf(page: string): Promise<string[]> {
  const html = await (await fetch(page)).text()
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => new URL(url, page).pathname)
}

describe('below a base path', () => {
  const basePath = '/comfy'

  test('everything answers, and every link leads back', async () => {
    await using gateway = await startBehind({ basePath })
    const from = `${gateway.url}${basePath}`
    await followLinks(gateway, from, basePath)
    expect(await serversOf(from)).toEqual([{ url: basePath }])
    for (const path of ['/jobs', '/health', '/ready', '/metrics', '/docs/json', '/test/txt2img?x=1'])
      expect(await statusOf(from + path), path).toBe(200)
  })

  test.each(['/docs', '/docs/'])('the page at %s and all of its files load', async (path) => {
    await using gateway = await startBehind({ basePath })
    const page = `${gateway.url}${basePath}${path}`
    const assets = await assetsOf(page)
    expect(assets.length).toBeGreaterThan(5)
    for (const asset of assets) {
      expect(asset).toMatch(/^\/comfy\/docs\/static\//)
      expect(await statusOf(gateway.url + asset), asset).toBe(200)
    }
    const index = await fetch(`${gateway.url}${basePath}/docs/static/index.html`, { redirect: 'manual' })
    await index.bytes()
    expect(index.headers.get('location')).toBe('/comfy/docs/')
  })

  test('nothing answers outside of it but the probes', async () => {
    await using gateway = await startBehind({ basePath })
    for (const path of ['/health', '/ready', '/metrics', '/health?x=1'])
      expect(await statusOf(gateway.url + path), path).toBe(200)
    for (const path of [
      '/',
      '/jobs',
      '/docs',
      '/openapi.json',
      '/test/txt2img',
      '/comfyx/jobs',
      '/COMFY/jobs',
      '//comfy/jobs',
    ]) {
      const answer = await sendHeaders(gateway.port, 'GET', path, { Host: 'localhost' })
      expect(answer.status, path).toBe(404)
      expect(problemOf(answer), path).toMatchObject({ code: 'not_found', instance: path })
      expect(problemOf(answer).detail).toContain('below /comfy/')
    }
    const refused = await readProblem(await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a fox' }))
    expect(refused.code).toBe('not_found')
    expect(gateway.jobs.requests).toHaveLength(0)
  })

  test('the guards hold as they do at the root', async () => {
    await using gateway = await startBehind({ basePath }, { security: { apiKeys: ['key-one-0123456789'] } })
    const get = (path: string, headers: Record<string, string> = {}) =>
      sendHeaders(gateway.port, 'GET', path, { Host: 'localhost', ...headers })
    expect((await get('/comfy/jobs')).status).toBe(401)
    expect((await get('/comfy/metrics')).status).toBe(401)
    expect((await get('/metrics')).status).toBe(401)
    expect((await get('/comfy/health')).status).toBe(200)
    expect((await get('/comfy/jobs', { 'X-API-Key': 'key-one-0123456789' })).status).toBe(200)
    expect((await get('/comfy/jobs', { Host: 'evil.net' })).status).toBe(403)
  })
})

describe('with a public address', () => {
  const publicUrl = 'https://api.example.com/comfy'

  test('links have its path although requests arrive without it', async () => {
    await using gateway = await startBehind({ publicUrl })
    await followLinks(gateway, gateway.url, '/comfy')
    expect(await serversOf(gateway.url)).toEqual([{ url: publicUrl }])
    expect(await assetsOf(`${gateway.url}/docs`)).toContain('/comfy/docs/static/swagger-ui.css')
  })

  test('an example of a call in an error has all of it', async () => {
    await using gateway = await startBehind({ publicUrl })
    const refused = await fetch(`${gateway.url}/test/txt2img`, {
      method: 'POST',
      headers: { 'content-type': 'text/csv' },
      body: 'a',
    })
    expect((await readProblem(refused)).detail).toContain(`curl ${publicUrl}/test/txt2img -H`)
  })

  test('another path may arrive than callers ask for', async () => {
    await using gateway = await startBehind({ publicUrl: 'https://api.example.com', basePath: '/inside' })
    await followLinks(gateway, `${gateway.url}/inside`, '')
  })

  test('its host is answered to, and its own pages may change something', async () => {
    await using gateway = await startBehind({ publicUrl })
    answerAtOnce(gateway, makePng(8, 8))
    const post = (headers: Record<string, string>) =>
      sendHeaders(gateway.port, 'POST', '/test/txt2img', { ...json, ...headers }, body)
    expect((await post({ Host: 'api.example.com', Origin: 'https://api.example.com' })).status).toBe(200)
    // A proxy that puts its own name for the server into Host.
    expect((await post({ Host: 'localhost:3000', Origin: 'https://api.example.com' })).status).toBe(200)
    expect((await post({ Host: 'localhost:3000', Origin: 'http://api.example.com' })).status).toBe(403)
    expect((await post({ Host: 'other.example.com' })).status).toBe(403)
  })
})

describe('headers of proxies', () => {
  const forwarded = {
    'X-Forwarded-Host': 'api.example.com',
    'X-Forwarded-Proto': 'https',
    'X-Forwarded-For': '203.0.113.9',
  }
  const security = { allowedHosts: ['api.example.com'] }
  const post = (gateway: TestApp, headers: Record<string, string>) =>
    sendHeaders(gateway.port, 'POST', '/test/txt2img', { ...json, Prefer: 'respond-async', ...headers }, body)

  test('are ignored when nobody is trusted', async () => {
    await using gateway = await startBehind({}, { security })
    const own = { ...forwarded, Host: 'localhost' }
    expect((await post(gateway, { ...own, 'X-Forwarded-Host': 'evil.net' })).status).toBe(202)
    expect((await post(gateway, { ...own, Origin: 'https://api.example.com' })).status).toBe(403)
    expect((await post(gateway, { ...forwarded, Host: 'evil.net' })).status).toBe(403)
  })

  test.each([[1], [['127.0.0.1']], [['loopback']], [['127.0.0.0/8', '::1']]] as const)(
    'are believed when %j is trusted',
    async (trustedProxies) => {
      await using gateway = await startBehind({ trustedProxies }, { security })
      const through = { ...forwarded, Host: 'upstream' }
      expect((await post(gateway, through)).status).toBe(202)
      expect((await post(gateway, { ...through, Origin: 'https://api.example.com' })).status).toBe(202)
      expect((await post(gateway, { ...through, Origin: 'https://evil.net' })).status).toBe(403)
      const unread = await post(gateway, { ...through, 'Content-Type': 'text/csv' })
      expect(problemOf(unread).detail).toContain('curl https://api.example.com/test/txt2img -H')
      const foreign = await post(gateway, { ...through, 'X-Forwarded-Host': 'evil.net' })
      expect(problemOf(foreign)).toMatchObject({ code: 'host_not_allowed' })
      expect(problemOf(foreign).detail).toContain('evil.net')
    },
  )

  test('are ignored when others are trusted', async () => {
    await using gateway = await startBehind({ trustedProxies: ['192.0.2.0/24'] }, { security })
    expect((await post(gateway, { ...forwarded, Host: 'upstream' })).status).toBe(403)
    expect((await post(gateway, { ...forwarded, Host: 'localhost' })).status).toBe(202)
  })

  test('tell the caller apart by the last address that is not of a proxy', async () => {
    await using gateway = await startBehind(
      { trustedProxies: ['127.0.0.1', '192.0.2.1'] },
      { limits: { rateLimit: { requests: 1, windowSeconds: 60 } }, options: { now: () => 0 } },
    )
    const from = (addresses: string) => post(gateway, { Host: 'localhost', 'X-Forwarded-For': addresses })
    expect((await from('203.0.113.9, 192.0.2.1')).status).toBe(202)
    expect((await from('198.51.100.1, 203.0.113.9, 192.0.2.1')).status).toBe(429)
    expect((await from('203.0.113.10')).status).toBe(202)
  })
})

describe('a request with two hosts', () => {
  test.each([
    'Host: localhost\r\nHost: localhost',
    'Host: localhost\r\nhOST: evil.net',
    'host: evil.net\r\nHost: localhost',
  ])('%j is refused, whichever of them is ours', async (hosts) => {
    await using gateway = await startTestApp()
    const answer = await sendRaw(gateway.port, `GET /jobs HTTP/1.1\r\n${hosts}\r\n\r\n`)
    expect(answer.status).toBe(400)
    expect(problemOf(answer)).toMatchObject({ code: 'malformed_request' })
    expect(answer.headers.get('connection')).toBe('close')
  })

  test('is refused when its target names another than its header', async () => {
    await using gateway = await startTestApp()
    const answer = await sendRaw(gateway.port, 'GET http://localhost/jobs HTTP/1.1\r\nHost: evil.net\r\n\r\n')
    expect(answer.status).toBe(400)
    expect(problemOf(answer)).toMatchObject({ code: 'malformed_request', instance: '/jobs' })
  })
})

describe('a request whose target is a whole address', () => {
  test.each([
    ['', '/workflows/test/txt2img'],
    ['', '/test/txt2img'],
    ['/comfy', '/comfy/workflows/test/txt2img'],
    ['/comfy', '/comfy/test/txt2img'],
  ])('means its path, below %j: %s', async (basePath, path) => {
    await using gateway = await startBehind({ basePath })
    const target = `http://localhost:3000${path}`
    const answer = await sendRaw(
      gateway.port,
      `GET ${target} HTTP/1.1\r\nHost: localhost:3000\r\nConnection: close\r\n\r\n`,
    )
    expect(answer.status).toBe(200)
  })
})

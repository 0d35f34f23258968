import { createHash, randomBytes } from 'node:crypto'
import { request as sendRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { HttpProxying } from '../../src/http/app-options.ts'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { openEventSocket } from '../support/event-socket.ts'
import { makePng } from '../support/make-image.ts'
import { readEvents } from '../support/read-events.ts'
import { startGateway, testWorkflows } from '../support/start-gateway.ts'
import { postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'
import { hasCaddy, startCaddy } from './caddy.ts'
import { documentedConfig, replaceAddresses } from './documented-config.ts'
import { requireNginx, startNginx } from './nginx.ts'
import type { Proxy } from './proxy-process.ts'

const publicUrl = 'https://api.example.com/comfy'
const mebibyte = 1024 * 1024
const limits = { maxBodyBytes: 32 * mebibyte }
const trustedProxies = ['127.0.0.1']
const passesOn: HttpProxying = { basePath: '/comfy', publicUrl, trustedProxies }
const takesAway: HttpProxying = { publicUrl, trustedProxies }
const passingOn = { nginx: 'proxy_pass http://comfyui_api;', caddy: 'handle /comfy/*' }
const takingAway = { nginx: 'proxy_pass http://comfyui_api/;', caddy: 'handle_path /comfy/*' }

const started: Proxy[] = []

beforeAll(requireNginx)
// Not at the end of each test, which one that takes too long never reaches.
afterAll(() => Promise.all(started.map((proxy) => proxy.close())))

async function start(starting: Promise<Proxy>): Promise<Proxy> {
  const proxy = await starting
  started.push(proxy)
  return proxy
}

type StartProxy = (gatewayPort: number, lines: typeof passingOn) => Promise<Proxy>

const nginx: StartProxy = async (gatewayPort, lines) => {
  const config = replaceAddresses(await documentedConfig('nginx'), { [passingOn.nginx]: lines.nginx })
  return start(startNginx({ config, gatewayPort }))
}
const caddy: StartProxy = async (gatewayPort, lines) => {
  const config = replaceAddresses(await documentedConfig('caddyfile'), { [passingOn.caddy]: lines.caddy })
  return start(startCaddy({ config, gatewayPort }))
}

describe.each([
  { name: 'nginx that passes the path on', startProxy: nginx, proxying: passesOn, lines: passingOn },
  { name: 'nginx that takes the path away', startProxy: nginx, proxying: takesAway, lines: takingAway },
  ...(hasCaddy()
    ? [
        { name: 'Caddy that passes the path on', startProxy: caddy, proxying: passesOn, lines: passingOn },
        { name: 'Caddy that takes the path away', startProxy: caddy, proxying: takesAway, lines: takingAway },
      ]
    : []),
])('$name', ({ startProxy, proxying, lines }) => {
  let gateway: TestApp
  let proxy: Proxy
  let origin: string
  let from: string

  beforeAll(async () => {
    gateway = await startTestApp({ limits, options: { proxying } })
    proxy = await startProxy(gateway.port, lines)
    origin = `http://127.0.0.1:${proxy.port}`
    from = `${origin}/comfy`
  })
  afterAll(async () => {
    await gateway[Symbol.asyncDispose]()
  })

  async function startJob(): Promise<string> {
    const response = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' }, { prefer: 'respond-async' })
    return jobSchema.parse(await response.json()).id
  }

  async function bytesOf(url: string, headers: Record<string, string> = {}) {
    const response = await fetch(url, { headers })
    return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) }
  }

  test.each(['/docs', '/docs/'])('shows the page at %s with all of its files', async (path) => {
    const page = `${from}${path}`
    const html = (await bytesOf(page)).bytes.toString()
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url = '']) => new URL(url, page).href)
    expect(assets.length).toBeGreaterThan(5)
    for (const asset of assets) expect((await bytesOf(asset)).status, asset).toBe(200)
    expect((await bytesOf(`${from}/docs/json`)).status).toBe(200)
    const document = z
      .object({ servers: z.unknown() })
      .parse(JSON.parse((await bytesOf(`${from}/openapi.json`)).bytes.toString()))
    expect(document.servers).toEqual([{ url: publicUrl }])
  })

  test('leads from one link to the next', async () => {
    const accepted = await postJson(`${from}/test/txt2img`, { prompt: 'a fox' }, { prefer: 'respond-async' })
    const { id } = jobSchema.parse(await accepted.json())
    const picture = makePng(8, 8)
    gateway.jobs.start(id)
    gateway.jobs.addOutput(id, gateway.outputs.add(id, 0, picture))
    gateway.jobs.succeed(id)
    const found = await bytesOf(origin + (accepted.headers.get('location') ?? ''))
    const job = jobSchema.parse(JSON.parse(found.bytes.toString()))
    expect(job.id).toBe(id)
    expect((await bytesOf(origin + (job.outputs[0]?.url ?? ''))).bytes).toEqual(picture)
    expect((await bytesOf(origin + job.urls.outputs)).status).toBe(200)
    const events = await readEvents(await fetch(origin + job.urls.events))
    expect(events.at(-1)?.type).toBe('end')
  })

  test('lets server-sent events through one by one', async () => {
    const id = await startJob()
    expect(await followStepByStep(gateway, id, from)).toEqual(['queued', 'running', 'end'])
  })

  test('lets a WebSocket through', async () => {
    const id = await startJob()
    const socket = await openEventSocket(`${from}/jobs/${id}/ws`)
    expect((await socket.received(1))[0]?.data['status']).toBe('queued')
    gateway.jobs.start(id)
    expect((await socket.received(2))[1]?.data['status']).toBe('running')
    gateway.jobs.succeed(id)
    expect((await socket.closed).code).toBe(1000)
    expect(socket.events.at(-1)?.type).toBe('end')
  })

  test('takes a large upload', async () => {
    const picture = randomBytes(24 * mebibyte)
    const form = new FormData()
    form.set('image', new Blob([picture], { type: 'image/png' }), 'fox.png')
    const headers = { prefer: 'respond-async' }
    const response = await fetch(`${from}/test/img2img`, { method: 'POST', headers, body: form })
    expect(jobSchema.parse(await jsonOf(response)).status).toBe('queued')
    const stored = gateway.inputs.stored.at(-1)?.bytes ?? Buffer.alloc(0)
    expect(digestOf(stored)).toBe(digestOf(picture))
  })

  test('gives a large output, whole and in parts', async () => {
    const id = await startJob()
    const video = randomBytes(24 * mebibyte)
    gateway.jobs.start(id)
    gateway.jobs.addOutput(id, gateway.outputs.add(id, 0, video, { contentType: 'video/mp4', kind: 'video' }))
    gateway.jobs.succeed(id)
    const url = `${from}/jobs/${id}/outputs/0`
    expect(digestOf((await bytesOf(url)).bytes)).toBe(digestOf(video))
    const part = await bytesOf(url, { range: 'bytes=1000000-1999999' })
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 1000000-1999999/${video.length}`])
    expect(part.bytes.equals(video.subarray(1_000_000, 2_000_000))).toBe(true)
    expect((await bytesOf(url, { 'if-none-match': part.headers.get('etag') ?? '' })).status).toBe(304)
  })

  test('keeps host and origin as callers sent them', async () => {
    const statusFor = async (headers: Record<string, string>) => {
      const path = '/comfy/jobs/none/cancel'
      return (await send({ port: proxy.port, method: 'POST', path, headers })).status
    }
    expect(await statusFor({ host: 'api.example.com' })).toBe(404)
    expect(await statusFor({ host: 'api.example.com', origin: 'https://api.example.com' })).toBe(404)
    expect(await statusFor({ host: 'api.example.com', origin: 'https://evil.net' })).toBe(403)
    expect(await statusFor({ host: 'evil.net' })).toBe(403)
    expect(await statusFor({ host: 'evil.net', 'x-forwarded-host': 'api.example.com' })).toBe(403)
  })

  test('never answers 502, over more requests than a connection takes', async () => {
    const { keepAliveTimeout, maxRequestsPerSocket } = gateway.app.server
    expect(maxRequestsPerSocket).toBeLessThan(1500)
    const [, seconds] = /keepalive_timeout (\d+)s;/.exec(await documentedConfig('nginx')) ?? []
    expect(Number(seconds) * 1000).toBeLessThan(keepAliveTimeout)
    const statuses = new Map<number, number>()
    const callers = Array.from({ length: 2 }, async () => {
      for (let count = 0; count < 1500; count++) {
        const { status } = await bytesOf(`${from}/health`)
        statuses.set(status, (statuses.get(status) ?? 0) + 1)
      }
    })
    await Promise.all(callers)
    expect([...statuses]).toEqual([[200, 3000]])
  })
})

test('events come one by one through an nginx that was told nothing but the address', async () => {
  await using gateway = await startTestApp({ options: { proxying: { basePath: '/comfy' } } })
  const upstream = 'upstream gateway { server 127.0.0.1:3000; }'
  const location = 'location / { proxy_pass http://gateway; proxy_set_header Host localhost; }'
  const config = `${upstream}\nserver { listen 443 ssl; ${location} }`
  const proxy = await start(startNginx({ config, gatewayPort: gateway.port }))
  const response = await postJson(`${gateway.url}/comfy/test/txt2img`, { prompt: 'a fox' }, { prefer: 'respond-async' })
  const { id } = jobSchema.parse(await jsonOf(response))
  const from = `http://127.0.0.1:${proxy.port}/comfy`
  expect(await followStepByStep(gateway, id, from)).toEqual(['queued', 'running', 'end'])
})

test('callers behind nginx are told apart by their address, whatever they claim', async () => {
  await using gateway = await startTestApp({
    limits: { ...limits, rateLimit: { requests: 1, windowSeconds: 60 } },
    options: { proxying: passesOn, now: () => 0 },
  })
  const proxy = await nginx(gateway.port, passingOn)
  const postAs = async (localAddress: string, claimed?: string) => {
    const headers = {
      'content-type': 'application/json',
      prefer: 'respond-async',
      ...(claimed !== undefined && { 'x-forwarded-for': claimed }),
    }
    const path = '/comfy/test/txt2img'
    const body = JSON.stringify({ prompt: 'a fox' })
    return (await send({ port: proxy.port, localAddress, method: 'POST', path, headers }, body)).status
  }
  expect(await postAs('127.0.0.8')).toBe(202)
  expect(await postAs('127.0.0.8')).toBe(429)
  expect(await postAs('127.0.0.8', '203.0.113.9')).toBe(429)
  expect(await postAs('127.0.0.9')).toBe(202)
})

test('a gateway with the documented settings answers through nginx', async () => {
  const gateway = await startGateway({
    flags: {
      demo: true,
      workflows: [testWorkflows],
      basePath: '/comfy',
      publicUrl,
      trustProxy: '127.0.0.1',
      rateLimit: '5/1h',
    },
  })
  try {
    expect(gateway.url).toMatch(/\/comfy$/)
    const gatewayPort = Number(new URL(gateway.url).port)
    const proxy = await nginx(gatewayPort, passingOn)
    const origin = `http://127.0.0.1:${proxy.port}`
    const response = await postJson(`${origin}/comfy/test/picture`, { color: 1 })
    const result = resultSchema.parse(await jsonOf(response))
    expect(response.headers.get('ratelimit')).toMatch(/^"default";r=4;t=\d+$/)
    const picture = await fetch(origin + (result.outputs[0]?.url ?? ''))
    expect(Buffer.from(await picture.arrayBuffer()).toString('base64')).toBe(result.images[0])
  } finally {
    await gateway.close()
  }
})

/** Takes each next step of a job only when the last one was seen: one that is held back would be waited for in vain. */
async function followStepByStep({ jobs }: TestApp, id: string, from: string): Promise<unknown[]> {
  const states: unknown[] = []
  await readEvents(await fetch(`${from}/jobs/${id}/events`), (events) => {
    const last = events.at(-1)
    states.push(last?.type === 'end' ? 'end' : last?.data['status'])
    if (events.length === 1) jobs.start(id)
    else jobs.succeed(id)
    return last?.type === 'end'
  })
  return states
}

async function jsonOf(response: Response): Promise<unknown> {
  const body = await response.text()
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${body}`)
  return JSON.parse(body)
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A request with any header, and from any address of this machine. */
async function send(
  options: { port: number; method: string; path: string; headers: Record<string, string>; localAddress?: string },
  body = '',
): Promise<{ status: number; body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>()
  const request = sendRequest({ host: '127.0.0.1', ...options }, (answer) => {
    text(answer).then((received) => resolve({ status: answer.statusCode ?? 0, body: received }), reject)
  })
  request.on('error', reject)
  request.end(body)
  return promise
}

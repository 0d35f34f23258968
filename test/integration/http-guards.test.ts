import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { sendHeaders, sendRaw } from '../support/raw-http.ts'
import { answerAtOnce, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
let locked: TestApp

beforeAll(async () => {
  gateway = await startTestApp({
    security: { allowedHosts: ['api.example.com', 'other.example.com:8443', '[2001:db8::7]'] },
  })
  answerAtOnce(gateway)
  locked = await startTestApp({ security: { apiKeys: ['key-one-0123456789', 'key-two-0123456789'] } })
  answerAtOnce(locked)
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await locked[Symbol.asyncDispose]()
})

const json = { 'Content-Type': 'application/json' }
const body = '{"prompt":"a"}'

function codeOf(answer: { body: string }): string {
  return problemSchema.parse(JSON.parse(answer.body)).code
}

describe('the Host header', () => {
  test.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST:3000',
    'localhost.',
    'comfy.localhost:80',
    '127.0.0.1',
    '127.0.0.1:3000',
    '127.8.9.10',
    '[::1]',
    '[::1]:3000',
    'api.example.com',
    'API.example.com:443',
    'other.example.com:8443',
    '[2001:db8::7]:80',
  ])('%s is answered', async (host) => {
    expect((await sendHeaders(gateway.port, 'GET', '/health', { Host: host })).status).toBe(200)
  })

  test.each([
    'example.com',
    'evil.api.example.com',
    'api.example.com.evil.net',
    'localhost.evil.net',
    '127.0.0.1.evil.net',
    'other.example.com',
    'other.example.com:80',
    '192.168.1.5',
    '[2001:db8::8]',
    '::1',
    'localhost:abc',
    'localhost:3000:3000',
    'user@localhost',
    'localhost, evil.net',
    '',
  ])('%j is refused', async (host) => {
    const answer = await sendHeaders(gateway.port, 'GET', '/health', { Host: host })
    expect(answer.status).toBe(403)
    expect(codeOf(answer)).toBe('host_not_allowed')
  })

  test('that is missing is refused', async () => {
    const answer = await sendRaw(gateway.port, 'GET /health HTTP/1.0\r\n\r\n')
    expect(answer.status).toBe(403)
    expect(codeOf(answer)).toBe('host_not_allowed')
  })

  test('is refused on every route, also where there is none', async () => {
    for (const path of ['/docs', '/openapi.json', '/test/txt2img', '/nothing', '/jobs/x/outputs/0']) {
      expect((await sendHeaders(gateway.port, 'GET', path, { Host: 'evil.net' })).status, path).toBe(403)
    }
  })

  test('of a server bound to one address is that address; bound to all, any address but no name', async () => {
    await using one = await startTestApp({ security: { boundHost: '192.168.1.5' } })
    expect((await sendHeaders(one.port, 'GET', '/health', { Host: '192.168.1.5:3000' })).status).toBe(200)
    expect((await sendHeaders(one.port, 'GET', '/health', { Host: '192.168.1.6:3000' })).status).toBe(403)
    for (const boundHost of ['0.0.0.0', '::', '[::]']) {
      await using all = await startTestApp({ security: { boundHost } })
      expect((await sendHeaders(all.port, 'GET', '/health', { Host: '192.168.1.6:3000' })).status).toBe(200)
      expect((await sendHeaders(all.port, 'GET', '/health', { Host: '[fe80::1]' })).status).toBe(200)
      expect((await sendHeaders(all.port, 'GET', '/health', { Host: 'gpu-box' })).status).toBe(403)
    }
  })

  test('may be anything where * is allowed', async () => {
    await using open = await startTestApp({ security: { allowedHosts: ['*'] } })
    expect((await sendHeaders(open.port, 'GET', '/health', { Host: 'gpu-box' })).status).toBe(200)
  })
})

describe('the Origin header', () => {
  const post = (headers: Record<string, string>, path = '/test/txt2img') =>
    sendHeaders(gateway.port, 'POST', path, { Host: 'localhost:3000', ...json, ...headers }, body)

  test.each([
    { Origin: 'http://localhost:3000' },
    { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'same-origin' },
    {},
  ])('%j is answered', async (headers) => {
    expect((await post(headers)).status).toBe(200)
  })

  test.each([
    { Origin: 'http://evil.net' },
    { Origin: 'http://localhost:5173' },
    { Origin: 'http://127.0.0.1:3000' },
    { Origin: 'https://localhost' },
    { Origin: 'null' },
    { Origin: 'nonsense' },
    { Origin: 'chrome-extension://abc' },
    { Origin: 'http://localhost:3000', 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'cross-site' },
  ])('%j may change nothing', async (headers) => {
    const before = gateway.jobs.requests.length
    const answer = await post(headers)
    expect(answer.status).toBe(403)
    expect(codeOf(answer)).toBe('origin_not_allowed')
    expect(gateway.jobs.requests).toHaveLength(before)
  })

  test('is compared with the default port of its scheme left out', async () => {
    const answer = await post({ Host: 'api.example.com:80', Origin: 'http://api.example.com' })
    expect(answer.status).toBe(200)
    expect((await post({ Host: 'api.example.com', Origin: 'https://api.example.com' })).status).toBe(200)
  })

  test('counts for every route that changes something, and for no other', async () => {
    const foreign = { Host: 'localhost', Origin: 'http://evil.net' }
    expect((await post({ Origin: 'http://evil.net' }, '/jobs/x/cancel')).status).toBe(403)
    expect((await post({ Origin: 'http://evil.net' }, '/jobs/x/retry')).status).toBe(403)
    expect((await sendHeaders(gateway.port, 'DELETE', '/jobs/x', foreign)).status).toBe(403)
    expect((await sendHeaders(gateway.port, 'GET', '/jobs', foreign)).status).toBe(200)
  })

  test('is never given access by CORS', async () => {
    const answer = await sendHeaders(gateway.port, 'GET', '/jobs', { Host: 'localhost', Origin: 'http://localhost' })
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('keys', () => {
  const get = (headers: Record<string, string>, path = '/jobs') =>
    sendHeaders(locked.port, 'GET', path, { Host: 'localhost', ...headers })

  test.each([
    { Authorization: 'Bearer key-one-0123456789' },
    { Authorization: 'bearer   key-two-0123456789' },
    { 'X-API-Key': 'key-one-0123456789' },
    { 'X-API-Key': 'key-two-0123456789' },
  ])('%j opens', async (headers) => {
    expect((await get(headers)).status).toBe(200)
  })

  test.each([
    {},
    { Authorization: 'Bearer' },
    { Authorization: 'Bearer wrong' },
    { Authorization: 'Basic a2V5LW9uZS0wMTIzNDU2Nzg5' },
    { Authorization: 'key-one-0123456789' },
    { 'X-API-Key': '' },
    { 'X-API-Key': 'key-one-012345678' },
    { 'X-API-Key': 'key-one-0123456789x' },
    { Authorization: 'Bearer wrong', 'X-API-Key': 'key-one-0123456789' },
  ])('%j does not', async (headers) => {
    const answer = await get(headers)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="comfyui-api"/)
    expect(codeOf(answer)).toBe('unauthorized')
  })

  test('are asked for everywhere but at /health', async () => {
    expect((await get({}, '/health')).status).toBe(200)
    for (const path of [
      '/ready',
      '/metrics',
      '/workflows',
      '/instances',
      '/openapi.json',
      '/docs',
      '/docs/json',
      '/test/txt2img',
      '/nothing',
    ]) {
      expect((await get({}, path)).status, path).toBe(401)
    }
    expect((await sendHeaders(locked.port, 'POST', '/test/txt2img', { Host: 'localhost', ...json }, body)).status).toBe(
      401,
    )
    expect(locked.jobs.requests).toHaveLength(0)
  })

  test('are not asked for by the documentation where that is open', async () => {
    await using open = await startTestApp({ security: { apiKeys: ['key-one-0123456789'], openDocs: true } })
    for (const path of ['/docs', '/docs/', '/docs/json', '/docs/static/swagger-ui.css', '/openapi.json']) {
      expect((await sendHeaders(open.port, 'GET', path, { Host: 'localhost' })).status, path).toBe(200)
    }
    expect((await sendHeaders(open.port, 'GET', '/jobs', { Host: 'localhost' })).status).toBe(401)
  })

  test('never show up in an answer', async () => {
    const answer = await get({ 'X-API-Key': 'wrong-key-canary' })
    expect(answer.body + [...answer.headers.values()].join()).not.toContain('canary')
  })
})

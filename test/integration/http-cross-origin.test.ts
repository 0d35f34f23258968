import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { makePng } from '../support/make-image.ts'
import { sendHeaders, type RawAnswer } from '../support/raw-http.ts'
import { answerAtOnce, startTestApp, type TestApp } from '../support/start-test-app.ts'

const page = 'https://app.example.com'
const key = 'key-one-0123456789'
const body = JSON.stringify({ prompt: 'a fox' })
const fromPage = { Host: 'localhost', Origin: page, 'Sec-Fetch-Site': 'cross-site' }
const json = { 'Content-Type': 'application/json' }

function startWith(corsOrigins: readonly string[], apiKeys: readonly string[] = []): Promise<TestApp> {
  return startTestApp({ security: { corsOrigins, apiKeys } })
}

function ask(gateway: TestApp, headers: Record<string, string> = {}, path = '/test/txt2img'): Promise<RawAnswer> {
  return sendHeaders(gateway.port, 'OPTIONS', path, {
    ...fromPage,
    'Access-Control-Request-Method': 'POST',
    'Access-Control-Request-Headers': 'authorization,content-type,idempotency-key',
    ...headers,
  })
}

function grantOf({ headers }: RawAnswer): string | undefined {
  return headers.get('access-control-allow-origin')
}

function listOf({ headers }: RawAnswer, name: string): string[] {
  return (headers.get(name) ?? '').split(', ').map((entry) => entry.toLowerCase())
}

describe('a page of a listed origin', () => {
  test('is let through before it has sent its key, and told what it may send', async () => {
    await using gateway = await startWith([page], [key])
    const answer = await ask(gateway)
    expect(answer.status).toBe(204)
    expect(grantOf(answer)).toBe(page)
    expect(answer.headers.get('access-control-allow-credentials')).toBeUndefined()
    expect(listOf(answer, 'access-control-allow-methods')).toEqual(['get', 'head', 'post', 'delete'])
    expect(answer.headers.get('access-control-allow-headers')).toBe('authorization,content-type,idempotency-key')
    expect(listOf(answer, 'vary')).toContain('origin')
  })

  test('may change something, and read the answer with its headers', async () => {
    await using gateway = await startWith([page], [key])
    answerAtOnce(gateway, makePng(8, 8))
    const headers = { ...fromPage, ...json, Authorization: `Bearer ${key}` }
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', headers, body)
    expect(answer.status).toBe(200)
    expect(grantOf(answer)).toBe(page)
    expect(listOf(answer, 'vary')).toEqual(expect.arrayContaining(['origin', 'accept', 'prefer']))
    expect(listOf(answer, 'access-control-expose-headers')).toEqual(
      expect.arrayContaining([
        'location',
        'content-location',
        'job-id',
        'etag',
        'retry-after',
        'ratelimit',
        'ratelimit-policy',
        'idempotency-replayed',
      ]),
    )
  })

  test('may read the errors of its requests', async () => {
    await using gateway = await startWith([page], [key])
    const unauthorized = await sendHeaders(gateway.port, 'GET', '/jobs', fromPage)
    expect([unauthorized.status, grantOf(unauthorized)]).toEqual([401, page])
    const missing = await sendHeaders(gateway.port, 'GET', '/jobs/none', { ...fromPage, 'X-API-Key': key })
    expect([missing.status, grantOf(missing)]).toEqual([404, page])
  })

  test('may follow the events of a job', async () => {
    await using gateway = await startWith([page])
    answerAtOnce(gateway, makePng(8, 8))
    const headers = { ...fromPage, ...json, Accept: 'text/event-stream' }
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', headers, body)
    expect(answer.headers.get('content-type')).toContain('text/event-stream')
    expect(grantOf(answer)).toBe(page)
    expect(listOf(answer, 'vary')).toEqual(expect.arrayContaining(['origin', 'accept', 'prefer']))
  })

  test('is one of several', async () => {
    await using gateway = await startWith(['http://localhost:5173', page])
    expect(grantOf(await ask(gateway, { Origin: 'http://localhost:5173' }))).toBe('http://localhost:5173')
    expect(grantOf(await ask(gateway))).toBe(page)
  })

  test('is not let through to a host that is not ours', async () => {
    await using gateway = await startWith([page])
    const headers = { ...fromPage, ...json, Host: 'evil.net' }
    expect((await sendHeaders(gateway.port, 'POST', '/test/txt2img', headers, body)).status).toBe(403)
    expect(gateway.jobs.requests).toHaveLength(0)
  })
})

describe('a page of another origin', () => {
  test.each([
    'https://evil.net',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://xapp.example.com',
    'null',
  ])('%s may neither read nor change anything', async (origin) => {
    await using gateway = await startWith([page])
    const asked = await ask(gateway, { Origin: origin })
    expect(asked.status).toBe(405)
    expect(grantOf(asked)).toBeUndefined()
    const read = await sendHeaders(gateway.port, 'GET', '/jobs', { ...fromPage, Origin: origin })
    expect([read.status, grantOf(read)]).toEqual([200, undefined])
    expect(listOf(read, 'vary')).toContain('origin')
    const sent = { ...fromPage, ...json, Origin: origin }
    const changed = await sendHeaders(gateway.port, 'POST', '/test/txt2img', sent, body)
    expect([changed.status, grantOf(changed)]).toEqual([403, undefined])
    expect(gateway.jobs.requests).toHaveLength(0)
  })

  test('may not open a WebSocket, and a listed one may', async () => {
    await using gateway = await startWith([page])
    const statusFor = async (origin: string) => {
      const socket = connect(gateway.port, '127.0.0.1')
      const answered = once(socket, 'data')
      const handshake = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13'
      const nonce = 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='
      socket.write(
        `GET /jobs/none/ws HTTP/1.1\r\nHost: localhost\r\nOrigin: ${origin}\r\n${handshake}\r\n${nonce}\r\n\r\n`,
      )
      const [bytes] = z.tuple([z.instanceof(Buffer)]).parse(await answered)
      socket.destroy()
      return Number(bytes.toString('latin1').split(' ')[1])
    }
    expect(await statusFor('https://evil.net')).toBe(403)
    expect(await statusFor(page)).toBe(404)
  })
})

describe('every origin', () => {
  test('may use a server with a key, with the key', async () => {
    await using gateway = await startWith(['*'], [key])
    answerAtOnce(gateway, makePng(8, 8))
    expect(grantOf(await ask(gateway, { Origin: 'https://any.net' }))).toBe('*')
    const sent = { ...fromPage, ...json, Origin: 'https://any.net' }
    const refused = await sendHeaders(gateway.port, 'POST', '/test/txt2img', sent, body)
    expect([refused.status, grantOf(refused)]).toEqual([401, '*'])
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', { ...sent, 'X-API-Key': key }, body)
    expect([answer.status, answer.headers.get('access-control-allow-credentials')]).toEqual([200, undefined])
  })
})

test('without a listed origin OPTIONS is a method like others', async () => {
  await using gateway = await startTestApp()
  const answer = await ask(gateway)
  expect(answer.status).toBe(405)
  expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
})

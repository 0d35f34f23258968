import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { openRaw, sendHeaders, sendRaw } from '../support/raw-http.ts'
import { answerAtOnce, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
  answerAtOnce(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const head = 'POST /test/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n'

describe('requests that are no HTTP', () => {
  test.each([
    ['two ways to tell the length', `${head}Content-Length: 14\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['two lengths', `${head}Content-Length: 14\r\nContent-Length: 15\r\n\r\n{"prompt":"a"}`],
    ['a length that is no number', `${head}Content-Length: 1e1\r\n\r\n{"prompt":"a"}`],
    ['a negative length', `${head}Content-Length: -1\r\n\r\n`],
    ['an unknown transfer encoding', `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
    ['a hidden transfer encoding', `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
    ['a bad chunk size', `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n`],
    ['bare line feeds', 'GET /health HTTP/1.1\nHost: localhost\n\n'],
    ['no Host', 'GET /health HTTP/1.1\r\n\r\n'],
    ['a folded header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\r\n b\r\n\r\n'],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n'],
    ['a space in the path', 'GET /hea lth HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['an unknown version', 'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n'],
    ['an unknown method', 'BREW /health HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.0\r\n\r\n'],
  ])('%s: 400, and the connection is closed', async (_what, request) => {
    const answer = await sendRaw(gateway.port, request)
    expect(answer.status).toBe(400)
    expect(gateway.jobs.requests).toHaveLength(0)
  })

  test('are answered with a problem', async () => {
    const answer = await sendRaw(gateway.port, 'nonsense\r\n\r\n')
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    const problem = problemSchema.parse(JSON.parse(answer.body))
    expect(problem).toMatchObject({ code: 'malformed_request', status: 400 })
    expect(answer.headers.get('x-request-id')).toBe(problem.request_id)
  })

  test('headers that are too large are 431', async () => {
    const answer = await sendRaw(
      gateway.port,
      `GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
    )
    expect(answer.status).toBe(431)
    expect(problemSchema.parse(JSON.parse(answer.body)).code).toBe('headers_too_large')
  })

  test('a body shorter than announced never becomes a request', async () => {
    const socket = await openRaw(gateway.port, `${head}Content-Length: 100\r\n\r\n{"prompt":"a"}`)
    socket.destroy()
    const answer = await sendHeaders(gateway.port, 'GET', '/health', { Host: 'localhost' })
    expect(answer.status).toBe(200)
    expect(gateway.jobs.requests).toHaveLength(0)
  })
})

describe('slow requests', () => {
  test.each([
    ['headers', 'GET /health HTTP/1.1\r\nHost: loc'],
    ['a body', `${head}Content-Length: 100\r\n\r\n{`],
  ])('%s that do not arrive in time are 408', async (_what, request) => {
    await using impatient = await startTestApp({
      limits: { headersTimeoutMs: 50, requestTimeoutMs: 100, connectionsCheckIntervalMs: 20 },
    })
    const answer = await sendRaw(impatient.port, request)
    expect(answer.status).toBe(408)
    expect(problemSchema.parse(JSON.parse(answer.body)).code).toBe('request_timeout')
  })
})

describe('paths', () => {
  test.each([
    '/test%2ftxt2img',
    '/test%2Ftxt2img',
    '/test%5ctxt2img',
    '/test//txt2img',
    '//test/txt2img',
    '/test/./txt2img',
    '/test/../test/txt2img',
    '/./test/txt2img',
    '/test/txt2img/',
    '/test/%74xt2img',
    '/test/txt2img%00',
    '/test/txt2img;x=1',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc%2fpasswd',
    '/docs/static/../../package.json',
    '/docs/static/..%2f..%2fpackage.json',
    '/docs/..%2f..%2fpackage.json',
    '/%zz',
    '/%',
    '/__proto__',
    '/constructor',
    '/a'.repeat(400),
  ])('%s is no other way to a workflow or a file', async (path) => {
    for (const method of ['GET', 'POST']) {
      const answer = await sendHeaders(
        gateway.port,
        method,
        path,
        { Host: 'localhost', 'Content-Type': 'application/json' },
        '{"prompt":"a"}',
      )
      expect([400, 403, 404, 405], `${method} ${answer.status}`).toContain(answer.status)
      expect(answer.body).not.toContain('"name"')
      expect(answer.headers.get('x-request-id')).toBeDefined()
    }
    expect(gateway.jobs.requests).toHaveLength(0)
  })

  test('in absolute form are read like others', async () => {
    const answer = await sendHeaders(gateway.port, 'GET', 'http://localhost/health', { Host: 'localhost' })
    expect([200, 404]).toContain(answer.status)
  })
})

describe('request ids', () => {
  test.each([
    ['a sane one', 'trace-1.2:3_X', true],
    ['one with spaces', 'a b', false],
    ['one too long', 'a'.repeat(129), false],
  ])('%s', async (_what, id, isKept) => {
    const answer = await sendHeaders(gateway.port, 'GET', '/nothing', { Host: 'localhost', 'X-Request-Id': id })
    const { request_id } = problemSchema.parse(JSON.parse(answer.body))
    expect(answer.headers.get('x-request-id')).toBe(request_id)
    expect(request_id === id).toBe(isKept)
  })
})

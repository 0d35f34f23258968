import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { LoggedRequest, TracedRequest } from '../../src/http/app-options.ts'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const sent = `00-${traceId}-00f067aa0ba902b7-01`
const continued = `00-${traceId}-aaaaaaaaaaaaaaaa-01`

let plain: TestApp
let traced: TestApp
const logged: LoggedRequest[] = []
const begun: TracedRequest[] = []
const ended: { requestId: string; status: number | undefined }[] = []

beforeAll(async () => {
  plain = await startTestApp({ options: { logRequest: (request) => void logged.push(request) } })
  answerAtOnce(plain)
  traced = await startTestApp({
    security: { apiKeys: ['key-one-0123456789'] },
    options: {
      traceRequest(request) {
        begun.push(request)
        const { requestId } = request
        return { traceparent: continued, end: ({ status }) => void ended.push({ requestId, status }) }
      },
    },
  })
  answerAtOnce(traced)
})
afterAll(async () => {
  await plain[Symbol.asyncDispose]()
  await traced[Symbol.asyncDispose]()
})

async function missingJob(app: TestApp, headers: Record<string, string>) {
  const response = await fetch(`${app.url}/jobs/00000000-0000-4000-8000-000000000000`, { headers })
  return { response, problem: problemSchema.parse(await response.json()) }
}

describe('a trace that the caller began', () => {
  test('is in the job, in what is stored of it, and in problems', async () => {
    const headers = { traceparent: sent, 'x-request-id': 'order-7', prefer: 'respond-async' }
    const response = await postJson(`${plain.url}/test/txt2img`, { prompt: 'a' }, headers)
    const job = jobSchema.parse(await response.json())
    expect(response.headers.get('x-request-id')).toBe('order-7')
    expect(job).toMatchObject({ request_id: 'order-7', trace_id: traceId })
    expect(plain.jobs.requests.at(-1)).toMatchObject({ requestId: 'order-7', traceparent: sent })
    const { problem } = await missingJob(plain, { traceparent: sent, 'x-request-id': 'order-8' })
    expect(problem).toMatchObject({ request_id: 'order-8', trace_id: traceId })
  })

  test.each(['rubbish', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `${sent}, ${sent}`, 'x'.repeat(5000)])(
    'that is none (%.20s) is as good as nothing',
    async (traceparent) => {
      const { response, problem } = await missingJob(plain, { traceparent })
      expect(response.status).toBe(404)
      expect(problem).not.toHaveProperty('trace_id')
      const started = await postJson(
        `${plain.url}/test/txt2img`,
        { prompt: 'a' },
        { traceparent, prefer: 'respond-async' },
      )
      expect(jobSchema.parse(await started.json()).trace_id).toBeNull()
      expect(plain.jobs.requests.at(-1)).not.toHaveProperty('traceparent')
    },
  )
})

describe('a tracing system', () => {
  test('is told of a request and of its end, and its place is what the job gets', async () => {
    const headers = { traceparent: sent, 'x-request-id': 'order-9', authorization: 'Bearer key-one-0123456789' }
    const response = await postJson(`${traced.url}/test/txt2img`, { prompt: 'a' }, headers)
    await response.arrayBuffer()
    expect(begun.filter(({ requestId }) => requestId === 'order-9')).toEqual([
      { requestId: 'order-9', method: 'POST', route: '/*', path: '/test/txt2img', parent: sent },
    ])
    expect(traced.jobs.requests.at(-1)).toMatchObject({ traceparent: continued })
    await expect.poll(() => ended).toContainEqual({ requestId: 'order-9', status: response.status })
  })

  test('is told of requests that are refused, whose problem names the trace', async () => {
    const { response, problem } = await missingJob(traced, { 'x-request-id': 'no-key' })
    expect([response.status, problem.trace_id]).toEqual([401, traceId])
    expect(begun.find(({ requestId }) => requestId === 'no-key')?.parent).toBeUndefined()
    await expect.poll(() => ended).toContainEqual({ requestId: 'no-key', status: 401 })
  })

  test('is told of callers who went away before there was an answer', async () => {
    traced.jobs.onSubmit = () => {}
    const leaving = new AbortController()
    const submitted = traced.jobs.nextSubmission()
    const call = fetch(`${traced.url}/test/txt2img`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'x-request-id': 'left',
        authorization: 'Bearer key-one-0123456789',
      },
      body: '{"prompt":"a"}',
      signal: leaving.signal,
    })
    await submitted
    leaving.abort()
    await expect(call).rejects.toThrow()
    await expect.poll(() => ended).toContainEqual({ requestId: 'left', status: undefined })
    answerAtOnce(traced)
  })

  test.each(['/health', '/ready', '/metrics'])('is not bothered with %s', async (path) => {
    const headers = { 'x-request-id': `probe${path.replace('/', '-')}`, authorization: 'Bearer key-one-0123456789' }
    await (await fetch(traced.url + path, { headers })).text()
    expect(begun.filter(({ requestId }) => requestId === headers['x-request-id'])).toEqual([])
  })
})

test('the log is told of every answer, without query, headers or body', async () => {
  const canary = 'canary-5b1e'
  const response = await postJson(
    `${plain.url}/test/txt2img?token=${canary}`,
    { prompt: canary },
    { 'x-request-id': 'logged-1', traceparent: sent, authorization: `Bearer ${canary}`, cookie: canary },
  )
  await response.arrayBuffer()
  const mine = () => logged.filter(({ requestId }) => requestId === 'logged-1')
  await expect.poll(mine).toHaveLength(1)
  expect(mine()).toEqual([
    {
      requestId: 'logged-1',
      traceId,
      method: 'POST',
      path: '/test/txt2img',
      status: response.status,
      durationMs: expect.any(Number),
      ip: '127.0.0.1',
    },
  ])
  expect(JSON.stringify(logged)).not.toContain(canary)
})

test('the header of every answer has the id of its request, made where none was sent', async () => {
  const minted = z.uuid()
  for (const path of ['/health', '/nowhere', '/openapi.json']) {
    const response = await fetch(plain.url + path)
    await response.text()
    expect(minted.safeParse(response.headers.get('x-request-id')).success, path).toBe(true)
  }
})

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { openRaw } from '../support/raw-http.ts'
import { readEvents } from '../support/read-events.ts'
import { postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function startJob(app: TestApp = gateway): Promise<string> {
  const response = await postJson(`${app.url}/test/txt2img`, { prompt: 'a' }, { prefer: 'respond-async' })
  return response.headers.get('job-id') ?? ''
}

function follow(id: string, query = '', headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}/jobs/${id}/events${query}`, { headers })
}

describe('the event stream of a job', () => {
  test('is the same, wherever and however often it is cut', async () => {
    const step = fc.constantFrom('report', 'output', 'preview', 'start')
    const script = fc.array(step, { minLength: 1, maxLength: 12 })
    const cuts = fc.array(fc.nat(12), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(script, cuts, fc.boolean(), async (steps, lengths, byHeader) => {
        const id = await startJob()
        const uncut = follow(id, '?previews=true').then((response) => readEvents(response))
        await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
        for (const [index, name] of steps.entries()) {
          if (name === 'report') gateway.jobs.report(id, { value: index / steps.length })
          if (name === 'start') gateway.jobs.start(id)
          if (name === 'preview') gateway.jobs.preview(id, Buffer.from([index]))
          if (name === 'output') gateway.jobs.addOutput(id, gateway.outputs.add(id, index, Buffer.from([index])))
        }
        gateway.jobs.succeed(id)

        const pieces = []
        let last: string | undefined
        for (const length of [...lengths, Infinity]) {
          const from = last ?? ''
          const response = byHeader
            ? await follow(id, '?previews=true', from === '' ? {} : { 'last-event-id': from })
            : await follow(id, `?previews=true${from === '' ? '' : `&last_event_id=${from}`}`)
          const piece = await readEvents(response, (events) => events.length >= Math.max(1, length))
          pieces.push(...piece)
          last = pieces.at(-1)?.id
          if (pieces.at(-1)?.type === 'end') break
        }
        expect(pieces).toEqual(await uncut)
      }),
      { numRuns: 40 },
    )
  })

  test('tells clients when to come back, and proxies not to collect', async () => {
    const id = await startJob()
    const response = await follow(id)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.any(String),
    })
    gateway.jobs.succeed(id)
    expect(await response.text()).toMatch(/^retry: 2000\n\n/)
  })

  test('leaves previews out unless asked for', async () => {
    const id = await startJob()
    gateway.jobs.preview(id, Buffer.from('x'))
    gateway.jobs.succeed(id)
    expect((await readEvents(await follow(id))).map((event) => event.type)).toEqual(['status', 'end'])
    expect((await readEvents(await follow(id, '?previews=true'))).map((event) => event.type)).toEqual([
      'status',
      'preview',
      'end',
    ])
  })

  test('sends a comment while nothing happens', async () => {
    await using quick = await startTestApp({ limits: { heartbeatMs: 5 } })
    const id = await startJob(quick)
    const response = await fetch(`${quick.url}/jobs/${id}/events`)
    let text = ''
    const chunks: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined
    for await (const chunk of chunks ?? []) {
      text += new TextDecoder().decode(chunk)
      if (text.includes('\n\n:\n\n:\n\n')) break
    }
    expect(text).toContain(':\n\n')
  })

  test('cuts a reader who does not read', async () => {
    await using small = await startTestApp({ limits: { maxStreamBufferBytes: 10_000 } })
    const id = await startJob(small)
    const socket = await openRaw(small.port, `GET /jobs/${id}/events?previews=true HTTP/1.1\r\nHost: localhost\r\n\r\n`)
    socket.pause()
    await expect.poll(() => small.jobs.audience(id)).toBe(1)
    const closed = once(socket, 'close')
    const preview = randomBytes(1_000_000)
    for (let sent = 0; small.jobs.audience(id) === 1 && sent < 100; sent++) {
      small.jobs.preview(id, preview)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(small.jobs.audience(id)).toBe(0)
    socket.resume()
    await closed
    expect(small.jobs.get(id)?.state).toBe('queued')
  })

  test('lets go of the job when its reader leaves', async () => {
    const id = await startJob()
    const abort = new AbortController()
    await fetch(`${gateway.url}/jobs/${id}/events`, { signal: abort.signal })
    expect(gateway.jobs.audience(id)).toBe(1)
    abort.abort()
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
  })

  test('is refused when too many are open, before a job is made for one', async () => {
    await using crowded = await startTestApp({ limits: { maxEventStreams: 1 } })
    const id = await startJob(crowded)
    const first = await fetch(`${crowded.url}/jobs/${id}/events`)
    const second = await fetch(`${crowded.url}/jobs/${id}/events`)
    expect(second.status).toBe(503)
    expect(second.headers.get('retry-after')).toBe('5')
    expect(problemSchema.parse(await second.json()).code).toBe('overloaded')
    const third = await postJson(`${crowded.url}/test/txt2img`, { prompt: 'a' }, { accept: 'text/event-stream' })
    expect(third.status).toBe(503)
    expect(crowded.jobs.requests).toHaveLength(1)
    crowded.jobs.succeed(id)
    await readEvents(first)
    await expect.poll(async () => (await fetch(`${crowded.url}/jobs/${id}/events`)).status).toBe(200)
  })

  test('is refused to one who has many, and to nobody else', async () => {
    const apiKeys = ['key-one-0123456789', 'key-two-0123456789']
    await using crowded = await startTestApp({ limits: { maxEventStreamsPerCaller: 2 }, security: { apiKeys } })
    const [one = '', two = ''] = apiKeys
    const accepted = { prefer: 'respond-async', 'x-api-key': one }
    const id = (await postJson(`${crowded.url}/test/txt2img`, { prompt: 'a' }, accepted)).headers.get('job-id') ?? ''
    const open = (key: string) => fetch(`${crowded.url}/jobs/${id}/events`, { headers: { 'x-api-key': key } })
    const first = await open(one)
    const second = await open(one)
    const third = await open(one)
    expect(third.status).toBe(429)
    expect(third.headers.get('retry-after')).toBe('5')
    expect(problemSchema.parse(await third.json()).code).toBe('too_many_streams')
    const headers = { accept: 'text/event-stream', 'x-api-key': one }
    const started = await postJson(`${crowded.url}/test/txt2img`, { prompt: 'a' }, headers)
    expect(started.status).toBe(429)
    await started.text()
    const other = await open(two)
    expect(other.status).toBe(200)
    crowded.jobs.succeed(id)
    await Promise.all([first, second, other].map((response) => response.text()))
    await expect
      .poll(async () => {
        const response = await open(one)
        await response.text()
        return response.status
      })
      .toBe(200)
  })

  test('gives its place back when no job can be made for it', async () => {
    await using crowded = await startTestApp({ limits: { maxEventStreamsPerCaller: 1 } })
    for (let count = 0; count < 3; count++) {
      const response = await postJson(`${crowded.url}/test/txt2img`, { size: 'a' }, { accept: 'text/event-stream' })
      expect(response.status).toBe(400)
      await response.text()
    }
  })

  test('begins with the job as it is after an id of an earlier process', async () => {
    const id = await startJob()
    gateway.jobs.start(id)
    gateway.jobs.report(id)
    for (const earlier of ['1', '2', '00000000-1', 'abcdef12-2', 'abcdef12-999']) {
      const events = await readEvents(await follow(id, '', { 'last-event-id': earlier }), (soFar) => soFar.length === 3)
      expect(events.map(({ type }) => type)).toEqual(['status', 'status', 'progress'])
    }
    gateway.jobs.succeed(id)
  })

  test.each([
    ['nope', '', {}, 404, 'job_not_found'],
    [undefined, '', { 'last-event-id': 'abc' }, 400, 'invalid_header'],
    [undefined, '?last_event_id=-1', {}, 400, 'validation_error'],
    [undefined, '?last_event_id=1&last_event_id=2', {}, 400, 'validation_error'],
    [undefined, '?since=1', {}, 400, 'validation_error'],
  ])('%s%s %j is a problem', async (job, query, headers, status, code) => {
    const response = await follow(job ?? (await startJob()), query, headers)
    expect(response.status).toBe(status)
    expect(problemSchema.parse(await response.json()).code).toBe(code)
  })
})

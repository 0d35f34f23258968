import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { jobEventFrameSchema } from '../../src/http/schemas/event-frame.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { openEventSocket, refusedHandshake } from '../support/event-socket.ts'
import { openRaw, sendHeaders, sendRaw } from '../support/raw-http.ts'
import { readEvents } from '../support/read-events.ts'
import { postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

const key = 'key-one/0123456789+~'
const keyProtocol = `comfyui-api.key.${Buffer.from(key).toString('base64url')}`

let gateway: TestApp
let locked: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
  locked = await startTestApp({ security: { apiKeys: [key] } })
})
afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  await locked[Symbol.asyncDispose]()
})

async function startJob(app: TestApp = gateway): Promise<string> {
  const headers = { prefer: 'respond-async', 'x-api-key': key }
  const response = await postJson(`${app.url}/test/txt2img`, { prompt: 'a' }, headers)
  await response.text()
  return response.headers.get('job-id') ?? ''
}

function play(id: string, app: TestApp = gateway): void {
  app.jobs.start(id)
  app.jobs.report(id)
  app.jobs.preview(id, Buffer.from('picture'))
  app.jobs.addOutput(id, app.outputs.add(id, 0, Buffer.from([1])))
  app.jobs.succeed(id)
}

function codeOf({ body }: { body: string }): string {
  return problemSchema.parse(JSON.parse(body)).code
}

describe('the WebSocket of a job', () => {
  test('brings the events that the event stream brings, and closes after the last', async () => {
    const id = await startJob()
    const streamed = fetch(`${gateway.url}/jobs/${id}/events?previews=true`).then((response) => readEvents(response))
    const { events, closed } = await openEventSocket(`${gateway.url}/jobs/${id}/ws?previews=true`)
    await expect.poll(() => gateway.jobs.audience(id)).toBe(2)
    play(id)
    expect(await closed).toEqual({ code: 1000, reason: 'end' })
    expect(events).toEqual(await streamed)
    expect(events.map(({ type }) => type)).toEqual(['status', 'status', 'progress', 'preview', 'output', 'end'])
    for (const { id: eventId, type, data } of events) jobEventFrameSchema.parse({ id: eventId, event: type, data })
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
  })

  test('leaves previews out unless asked for', async () => {
    const id = await startJob()
    play(id)
    const { events, closed } = await openEventSocket(`${gateway.url}/jobs/${id}/ws`)
    await closed
    expect(events.map(({ type }) => type)).toEqual(['status', 'status', 'progress', 'output', 'end'])
  })

  test('goes on where it was, wherever and however often it is cut, and where the stream was', async () => {
    const cuts = fc.array(fc.record({ length: fc.integer({ min: 1, max: 5 }), bySocket: fc.boolean() }), {
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(cuts, async (pieces) => {
        const id = await startJob()
        play(id)
        const whole = await readEvents(await fetch(`${gateway.url}/jobs/${id}/events`))
        const seen = []
        for (const { length, bySocket } of [...pieces, { length: Infinity, bySocket: true }]) {
          const last = seen.at(-1)
          const query = last === undefined ? '' : `?last_event_id=${last.id}`
          if (bySocket) {
            const { socket, received } = await openEventSocket(`${gateway.url}/jobs/${id}/ws${query}`)
            seen.push(...(await received(length)).slice(0, length))
            socket.terminate()
          } else {
            const response = await fetch(`${gateway.url}/jobs/${id}/events${query}`)
            seen.push(...(await readEvents(response, (events) => events.length >= length)))
          }
          if (seen.at(-1)?.type === 'end') break
        }
        expect(seen).toEqual(whole)
      }),
      { numRuns: 25 },
    )
  })

  test('lets go of the job when its reader leaves', async () => {
    const id = await startJob()
    const { socket } = await openEventSocket(`${gateway.url}/jobs/${id}/ws`)
    expect(gateway.jobs.audience(id)).toBe(1)
    socket.close()
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
  })

  test('keeps the job of a caller who goes away', async () => {
    const abort = new AbortController()
    const submitted = gateway.jobs.nextSubmission()
    const answer = postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }).catch(() => undefined)
    const { id } = await submitted
    const waiting = fetch(`${gateway.url}/test/txt2img`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"prompt":"b"}',
      signal: abort.signal,
    }).catch(() => 'gone')
    const second = await gateway.jobs.nextSubmission()
    const { socket, closed } = await openEventSocket(`${gateway.url}/jobs/${second.id}/ws`)
    abort.abort()
    expect(await waiting).toBe('gone')
    await expect.poll(() => gateway.jobs.audience(second.id)).toBe(1)
    expect(gateway.jobs.canceled).not.toContain(second.id)
    gateway.jobs.succeed(second.id)
    expect((await closed).code).toBe(1000)
    socket.terminate()
    gateway.jobs.succeed(id)
    await (await answer)?.text()
  })
})

describe('a client of the WebSocket', () => {
  test.each([
    ['says something', 'hello', 1008],
    ['says what would be a command elsewhere', '{"type":"cancel"}', 1008],
    ['sends bytes', Buffer.from([1, 2, 3]), 1003],
    ['sends too much', 'x'.repeat(2000), 1009],
  ])('that %s is closed', async (_what, message, code) => {
    const id = await startJob()
    const { socket, closed } = await openEventSocket(`${gateway.url}/jobs/${id}/ws`)
    socket.send(message)
    expect((await closed).code).toBe(code)
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
    expect(gateway.jobs.get(id)?.state).toBe('queued')
  })

  test('gets its pings answered, but not a flood of them', async () => {
    const id = await startJob()
    const { socket, closed } = await openEventSocket(`${gateway.url}/jobs/${id}/ws`)
    const answered = new Promise<Buffer>((resolve) => socket.once('pong', resolve))
    socket.ping('there?')
    expect((await answered).toString()).toBe('there?')
    for (let count = 0; count < 100; count++) socket.ping()
    expect((await closed).code).toBe(1008)
  })

  test('that breaks the protocol is cut off', async () => {
    const id = await startJob()
    const socket = await openRaw(gateway.port, handshake(`/jobs/${id}/ws`))
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    const closed = once(socket, 'close')
    // A frame without a mask, which no client may send.
    socket.write(Buffer.from([0x81, 0x01, 0x61]))
    await closed
    // Ends with a frame of kind 8, close, that holds the code 1002.
    expect(Buffer.concat(chunks).toString('hex')).toMatch(/880203ea$/)
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
  })

  test('that answers no ping is dropped, one that does stays', async () => {
    await using quick = await startTestApp({ limits: { heartbeatMs: 20 } })
    const id = await startJob(quick)
    const dead = await openEventSocket(`${quick.url}/jobs/${id}/ws`, { autoPong: false })
    const alive = await openEventSocket(`${quick.url}/jobs/${id}/ws`)
    expect((await dead.closed).code).toBe(1006)
    let pings = 0
    await new Promise<void>((resolve) => {
      alive.socket.on('ping', () => {
        if (++pings === 3) resolve()
      })
    })
    expect(quick.jobs.audience(id)).toBe(1)
    quick.jobs.succeed(id)
    expect((await alive.closed).code).toBe(1000)
  })

  test('that does not read is cut, is told so, and goes on where it was', async () => {
    await using small = await startTestApp({ limits: { maxStreamBufferBytes: 10_000 } })
    const id = await startJob(small)
    const { socket, closed, events } = await openEventSocket(`${small.url}/jobs/${id}/ws?previews=true`)
    await expect.poll(() => events.length).toBe(1)
    socket.pause()
    const preview = randomBytes(1_000_000)
    let sent = 0
    for (; small.jobs.audience(id) === 1 && sent < 100; sent++) {
      small.jobs.preview(id, preview)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(small.jobs.audience(id)).toBe(0)
    socket.resume()
    expect((await closed).code).toBe(1013)
    expect(events).toHaveLength(1 + sent)
    small.jobs.succeed(id)
    const last = events.at(-1)?.id ?? ''
    const rest = await openEventSocket(`${small.url}/jobs/${id}/ws?last_event_id=${last}`)
    await rest.closed
    expect(rest.events.map(({ type }) => type)).toEqual(['end'])
  })

  test('is sent away when the server stops, and comes back to the next', async () => {
    const stopping = await startTestApp()
    const id = await startJob(stopping)
    const reader = await openEventSocket(`${stopping.url}/jobs/${id}/ws`)
    const deaf = await openRaw(stopping.port, handshake(`/jobs/${id}/ws`))
    await expect.poll(() => stopping.jobs.audience(id)).toBe(2)
    await stopping[Symbol.asyncDispose]()
    expect((await reader.closed).code).toBe(1012)
    deaf.destroy()
  })
})

function handshake(path: string, headers: Record<string, string> = {}): string {
  const lines = Object.entries({
    Host: 'localhost',
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  })
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
}

describe('the handshake', () => {
  test.each([
    ['/jobs/nope/ws', 404, 'job_not_found'],
    ['/nothing/ws', 404, 'not_found'],
    ['/ws', 404, 'not_found'],
    ['/jobs/JOB/ws?since=1', 400, 'validation_error'],
    ['/jobs/JOB/ws?last_event_id=abc', 400, 'validation_error'],
  ])('at %s is answered by HTTP', async (path, status, code) => {
    const refusal = await refusedHandshake(gateway.url + path.replace('JOB', await startJob()))
    expect(refusal.status).toBe(status)
    expect(refusal.headers['content-type']).toMatch(/^application\/problem\+json/)
    expect(codeOf(refusal)).toBe(code)
  })

  test('is nothing that other routes know of', async () => {
    const refusal = await refusedHandshake(`${gateway.url}/jobs`)
    expect(refusal.status).toBe(200)
    const h2c = await sendHeaders(gateway.port, 'GET', '/health', { Host: 'localhost', Upgrade: 'h2c' })
    expect(h2c.status).toBe(200)
  })

  test('is missed where there is none', async () => {
    const id = await startJob()
    const response = await fetch(`${gateway.url}/jobs/${id}/ws`)
    expect(response.status).toBe(426)
    expect(response.headers.get('upgrade')).toBe('websocket')
    expect(problemSchema.parse(await response.json()).code).toBe('upgrade_required')
  })

  test.each([
    [{ 'Sec-WebSocket-Version': '8' }, 426, 'upgrade_required'],
    [{ 'Sec-WebSocket-Key': 'short' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': 'mqtt' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': 'comfyui-api.key.abc' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': '' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': 'comfyui-api,,' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': 'comfyui-api, comfyui-api' }, 400, 'invalid_header'],
    [{ 'Sec-WebSocket-Protocol': 'comfyui-api, a b' }, 400, 'invalid_header'],
    [{ 'Content-Length': '5' }, 400, 'invalid_header'],
    [{ 'Transfer-Encoding': 'chunked' }, 400, 'invalid_header'],
    [{ Host: 'evil.net' }, 403, 'host_not_allowed'],
    [{ Origin: 'http://evil.net' }, 403, 'origin_not_allowed'],
    [{ Origin: 'null' }, 403, 'origin_not_allowed'],
    [{ Origin: 'http://localhost:5173' }, 403, 'origin_not_allowed'],
    [{ 'Sec-Fetch-Site': 'cross-site' }, 403, 'origin_not_allowed'],
  ])('with %j is refused', async (headers: Record<string, string>, status, code) => {
    const id = await startJob()
    const answer = await sendRaw(gateway.port, handshake(`/jobs/${id}/ws`, headers))
    expect(answer.status).toBe(status)
    expect(codeOf(answer)).toBe(code)
    expect(gateway.jobs.audience(id)).toBe(0)
  })

  test('over HTTP/1.0 is none', async () => {
    const id = await startJob()
    const answer = await sendRaw(gateway.port, handshake(`/jobs/${id}/ws`).replace('HTTP/1.1', 'HTTP/1.0'))
    expect(answer.status).toBe(426)
    expect(problemSchema.parse(JSON.parse(answer.body))).toMatchObject({
      code: 'upgrade_required',
      detail: expect.stringContaining('HTTP/1.0'),
    })
  })

  test('of a page of ours is accepted', async () => {
    const id = await startJob()
    const { socket } = await openEventSocket(`${gateway.url}/jobs/${id}/ws`, { origin: gateway.url })
    expect(socket.extensions).toBe('')
    socket.terminate()
  })

  test.each([
    ['Authorization', { headers: { authorization: `Bearer ${key}` } }, ''],
    ['X-API-Key', { headers: { 'x-api-key': key } }, ''],
    ['a subprotocol', { protocols: ['comfyui-api', keyProtocol] }, 'comfyui-api'],
    ['a subprotocol, named first', { protocols: [keyProtocol, 'comfyui-api'] }, 'comfyui-api'],
  ])('takes a key from %s, and never shows it', async (_where, options, protocol) => {
    const id = await startJob(locked)
    const { socket, closed } = await openEventSocket(`${locked.url}/jobs/${id}/ws`, options)
    expect(socket.protocol).toBe(protocol)
    locked.jobs.succeed(id)
    expect((await closed).code).toBe(1000)
  })

  test.each([
    [{}],
    [{ protocols: ['comfyui-api'] }],
    [{ protocols: ['comfyui-api', 'comfyui-api.key.'] }],
    [{ protocols: ['comfyui-api', `${keyProtocol}x`] }],
    [{ protocols: ['comfyui-api', `comfyui-api.key.${Buffer.from('wrong').toString('base64url')}`] }],
    [{ headers: { 'x-api-key': 'wrong' }, protocols: ['comfyui-api', keyProtocol] }],
  ])('without a right key is refused: %j', async (options) => {
    const refusal = await refusedHandshake(`${locked.url}/jobs/x/ws`, options)
    expect(refusal.status).toBe(401)
    expect(codeOf(refusal)).toBe('unauthorized')
  })

  test('takes no key from the address', async () => {
    const refusal = await refusedHandshake(`${locked.url}/jobs/x/ws?key=${key}&api_key=${key}&token=${key}`)
    expect(refusal.status).toBe(401)
  })

  test('takes a key as a subprotocol for nothing but a WebSocket', async () => {
    const headers = { Host: 'localhost', 'Sec-WebSocket-Protocol': keyProtocol }
    expect((await sendHeaders(locked.port, 'GET', '/jobs', headers)).status).toBe(401)
  })

  test('is refused when too many streams are open, and they count together', async () => {
    await using crowded = await startTestApp({ limits: { maxEventStreamsPerCaller: 2 } })
    const id = await startJob(crowded)
    const stream = await fetch(`${crowded.url}/jobs/${id}/events`)
    const { closed } = await openEventSocket(`${crowded.url}/jobs/${id}/ws`)
    const refusal = await refusedHandshake(`${crowded.url}/jobs/${id}/ws`)
    expect(refusal.status).toBe(429)
    expect(refusal.headers['retry-after']).toBe('5')
    expect(codeOf(refusal)).toBe('too_many_streams')
    crowded.jobs.succeed(id)
    await closed
    await stream.text()
    await expect
      .poll(() =>
        openEventSocket(`${crowded.url}/jobs/${id}/ws`).then(
          ({ closed: again }) => again,
          () => 'refused',
        ),
      )
      .toEqual({ code: 1000, reason: 'end' })
  })
})

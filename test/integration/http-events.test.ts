import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { feedFrameSchema } from '../../src/http/schemas/event-feed.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import type { InstanceView } from '../../src/instances/instance-view.ts'
import { openEventSocket, refusedHandshake } from '../support/event-socket.ts'
import { sendHeaders } from '../support/raw-http.ts'
import { readEvents, type ReceivedEvent } from '../support/read-events.ts'
import { postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

/** For what the server does a moment after its client. */
const waitOptions = { timeout: 30_000, interval: 20 }

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function startJob(app: TestApp = gateway, workflow = 'test/txt2img', headers = {}): Promise<string> {
  const response = await postJson(`${app.url}/${workflow}`, { prompt: 'a' }, { prefer: 'respond-async', ...headers })
  await response.text()
  return response.headers.get('job-id') ?? ''
}

function follow(query = '', headers: Record<string, string> = {}, app: TestApp = gateway): Promise<Response> {
  return fetch(`${app.url}/events${query}`, { headers })
}

/** What an event is about, in short. */
function gist({ type, data }: ReceivedEvent): unknown {
  return type === 'snapshot' ? type : [type, data['job_id']]
}

describe('the stream of all jobs', () => {
  test('begins with the open jobs, and tells what happens to each', async () => {
    await using fresh = await startTestApp()
    const old = await startJob(fresh)
    const ended = await startJob(fresh)
    fresh.jobs.start(old)
    fresh.jobs.succeed(ended)
    const { events, received, socket } = await openEventSocket(`${fresh.url}/events/ws`)
    const streamed = readEvents(await follow('', {}, fresh), (soFar) => soFar.at(-1)?.type === 'end')
    const one = await startJob(fresh)
    fresh.jobs.start(one)
    fresh.jobs.report(one)
    fresh.jobs.preview(one, Buffer.from('never sent'))
    fresh.jobs.report(old)
    fresh.jobs.addOutput(one, fresh.outputs.add(one, 0, Buffer.from([1])))
    fresh.jobs.fail(one, { code: 'out_of_memory', message: 'The GPU is full.' })
    await received(7)
    expect(events.map(gist)).toEqual([
      'snapshot',
      ['status', one],
      ['status', one],
      ['progress', one],
      ['progress', old],
      ['output', one],
      ['end', one],
    ])
    for (const { id, type, data } of events) feedFrameSchema.parse({ id, event: type, data })
    expect(events[0]?.data).toMatchObject({ jobs: [{ id: old, status: 'running' }], has_more: false, instances: [] })
    expect(events[3]?.data).toMatchObject({ workflow: 'test/txt2img', progress: { step: 10 } })
    expect(events.at(-1)?.data).toMatchObject({ job: { status: 'failed', problem: { code: 'out_of_memory' } } })
    expect(await streamed).toEqual(events)
    socket.terminate()
  })

  test('leaves out what no filter asks for', async () => {
    const streams = {
      all: '',
      workflow: '?workflow=test/echo',
      family: '?workflow=test/*',
      others: '?workflow=other/*',
      failed: '?status=failed,canceled',
      running: '?status=running',
    }
    const readers = await Promise.all(
      Object.values(streams).map((query) => openEventSocket(`${gateway.url}/events/ws${query}`)),
    )
    await Promise.all(readers.map(({ received }) => received(1)))
    const a = await startJob()
    gateway.jobs.start(a)
    gateway.jobs.report(a)
    gateway.jobs.fail(a, { code: 'out_of_memory', message: 'full' })
    // What every reader would have heard before it heard of this one.
    const marker = await startJob()
    gateway.jobs.start(marker)
    gateway.jobs.fail(marker, { code: 'out_of_memory', message: 'full' })
    await readers[0]?.received(8)
    await readers[4]?.received(3)
    const heard = readers.map(({ events }) => events.filter(({ data }) => data['job_id'] === a).map(({ type }) => type))
    expect(Object.fromEntries(Object.keys(streams).map((name, index) => [name, heard[index]]))).toEqual({
      all: ['status', 'status', 'progress', 'end'],
      workflow: [],
      family: ['status', 'status', 'progress', 'end'],
      others: [],
      failed: ['end'],
      running: ['status', 'progress'],
    })
    expect(readers[4]?.events[0]?.data['jobs']).toEqual([])
    for (const { socket } of readers) socket.terminate()
  })

  test('goes on where it was, wherever and however often it is cut', async () => {
    const cuts = fc.array(fc.record({ length: fc.integer({ min: 1, max: 5 }), bySocket: fc.boolean() }), {
      maxLength: 4,
    })
    await fc.assert(
      fc.asyncProperty(cuts, async (pieces) => {
        const whole = await openEventSocket(`${gateway.url}/events/ws`)
        const [snapshot] = await whole.received(1)
        const id = await startJob()
        gateway.jobs.start(id)
        for (const value of [0.1, 0.2, 0.3]) gateway.jobs.report(id, { value })
        gateway.jobs.succeed(id)
        await whole.received(7)
        const seen = snapshot === undefined ? [] : [snapshot]
        for (const { length, bySocket } of [...pieces, { length: 6, bySocket: false }]) {
          const last = seen.at(-1)?.id ?? ''
          const wanted = Math.min(length, 7 - seen.length)
          if (wanted === 0) break
          if (bySocket) {
            const { socket, received } = await openEventSocket(`${gateway.url}/events/ws?last_event_id=${last}`)
            seen.push(...(await received(wanted)).slice(0, wanted))
            socket.terminate()
          } else {
            const response = await follow('', { 'last-event-id': last })
            seen.push(...(await readEvents(response, (events) => events.length >= wanted)))
          }
        }
        expect(seen).toEqual(whole.events)
        whole.socket.terminate()
      }),
      { numRuns: 20 },
    )
  })

  test.each(['1', '99999', '00000000all-3', 'abcdef01all-1'])(
    'begins anew with a snapshot after the id %s of another process',
    async (id) => {
      const job = await startJob()
      const events = await readEvents(await follow('', { 'last-event-id': id }), (soFar) => soFar.length === 1)
      expect(events[0]?.type).toBe('snapshot')
      gateway.jobs.succeed(job)
    },
  )

  test('begins anew when more happened than is kept', async () => {
    await using fresh = await startTestApp()
    const reader = await openEventSocket(`${fresh.url}/events/ws`)
    const [snapshot] = await reader.received(1)
    const id = await startJob(fresh)
    for (let count = 0; count < 5000; count++) fresh.jobs.report(id, { value: count / 5000 })
    await reader.received(5002)
    const resumed = (known: ReceivedEvent | undefined, count: number) =>
      follow('', { 'last-event-id': known?.id ?? '' }, fresh).then((response) =>
        readEvents(response, (soFar) => soFar.length === count),
      )
    expect((await resumed(snapshot, 1)).map(({ type }) => type)).toEqual(['snapshot'])
    expect(await resumed(reader.events[2000], 3001)).toEqual(reader.events.slice(2001))
    reader.socket.terminate()
  })

  test('costs nothing while nobody reads, and keeps what happens for one who comes back', async () => {
    await using fresh = await startTestApp()
    expect(fresh.jobs.feedAudience).toBe(0)
    const first = await openEventSocket(`${fresh.url}/events/ws`)
    const second = await openEventSocket(`${fresh.url}/events/ws`)
    expect(fresh.jobs.feedAudience).toBe(1)
    const [snapshot] = await first.received(1)
    first.socket.close()
    second.socket.close()
    await Promise.all([first.closed, second.closed])
    const id = await startJob(fresh)
    fresh.jobs.succeed(id)
    const back = await openEventSocket(`${fresh.url}/events/ws?last_event_id=${snapshot?.id ?? ''}`)
    expect((await back.received(2)).map(gist)).toEqual([
      ['status', id],
      ['end', id],
    ])
    back.socket.terminate()
  })

  test('shows no more in a snapshot than a reader can take', async () => {
    await using fresh = await startTestApp()
    for (let count = 0; count < 260; count++) await startJob(fresh)
    const [snapshot] = await readEvents(await follow('', {}, fresh), (soFar) => soFar.length === 1)
    expect(snapshot?.data).toMatchObject({ has_more: true })
    expect(snapshot?.data['jobs']).toHaveLength(250)
    expect(JSON.stringify(snapshot?.data).length).toBeLessThan(524_288)
  })

  test('tells what becomes of instances', async () => {
    const tell = new Set<(view: InstanceView) => void>()
    const view: InstanceView = {
      id: 'a:8188',
      url: 'http://a:8188',
      state: 'ready',
      reason: undefined,
      sinceMs: 0,
      version: '0.33.0',
      inFlight: 0,
      capacity: 2,
      queueRemaining: undefined,
      runningJobId: undefined,
      models: [],
      recentFailures: [],
      devices: [],
      breaker: 'closed',
      lastHeardAtMs: undefined,
    }
    await using fresh = await startTestApp({
      options: {
        instances: {
          views: () => [view],
          drain: () => undefined,
          resume: () => undefined,
          subscribe(listener) {
            tell.add(listener)
            return { close: () => void tell.delete(listener) }
          },
        },
      },
    })
    expect(tell.size).toBe(0)
    const { received, socket } = await openEventSocket(`${fresh.url}/events/ws?status=failed`)
    expect((await received(1))[0]?.data).toMatchObject({ instances: [{ id: 'a:8188', status: 'ready' }] })
    for (const listener of tell) listener({ ...view, state: 'unreachable', reason: 'It does not answer.' })
    const [, changed] = await received(2)
    expect(changed).toMatchObject({ type: 'instance', data: { id: 'a:8188', status: 'unreachable' } })
    socket.terminate()
  })

  test('one who does not read is cut, and disturbs nobody', async () => {
    await using small = await startTestApp({ limits: { maxStreamBufferBytes: 1_000_000 } })
    const slow = await openEventSocket(`${small.url}/events/ws`)
    const quick = await openEventSocket(`${small.url}/events/ws`)
    await Promise.all([slow.received(1), quick.received(1)])
    slow.socket.pause()
    const id = await startJob(small)
    // More than the network between the two takes.
    const sent = 200
    for (let count = 2; count < sent; count++) {
      small.jobs.report(id, { currentNode: 'x'.repeat(200_000) })
      await quick.received(count + 1)
    }
    expect(quick.events).toHaveLength(sent)
    slow.socket.resume()
    expect((await slow.closed).code).toBe(1013)
    expect(slow.events).toEqual(quick.events.slice(0, slow.events.length))
    expect(slow.events.length).toBeLessThan(sent)
    expect(quick.socket.readyState).toBe(quick.socket.OPEN)
    quick.socket.terminate()
  })

  test('is ended when the server stops', async () => {
    const stopping = await startTestApp()
    const { closed } = await openEventSocket(`${stopping.url}/events/ws`)
    const streamed = readEvents(await follow('', {}, stopping))
    await stopping[Symbol.asyncDispose]()
    expect((await closed).code).toBe(1012)
    expect((await streamed).map(({ type }) => type)).toEqual(['snapshot'])
  })
})

describe('who may follow all jobs', () => {
  test.each([
    ['?since=1', 400, 'validation_error'],
    ['?status=done', 400, 'validation_error'],
    ['?last_event_id=abc', 400, 'validation_error'],
  ])('%s is a problem', async (query, status, code) => {
    const response = await follow(query)
    expect(response.status).toBe(status)
    expect(problemSchema.parse(await response.json()).code).toBe(code)
    expect((await refusedHandshake(`${gateway.url}/events/ws${query}`)).status).toBe(status)
  })

  test('a header that is no id is a problem', async () => {
    const response = await follow('', { 'last-event-id': 'abc' })
    expect(problemSchema.parse(await response.json()).code).toBe('invalid_header')
  })

  test('one with a key, of a host and a page of ours', async () => {
    await using locked = await startTestApp({ security: { apiKeys: ['key-one-0123456789'] } })
    for (const path of ['/events', '/events/ws']) {
      expect((await sendHeaders(locked.port, 'GET', path, { Host: 'localhost' })).status, path).toBe(401)
      expect((await sendHeaders(locked.port, 'GET', path, { Host: 'evil.net' })).status, path).toBe(403)
    }
    const key = { 'x-api-key': 'key-one-0123456789' }
    const plain = await sendHeaders(locked.port, 'GET', '/events/ws', { Host: 'localhost', ...key })
    expect(plain.status).toBe(426)
    const foreign = await refusedHandshake(`${locked.url}/events/ws`, { headers: key, origin: 'http://evil.net' })
    expect(foreign.status).toBe(403)
    const { socket, received } = await openEventSocket(`${locked.url}/events/ws`, { headers: key, origin: locked.url })
    expect(await received(1)).toHaveLength(1)
    socket.terminate()
  })

  test('not when the jobs cannot be read: it is cut, and takes nobody’s place', async () => {
    await using broken = await startTestApp({ limits: { maxEventStreamsPerCaller: 1 } })
    const list = vi.spyOn(broken.jobs, 'list').mockImplementation(() => {
      throw new GatewayError('storage_unavailable')
    })
    await expect(follow('', {}, broken).then((response) => response.text())).rejects.toThrow()
    const { closed } = await openEventSocket(`${broken.url}/events/ws`)
    expect((await closed).code).toBe(1013)
    list.mockRestore()
    await vi.waitFor(async () => {
      const response = await follow('', {}, broken)
      expect(response.status).toBe(200)
      expect((await readEvents(response, (events) => events.length > 0))[0]?.type).toBe('snapshot')
    }, waitOptions)
  })

  test('not with more streams than one may have', async () => {
    await using crowded = await startTestApp({ limits: { maxEventStreamsPerCaller: 1 } })
    const { socket } = await openEventSocket(`${crowded.url}/events/ws`)
    const refused = await follow('', {}, crowded)
    expect(refused.status).toBe(429)
    expect(problemSchema.parse(await refused.json()).code).toBe('too_many_streams')
    expect((await refusedHandshake(`${crowded.url}/events/ws`)).status).toBe(429)
    socket.terminate()
  })
})

import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openRaw } from '../support/raw-http.ts'
import { readEvents } from '../support/read-events.ts'
import { postJson, startTestApp, type TestApp, type TestAppChanges } from '../support/start-test-app.ts'

let gateway: TestApp

async function start(changes: TestAppChanges = {}): Promise<void> {
  gateway = await startTestApp(changes)
}

beforeEach(() => start())
afterEach(() => gateway[Symbol.asyncDispose]())

/** A caller of the workflow who can go away. */
async function call(headers = ''): Promise<{ id: string; leave: () => Promise<void> }> {
  const body = '{"prompt":"a"}'
  const submitted = gateway.jobs.nextSubmission()
  const socket = await openRaw(
    gateway.port,
    `POST /test/txt2img HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${headers}\r\n${body}`,
  )
  const { id } = await submitted
  return {
    id,
    leave: async () => {
      socket.destroy()
      await once(socket, 'close')
    },
  }
}

/** Resolves when the server has seen a caller go and done what it does then. */
async function seenToGo(id: string, others = 0): Promise<void> {
  await expect.poll(() => gateway.jobs.audience(id)).toBe(others)
  await setImmediate()
}

describe('a caller who goes away before the answer', () => {
  test('takes the job along when nobody else can ever ask for it', async () => {
    const { id, leave } = await call()
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    await leave()
    await expect.poll(() => gateway.jobs.canceled).toEqual([id])
    expect(gateway.jobs.get(id)?.state).toBe('canceled')
  })

  test('leaves it when the server is told to keep jobs', async () => {
    await gateway[Symbol.asyncDispose]()
    await start({ limits: { onDisconnect: 'keep' } })
    const { id, leave } = await call()
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    await leave()
    await seenToGo(id)
    expect(gateway.jobs.canceled).toEqual([])
  })

  test('leaves it when an Idempotency-Key lets him come back', async () => {
    const { id, leave } = await call('Idempotency-Key: mine\r\n')
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    await leave()
    await seenToGo(id)
    expect(gateway.jobs.canceled).toEqual([])
  })

  test('leaves it when he chose the id and can ask for it', async () => {
    const { id, leave } = await call('Job-Id: mine\r\n')
    expect(id).toBe('mine')
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    await leave()
    await seenToGo(id)
    expect(gateway.jobs.canceled).toEqual([])
  })

  test('leaves it when somebody else follows it', async () => {
    const { id, leave } = await call()
    const follower = await fetch(`${gateway.url}/jobs/${id}/events`)
    await expect.poll(() => gateway.jobs.audience(id)).toBe(2)
    await leave()
    await seenToGo(id, 1)
    expect(gateway.jobs.canceled).toEqual([])
    gateway.jobs.succeed(id)
    expect((await readEvents(follower)).at(-1)?.type).toBe('end')
  })

  test('leaves it when he asked for events', async () => {
    const { id, leave } = await call('Accept: text/event-stream\r\n')
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    await leave()
    await expect.poll(() => gateway.jobs.audience(id)).toBe(0)
    expect(gateway.jobs.canceled).toEqual([])
  })

  test('leaves it when he was answered 202', async () => {
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { prefer: 'respond-async' })
    expect(response.status).toBe(202)
    expect(gateway.jobs.canceled).toEqual([])
  })
})

describe('closing', () => {
  test('ends event streams and answers waiting calls with the address of their job', async () => {
    const submitted = gateway.jobs.nextSubmission()
    const waiting = postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
    const { id } = await submitted
    await expect.poll(() => gateway.jobs.audience(id)).toBe(1)
    const following = await fetch(`${gateway.url}/jobs/${id}/events`)
    const events = readEvents(following)
    await gateway.app.close()
    expect((await waiting).status).toBe(202)
    expect((await events).map((event) => event.type)).toEqual(['status'])
    expect(gateway.jobs.canceled).toEqual([])
  })
})

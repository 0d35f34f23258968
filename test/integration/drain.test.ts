import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { openEventSocket } from '../support/event-socket.ts'
import { openRaw } from '../support/raw-http.ts'
import { readEvents } from '../support/read-events.ts'
import { startGateway, testWorkflows, type RunningGateway } from '../support/start-gateway.ts'
import { startTestApp } from '../support/start-test-app.ts'

const patience = { timeout: 20_000 }

let simulator: Simulator
let gateway: RunningGateway | undefined
const client = createClient(() => gateway?.url ?? '')

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
})
afterEach(async () => {
  await gateway?.close()
  gateway = undefined
})
afterAll(() => simulator.close())

async function start(drainSeconds: number): Promise<RunningGateway> {
  gateway = await startGateway({
    flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] },
    env: { COMFYUI_API_DRAIN_SECONDS: String(drainSeconds) },
  })
  return gateway
}

/** Longer than any test takes. */
const long = { seconds: 60, ticks: 600 }

/** Resolves when it runs. */
async function startLong(nonce: number, headers: Record<string, string> = {}): Promise<string> {
  const { id } = await client.submit('/test/slow', { ...long, nonce }, headers)
  await expect.poll(async () => (await client.job(id)).status, patience).toBe('running')
  return id
}

test('a gateway that stops takes no new jobs, answers everything else, and waits for what runs', async () => {
  const { url, close } = await start(600)
  const key = { 'idempotency-key': 'once' }
  const id = await startLong(1, key)
  const stream = await fetch(`${url}/jobs/${id}/events`)
  const events = readEvents(stream)
  const socket = await openEventSocket(`${url}/jobs/${id}/ws`)
  gateway = undefined
  const closed = close()

  const statusOfReady = async () => {
    const response = await fetch(`${url}/ready`)
    return { status: response.status, body: await response.json() }
  }
  await expect
    .poll(statusOfReady, patience)
    .toEqual({ status: 503, body: { status: 'not ready', reason: 'The server is shutting down.' } })
  const body = JSON.stringify({ ...long, nonce: 1 })
  const post = (headers: Record<string, string>) =>
    fetch(`${url}/test/slow`, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } })
  const refused = await post({})
  expect(await readProblem(refused)).toMatchObject({ status: 503, code: 'draining', retryable: true })
  expect(refused.headers.get('connection')).toBe('close')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)

  const again = await post({ ...key, prefer: 'respond-async' })
  expect(jobSchema.parse(await again.json()).id).toBe(id)
  for (const path of ['/health', `/jobs/${id}`, '/workflows']) {
    const response = await fetch(url + path)
    await response.bytes()
    expect(response.status, path).toBe(200)
  }

  await (await fetch(`${url}/jobs/${id}/cancel`, { method: 'POST' })).bytes()
  expect((await events).at(-1)).toMatchObject({ type: 'end', data: { status: 'canceled' } })
  expect(await socket.closed).toMatchObject({ code: 1000 })
  await closed
})

test('events of a job that goes on are cut without an end, so that clients come back', async () => {
  const { url, close } = await start(0)
  const id = await startLong(2)
  const stream = await fetch(`${url}/jobs/${id}/events`)
  const socket = await openEventSocket(`${url}/jobs/${id}/ws`)
  await socket.received(1)
  gateway = undefined
  await close()

  const events = await readEvents(stream)
  expect(events.length).toBeGreaterThan(0)
  expect(events.map(({ type }) => type)).not.toContain('end')
  expect(socket.events.map(({ type }) => type)).not.toContain('end')
  expect(await socket.closed).toMatchObject({ code: 1012 })
})

test('a request on a connection that is still open is told to go elsewhere', async () => {
  await using running = await startTestApp()
  const { app, port } = running
  const connected = once(app.server, 'connection')
  const client = await openRaw(port, 'GET /jobs HTTP/1.1\r\nHost: localhost\r\n')
  await connected
  const closed = app.close()
  await expect.poll(() => app.server.listening, patience).toBe(false)
  const received: Buffer[] = []
  client.on('data', (chunk: Buffer) => received.push(chunk))
  const hungUp = once(client, 'close')
  client.write('\r\n')
  await hungUp
  const answer = Buffer.concat(received).toString()
  expect(answer).toMatch(/^HTTP\/1\.1 503 /)
  expect(answer).toMatch(/^connection: close\r$/im)
  expect(answer).toMatch(/^retry-after: \d+\r$/im)
  expect(answer).toContain('"code":"draining"')
  await closed
})

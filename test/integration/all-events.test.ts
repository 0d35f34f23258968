import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { feedFrameSchema } from '../../src/http/schemas/event-feed.ts'
import { jobEventFrameSchema } from '../../src/http/schemas/event-frame.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient } from '../support/call-gateway.ts'
import { type EventSocket, openEventSocket } from '../support/event-socket.ts'
import { type ReceivedEvent, readEvents } from '../support/read-events.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let dataDir: string
let gateway: RunningGateway
const client = createClient(() => gateway.url)
let nonce = 0

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 5 })
  dataDir = await makeDataDir()
  gateway = await start()
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
  await rm(dataDir, { recursive: true, force: true })
})

function start(): Promise<RunningGateway> {
  const flags = { comfyuiUrl: [simulator.url], workflows: [testWorkflows], submitAhead: '0' }
  return startGateway({ dataDir, flags, env: { COMFYUI_API_DRAIN_SECONDS: '1' } })
}

function slow(seconds: number, ticks: number): Promise<{ id: string }> {
  return client.submit('/test/slow', { seconds, ticks, nonce: ++nonce })
}

/** Resolves when an event is there that the test waits for. */
async function until({ events, received }: EventSocket, isIt: (event: ReceivedEvent) => boolean): Promise<void> {
  for (let seen = 0; ;) {
    const all = await received(seen + 1)
    if (all.slice(seen).some(isIt)) return
    if (all.length <= seen) throw new Error(`the socket was closed after ${String(events.length)} events`)
    seen = all.length
  }
}

/** A reader that hangs up after every so many events and comes back with the last id it saw. */
async function followInPieces(path: string, sizes: readonly number[]): Promise<ReceivedEvent[]> {
  const seen: ReceivedEvent[] = []
  for (let piece = 0; ; piece++) {
    const size = sizes[piece % sizes.length] ?? 1
    const query = seen.length === 0 ? '' : `?last_event_id=${seen.at(-1)?.id ?? ''}`
    const { socket, received } = await openEventSocket(`${gateway.url}${path}${query}`)
    seen.push(...(await received(size)).slice(0, size))
    socket.terminate()
    if (seen.at(-1)?.type === 'end') return seen
  }
}

/** When a job will probably end is reckoned anew whenever somebody comes. */
function withoutForecast({ data: { expected_at: _, ...data }, ...event }: ReceivedEvent): ReceivedEvent {
  return { ...event, data }
}

test('a socket that is cut anywhere and resumed gives the sequence of an event stream that never was', async () => {
  for (const sizes of [[1], [2, 3], [7], [1, 5, 2]]) {
    // The first keeps the instance busy until both readers of the second are there.
    const first = await slow(0.1, 4)
    const { id } = await slow(0.05, 20)
    const whole = await fetch(`${gateway.url}/jobs/${id}/events`)
    const [uncut, cut] = await Promise.all([readEvents(whole), followInPieces(`/jobs/${id}/ws`, sizes)])
    expect(cut.map(withoutForecast)).toEqual(uncut.map(withoutForecast))
    expect(uncut.at(-1)).toMatchObject({ type: 'end', data: { status: 'succeeded' } })
    for (const { id: eventId, type, data } of cut) jobEventFrameSchema.parse({ id: eventId, event: type, data })
    expect((await client.job(first.id)).status).toBe('succeeded')
  }
}, 60_000)

test('all jobs can be followed from their acceptance to their end', async () => {
  const all = await openEventSocket(`${gateway.url}/events/ws`)
  await all.received(1)
  const ok = await slow(2, 40)
  const failing = await client.submit('/test/fail', { message: 'boom' })
  const isEnd = (id: string) => (event: ReceivedEvent) => event.type === 'end' && event.data['job_id'] === id
  await until(all, isEnd(failing.id))
  const of = (id: string) => all.events.filter(({ data }) => data['job_id'] === id)
  const states = (id: string) =>
    of(id).flatMap(({ data: { job } }) => (typeof job === 'object' && job && 'status' in job ? [job.status] : []))
  expect(states(ok.id)).toEqual(['queued', 'running', 'succeeded'])
  expect(states(failing.id)).toEqual(['queued', 'running', 'failed'])
  expect(of(failing.id).at(-1)?.data).toMatchObject({
    workflow: 'test/fail',
    job: { problem: { code: 'execution_error' } },
  })
  const steps = of(ok.id).filter(({ type }) => type === 'progress')
  expect(steps.length).toBeGreaterThan(0)
  expect(steps.length).toBeLessThan(40)
  expect(of(ok.id).filter(({ type }) => type === 'output')).toHaveLength(1)
  for (const { id, type, data } of all.events) feedFrameSchema.parse({ id, event: type, data })
  all.socket.terminate()
}, 60_000)

test('an operator who drains an instance is seen by all who follow', async () => {
  const all = await openEventSocket(`${gateway.url}/events/ws`)
  const [snapshot] = await all.received(1)
  const [instance] = (snapshot?.data['instances'] ?? []) as { id: string }[]
  for (const action of ['drain', 'resume']) {
    const response = await fetch(`${gateway.url}/instances/${instance?.id ?? ''}/${action}`, { method: 'POST' })
    await response.json()
  }
  await until(all, ({ type, data }) => type === 'instance' && data['status'] === 'ready')
  const told = all.events.filter(({ type }) => type === 'instance').map(({ data }) => data['status'])
  expect(told).toEqual(['draining', 'ready'])
  all.socket.terminate()
})

test('after a restart no id of before is taken for one of now, and none is missed', async () => {
  const { id } = await slow(6, 30)
  const job = await openEventSocket(`${gateway.url}/jobs/${id}/ws`)
  const all = await openEventSocket(`${gateway.url}/events/ws`)
  await until(job, ({ type }) => type === 'progress')
  await all.received(2)
  await gateway.close()
  expect((await job.closed).code).toBe(1012)
  expect((await all.closed).code).toBe(1012)
  expect(job.events.map(({ type }) => type)).not.toContain('end')

  gateway = await start()
  const known = (socket: EventSocket) => `?last_event_id=${socket.events.at(-1)?.id ?? ''}`
  const allAgain = await openEventSocket(`${gateway.url}/events/ws${known(all)}`)
  const jobAgain = await openEventSocket(`${gateway.url}/jobs/${id}/ws${known(job)}`)
  expect((await allAgain.received(1))[0]).toMatchObject({ type: 'snapshot', data: { jobs: [{ id }] } })
  await jobAgain.closed
  expect(jobAgain.events[0]).toMatchObject({ type: 'status', data: { id } })
  expect(jobAgain.events.at(-1)).toMatchObject({ type: 'end', data: { status: 'succeeded' } })
  const before = new Set([...job.events, ...all.events].map((event) => event.id))
  for (const event of [...jobAgain.events, ...allAgain.events]) expect(before).not.toContain(event.id)

  const late = await openEventSocket(`${gateway.url}/jobs/${id}/ws${known(job)}`)
  await late.closed
  expect(late.events.map(({ type }) => type)).toEqual(['status', 'end'])
  allAgain.socket.terminate()
}, 60_000)

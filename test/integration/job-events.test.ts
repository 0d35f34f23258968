import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient } from '../support/call-gateway.ts'
import { type ReceivedEvent, readEvents } from '../support/read-events.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let gateway: RunningGateway
const client = createClient(() => gateway.url)

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 5 })
  gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows], submitAhead: '0' } })
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
})

function follow(id: string, after?: string, query = ''): Promise<Response> {
  const headers = after === undefined ? {} : { 'last-event-id': after }
  return fetch(`${gateway.url}/jobs/${id}/events${query}`, { headers })
}

/** A reader that hangs up after every so many events and comes back with the last id it saw. */
async function followInPieces(id: string, sizes: readonly number[]): Promise<ReceivedEvent[]> {
  const seen: ReceivedEvent[] = []
  for (let piece = 0; ; piece++) {
    const size = sizes[piece % sizes.length] ?? 1
    const events = await readEvents(await follow(id, seen.at(-1)?.id), (soFar) => soFar.length >= size)
    seen.push(...events)
    if (seen.at(-1)?.type === 'end') return seen
  }
}

/** When a job will probably end is reckoned anew whenever somebody comes. */
function withoutForecast({ data: { expected_at: _, ...data }, ...event }: ReceivedEvent): ReceivedEvent {
  return { ...event, data }
}

test('a stream that is cut anywhere and resumed gives the sequence of one that never was', async () => {
  let nonce = 0
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 6 }), async (sizes) => {
      // The first keeps the instance busy until both readers of the second are there.
      const first = await client.submit('/test/slow', { seconds: 0.1, ticks: 4, nonce: ++nonce })
      const { id } = await client.submit('/test/slow', { seconds: 0.05, ticks: 20, nonce: ++nonce })
      const whole = await follow(id)
      const [uncut, cut] = await Promise.all([readEvents(whole), followInPieces(id, sizes)])
      expect(cut.map(withoutForecast)).toEqual(uncut.map(withoutForecast))
      expect(uncut.at(-1)).toMatchObject({ type: 'end', data: { status: 'succeeded' } })
      expect(uncut.filter(({ type }) => type === 'progress').length).toBeGreaterThan(5)
      expect((await client.job(first.id)).status).toBe('succeeded')
    }),
    { numRuns: 12 },
  )
})

test('one who comes after the end is told how it ended', async () => {
  const { id } = await client.run('/test/picture', { color: 3 })
  const events = await readEvents(await follow(id))
  expect(events.map(({ type }) => type)).toEqual(['status', 'end'])
  expect(events.at(-1)?.data).toMatchObject({ status: 'succeeded' })
})

test('a failed job ends its stream with the problem', async () => {
  const response = await client.post('/test/fail', { message: 'boom' }, { accept: 'text/event-stream' })
  expect(response.headers.get('location')).toMatch(/^\/jobs\//)
  const events = await readEvents(response)
  expect(events.at(-1)).toMatchObject({ type: 'end', data: { status: 'failed', error: { code: 'execution_error' } } })
})

test('previews come when they are asked for, and only then', async () => {
  const prompt = { prompt: 'a fox', width: 64, height: 64, steps: 4 }
  const accept = { accept: 'text/event-stream' }
  const asked = await readEvents(await client.post('/sd15/txt2img?previews=true', prompt, accept))
  const previews = asked.filter(({ type }) => type === 'preview')
  expect(previews.length).toBeGreaterThan(0)
  expect(previews[0]?.data).toMatchObject({ content_type: 'image/jpeg' })
  const unasked = await readEvents(await client.post('/sd15/txt2img', { ...prompt, seed: 1 }, accept))
  expect(unasked.map(({ type }) => type)).not.toContain('preview')
})

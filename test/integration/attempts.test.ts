import { afterEach, beforeEach, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { createFront, type FrontAction, type FrontServer } from '../support/front-server.ts'
import { makePng } from '../support/make-image.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let front: FrontServer
let gateway: RunningGateway
let decide: (request: string) => FrontAction | undefined
const client = createClient(() => gateway.url)
const picture = makePng(8, 8).toString('base64')

beforeEach(async () => {
  decide = () => undefined
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  front = await createFront(simulator.url, (request) => decide(request))
  gateway = await startGateway({ flags: { comfyuiUrl: [front.url], workflows: [testWorkflows] } })
  await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(200)
})
afterEach(async () => {
  await gateway.close()
  await front.close()
  await simulator.close()
})

function count(request: string): number {
  return front.requests.filter((name) => name === request).length
}

test('an instance that refuses an input fails the job, and the next one runs', async () => {
  decide = (request) => (request === 'POST /api/upload/image' ? { status: 413, body: '{}' } : undefined)
  const response = await client.post('/test/loaded', { picture })
  expect([response.status, (await readProblem(response)).code]).toEqual([502, 'upstream_error'])
  expect([count('POST /api/upload/image'), count('POST /api/prompt')]).toEqual([1, 0])
  await client.run('/test/picture', { color: 1 })
})

test('an upload that breaks off is tried again, as often as a job may be tried', async () => {
  decide = (request) => (request === 'POST /api/upload/image' ? 'hang up' : undefined)
  const response = await client.post('/test/loaded', { picture })
  expect([response.status, (await readProblem(response)).code]).toEqual([502, 'instance_lost'])
  expect([count('POST /api/upload/image'), count('POST /api/prompt')]).toEqual([2, 0])
})

test('a prompt whose answer got lost is followed, not sent again', async () => {
  decide = (request) => (request === 'POST /api/prompt' ? 'hide the answer' : undefined)
  const result = await client.run('/test/picture', { color: 2 })
  expect([result.attempt, count('POST /api/prompt')]).toEqual([1, 1])
})

test('a prompt that never arrived is sent again', async () => {
  let failures = 1
  decide = (request) => (request === 'POST /api/prompt' && failures-- > 0 ? 'hang up' : undefined)
  const result = await client.run('/test/picture', { color: 2 })
  expect([result.attempt, count('POST /api/prompt')]).toEqual([2, 2])
})

test('an output that cannot be had at first is fetched again, without another run', async () => {
  let failures = 2
  decide = (request) => (request === 'GET /api/view' && failures-- > 0 ? 'hang up' : undefined)
  const result = await client.run('/test/picture', { color: 3 })
  expect(result.images).toHaveLength(1)
  expect([result.attempt, count('GET /api/view'), count('POST /api/prompt')]).toEqual([1, 3, 1])
})

test('an instance whose uploads break off is left alone after a while', async () => {
  decide = (request) => (request === 'POST /api/upload/image' ? 'hang up' : undefined)
  for (let job = 0; job < 3; job++) await client.submit('/test/loaded', { picture })
  const instances = async (): Promise<unknown> => (await fetch(`${gateway.url}/instances`)).json()
  await expect.poll(instances).toMatchObject({ data: [{ status: 'ejected', in_flight: 0 }] })
})

test('an instance that breaks while it takes an input is asked again', async () => {
  let failures = 1
  decide = (request) =>
    request === 'POST /api/upload/image' && failures-- > 0 ? { status: 500, body: '500' } : undefined
  const result = await client.run('/test/loaded', { picture })
  expect([result.attempt, count('POST /api/upload/image'), count('POST /api/prompt')]).toEqual([2, 2, 1])
})

test('an input that an instance lost is uploaded again', async () => {
  await client.run('/test/loaded', { picture })
  for (const name of simulator.files.names('input', 'comfyui-api')) {
    simulator.files.remove('input', `comfyui-api/${name}`)
  }
  const result = await client.run('/test/loaded', { picture })
  expect([result.attempt, count('POST /api/upload/image'), count('POST /api/prompt')]).toEqual([2, 2, 3])
})

test.each([404, 500])('an output that is answered with %i is asked for again', async (status) => {
  let failures = 2
  decide = (request) => (request === 'GET /api/view' && failures-- > 0 ? { status, body: '' } : undefined)
  const result = await client.run('/test/picture', { color: 4 })
  expect([result.attempt, count('GET /api/view'), count('POST /api/prompt')]).toEqual([1, 3, 1])
})

test('a picture without a single byte is no output', async () => {
  decide = (request) => (request === 'GET /api/view' ? { status: 200, body: '' } : undefined)
  const response = await client.post('/test/picture', { color: 5 })
  expect([response.status, (await readProblem(response)).code]).toEqual([502, 'upstream_error'])
  expect(count('POST /api/prompt')).toBe(1)
})

test('a job that ran out of memory runs a second time on the same instance', async () => {
  simulator.faults.set('oom,times=1')
  const result = await client.run('/test/picture', { color: 6 })
  expect([result.attempt, count('POST /api/prompt'), count('POST /api/free')]).toEqual([2, 2, 1])
})

import { afterEach, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { countEndedPrompts, createClient, readProblem } from '../support/call-gateway.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

const simulators: Simulator[] = []
let gateway: RunningGateway | undefined
const client = createClient(() => gateway?.url ?? '')

afterEach(async () => {
  await gateway?.close()
  await Promise.all(simulators.splice(0).map((simulator) => simulator.close()))
})

async function simulate(port = 0): Promise<Simulator> {
  const simulator = await createSimulator({ testNodes: true, stepDelayMs: 0, port })
  simulators.push(simulator)
  return simulator
}

async function start(...instances: Simulator[]): Promise<void> {
  gateway = await startGateway({ flags: { comfyuiUrl: instances.map(({ url }) => url), workflows: [testWorkflows] } })
  await expect.poll(async () => (await fetch(`${gateway?.url ?? ''}/ready`)).status).toBe(200)
}

test('spreads jobs over all instances', async () => {
  const instances = [await simulate(), await simulate(), await simulate()]
  await start(...instances)
  const jobs = [1, 2, 3, 4, 5, 6].map((nonce) => client.run('/test/slow', { seconds: 0.2, ticks: 1, nonce }))
  await Promise.all(jobs)
  expect(await Promise.all(instances.map(({ url }) => countEndedPrompts(url)))).toEqual([2, 2, 2])
})

test('runs the jobs of an instance that went away on another one', async () => {
  const [staying, leaving] = [await simulate(), await simulate()]
  await start(staying, leaving)
  const jobs = await Promise.all(
    [1, 2, 3, 4].map((nonce) => client.submit('/test/slow', { seconds: 0.8, ticks: 4, nonce })),
  )
  await expect.poll(() => leaving.queue.running() !== undefined).toBe(true)
  const { port } = leaving
  await leaving.close()
  await simulate(port)
  const statuses = async () => (await Promise.all(jobs.map(({ id }) => client.job(id)))).map(({ status }) => status)
  await expect.poll(statuses).toEqual(jobs.map(() => 'succeeded'))
})

test('an instance that was not there at the start is used when it comes', async () => {
  const { port, url } = await simulate()
  await simulators.pop()?.close()
  gateway = await startGateway({ flags: { comfyuiUrl: [url], workflows: [testWorkflows] } })
  expect((await fetch(`${gateway.url}/ready`)).status).toBe(503)
  const { id } = await client.submit('/test/picture', { color: 1 })
  await simulate(port)
  await expect.poll(async () => (await client.job(id)).status).toBe('succeeded')
})

test('refuses what does not fit into the queue, and says when to come again', async () => {
  const simulator = await simulate()
  gateway = await startGateway({
    flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows], maxQueued: '1', submitAhead: '0' },
  })
  await expect.poll(async () => (await fetch(`${gateway?.url ?? ''}/ready`)).status).toBe(200)
  const jobs = [await client.submit('/test/slow', { seconds: 30, ticks: 600, nonce: 1 })]
  jobs.push(await client.submit('/test/slow', { seconds: 30, ticks: 600, nonce: 2 }))
  expect((await client.job(jobs[1]?.id ?? '')).queue_position).toBe(0)
  const refused = await client.post('/test/slow', { seconds: 30, ticks: 600, nonce: 3 })
  expect([refused.status, (await readProblem(refused)).code]).toEqual([503, 'queue_full'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  for (const { id } of jobs) await client.cancel(id)
})

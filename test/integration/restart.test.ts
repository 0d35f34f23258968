import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobResource } from '../../src/http/schemas/job.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { countEndedPrompts, createClient } from '../support/call-gateway.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let dataDir: string
let gateway: RunningGateway | undefined
const client = createClient(() => gateway?.url ?? '')

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  dataDir = await makeDataDir()
})
afterAll(async () => {
  await gateway?.close()
  await simulator.close()
  await rm(dataDir, { recursive: true, force: true })
})

function start(): Promise<RunningGateway> {
  return startGateway({ dataDir, flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
}

test('a new process goes on with waiting, running and meanwhile finished jobs, and runs none of them twice', async () => {
  gateway = await start()
  const before = await countEndedPrompts(simulator.url)
  const jobs: JobResource[] = []
  for (const nonce of [1, 2, 3, 4, 5]) jobs.push(await client.submit('/test/slow', { seconds: 1.2, ticks: 4, nonce }))
  await expect.poll(async () => (await client.job(jobs[0]?.id ?? '')).status).toBe('running')
  await gateway.close()
  await expect.poll(() => countEndedPrompts(simulator.url)).toBeGreaterThan(before)

  gateway = await start()
  const statuses = async () => (await Promise.all(jobs.map(({ id }) => client.job(id)))).map(({ status }) => status)
  await expect.poll(statuses).toEqual(jobs.map(() => 'succeeded'))
  expect((await countEndedPrompts(simulator.url)) - before).toBe(jobs.length)
  for (const { id } of jobs) expect((await client.bytes(`/jobs/${id}/outputs/0`)).length).toBeGreaterThan(50)
})

test('a second process on the same data directory is refused', async () => {
  await expect(start()).rejects.toThrow(/in use/)
})

test('an Idempotency-Key outlives the process', async () => {
  const headers = { 'idempotency-key': 'across' }
  const first = await client.submit('/test/picture', { color: 1 }, headers)
  await gateway?.close()
  gateway = await start()
  expect((await client.submit('/test/picture', { color: 1 }, headers)).id).toBe(first.id)
})

import { rm } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makeDataDir, startGateway, testWorkflows, type RunningGateway } from '../support/start-gateway.ts'

const keys = ['key-one-0123456789', 'key-two-0123456789'] as const
const [one, two] = keys.map((key) => ({ 'x-api-key': key }))

let simulator: Simulator | undefined
let gateway: RunningGateway | undefined
let dataDir: string | undefined
const client = createClient(() => gateway?.url ?? '')

afterEach(async () => {
  await gateway?.close()
  await simulator?.close()
  if (dataDir !== undefined) await rm(dataDir, { recursive: true, force: true })
})

async function start(): Promise<void> {
  simulator ??= await createSimulator({ testNodes: true, stepDelayMs: 0 })
  dataDir ??= await makeDataDir()
  gateway = await startGateway({
    dataDir,
    env: { COMFYUI_API_KEY: keys.join(','), COMFYUI_API_DRAIN_SECONDS: '0' },
    flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows], submitAhead: '0', maxQueuedPerKey: '1' },
  })
}

function submitSlow(headers: Record<string, string> | undefined, nonce: number): Promise<Response> {
  return client.post('/test/slow', { seconds: 60, ticks: 600, nonce }, { prefer: 'respond-async', ...headers })
}

test('waiting jobs of a key are limited, also those of an earlier process', async () => {
  await start()
  const running = await submitSlow(one, 1)
  await running.bytes()
  await expect.poll(() => simulator?.queue.running() !== undefined).toBe(true)
  const waiting = await submitSlow(one, 2)
  expect(waiting.status).toBe(202)
  await waiting.bytes()

  const refused = await submitSlow(one, 3)
  expect([refused.status, (await readProblem(refused)).code]).toEqual([429, 'too_many_queued'])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  const ofOther = await submitSlow(two, 4)
  expect(ofOther.status).toBe(202)
  const { id } = jobSchema.parse(await ofOther.json())

  await gateway?.close()
  await start()
  // The server first asks ComfyUI whether it has the job already.
  const placeInQueue = async () => {
    const response = await fetch(`${gateway?.url ?? ''}/jobs/${id}`, { headers: two ?? {} })
    return jobSchema.parse(await response.json()).queue_position
  }
  await expect.poll(placeInQueue).not.toBeNull()
  const stillRefused = await submitSlow(two, 5)
  expect((await readProblem(stillRefused)).code).toBe('too_many_queued')
})

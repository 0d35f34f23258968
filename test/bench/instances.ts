import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Pool } from 'undici'
import { type MeasuredProcess, startMeasured } from './measured-process.ts'

const instanceCount = 4
const jobMs = 20
const callers = 64
const root = fileURLToPath(new URL('../..', import.meta.url))
const inRoot = (file: string) => path.join(root, file)

export interface InstanceFigures {
  /** Share of what the instances could do at most, and jobs by instance. */
  readonly spread: {
    readonly jobsPerSecond: number
    readonly idealPerSecond: number
    /** What the simulators reach when their own queues are filled, without a gateway. */
    readonly directPerSecond: number
    readonly byInstance: readonly number[]
  }
  readonly long: {
    readonly jobs: number
    readonly lost: number
    readonly mixedUp: number
    readonly jobsPerSecond: number
    /** Resident memory after each fifth of the jobs. */
    readonly residentMiB: readonly number[]
  }
}

/** Four simulated ComfyUI behind one gateway: how evenly they are used, and what a long run leaves in memory. */
export async function measureInstances(dataDir: string, scale: number): Promise<InstanceFigures> {
  const simulators = await Promise.all(
    Array.from({ length: instanceCount }, () =>
      startMeasured(
        [inRoot('scripts/simulator.ts'), '--port', '0', '--test-nodes', '--step-delay-ms', '0'],
        /(http:\S+)/,
      ),
    ),
  )
  const gateway = await startMeasured(
    [
      ...[inRoot('src/main.ts'), 'serve', '--port', '0', '--data-dir', dataDir, '--log-format', 'json'],
      ...simulators.flatMap(({ announced }) => ['--comfyui-url', announced]),
      ...['--workflows', inRoot('test/bench/workflows'), '--no-shipped-workflows', '--max-queued', '100000'],
    ],
    /"url":"(http:[^"]+)"/,
  )
  try {
    await run(gateway.announced, { jobs: 400, seconds: 0, firstNonce: 0 })
    const before = await Promise.all(simulators.map(countPrompts))
    const jobs = Math.round(2000 * scale)
    const { jobsPerSecond } = await run(gateway.announced, { jobs, seconds: jobMs / 1000, firstNonce: 1_000_000 })
    const after = await Promise.all(simulators.map(countPrompts))
    return {
      spread: {
        jobsPerSecond,
        idealPerSecond: (instanceCount * 1000) / jobMs,
        directPerSecond: await runDirectly(simulators, jobs),
        byInstance: after.map((count, index) => count - (before[index] ?? 0)),
      },
      long: await measureLong(gateway, Math.round(20_000 * scale)),
    }
  } finally {
    await gateway.stop()
    await Promise.all(simulators.map((simulator) => simulator.stop()))
  }
}

async function measureLong(gateway: MeasuredProcess, jobs: number): Promise<InstanceFigures['long']> {
  const residentMiB: number[] = []
  let mixedUp = 0
  let lost = 0
  const beganAt = performance.now()
  for (let part = 0; part < 5; part++) {
    const result = await run(gateway.announced, {
      jobs: jobs / 5,
      seconds: 0,
      firstNonce: 2_000_000 + (part * jobs) / 5,
    })
    mixedUp += result.mixedUp
    lost += result.lost
    residentMiB.push(await gateway.residentMemoryMiB())
  }
  return { jobs, lost, mixedUp, residentMiB, jobsPerSecond: (jobs / (performance.now() - beganAt)) * 1000 }
}

interface Part {
  readonly jobs: number
  /** How long each occupies its instance. */
  readonly seconds: number
  readonly firstNonce: number
}

/** Every picture carries its prompt, and with it the number that was asked for. */
async function run(url: string, part: Part): Promise<{ jobsPerSecond: number; lost: number; mixedUp: number }> {
  const pool = new Pool(url, { connections: callers, pipelining: 1 })
  let next = 0
  let lost = 0
  let mixedUp = 0
  async function caller(): Promise<void> {
    while (next < part.jobs) {
      const nonce = part.firstNonce + next++
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/bench/picture',
        headers: { 'content-type': 'application/json', accept: 'image/png' },
        body: JSON.stringify({ nonce, ticks: part.seconds > 0 ? 1 : 0, seconds: part.seconds }),
      })
      const bytes = Buffer.from(await body.arrayBuffer())
      if (statusCode !== 200) lost++
      else if (!bytes.includes(`"color": ${String(nonce % 0xffffff)}`)) mixedUp++
    }
  }
  const beganAt = performance.now()
  try {
    await Promise.all(Array.from({ length: callers }, caller))
  } finally {
    await pool.destroy()
  }
  return { jobsPerSecond: (part.jobs / (performance.now() - beganAt)) * 1000, lost, mixedUp }
}

/** Fills the queues of all at once, and waits until they are empty. */
async function runDirectly(simulators: readonly MeasuredProcess[], jobs: number): Promise<number> {
  const beganAt = performance.now()
  await Promise.all(
    simulators.map(async ({ announced }, index) => {
      for (let count = 0; count < jobs / simulators.length; count++) {
        const nonce = 3_000_000 + count * simulators.length + index
        const prompt = {
          '1': { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: nonce % 0xffffff } },
          '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds: jobMs / 1000, ticks: 1, nonce } },
          '9': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'direct' } },
        }
        const body = JSON.stringify({ prompt, client_id: 'bench' })
        await fetch(`${announced}/prompt`, { method: 'POST', body })
      }
      while ((await queueRemaining(announced)) > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }),
  )
  return (jobs / (performance.now() - beganAt)) * 1000
}

async function queueRemaining(url: string): Promise<number> {
  const text = await (await fetch(`${url}/prompt`)).text()
  return Number(/"queue_remaining": ?(\d+)/.exec(text)?.[1] ?? 0)
}

async function countPrompts({ announced }: MeasuredProcess): Promise<number> {
  const text = await (await fetch(`${announced}/history?max_items=100000`)).text()
  return text.split('"status_str"').length - 1
}

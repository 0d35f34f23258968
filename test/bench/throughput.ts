import { Pool } from 'undici'
import type { MeasuredProcess } from './measured-process.ts'

export interface Load {
  /** Jobs that are submitted and not yet answered at any time. */
  readonly submitted: number
  readonly jobs: number
  /** Progress steps of each job. */
  readonly steps: number
}

export interface Figures {
  readonly jobsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly cpuSecondsPer1000: number
  readonly peakMemoryMiB: number
}

const pngSignature = '89504e47'
let nonce = Math.floor(Math.random() * 1e9)

/** Drives one system with a closed loop of callers that take the raw picture, and checks each. */
export async function measure(system: MeasuredProcess, url: string, load: Load): Promise<Figures> {
  const pool = new Pool(url, { connections: load.submitted, pipelining: 1 })
  const latenciesMs: number[] = []
  let left = load.jobs
  async function caller(): Promise<void> {
    while (left-- > 0) {
      const beganAt = performance.now()
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/bench/picture',
        headers: { 'content-type': 'application/json', accept: 'image/png' },
        body: JSON.stringify({ nonce: ++nonce, ticks: load.steps }),
      })
      const bytes = Buffer.from(await body.arrayBuffer())
      if (statusCode !== 200 || bytes.toString('hex', 0, 4) !== pngSignature) {
        throw new Error(`answered ${String(statusCode)}: ${bytes.toString('utf8', 0, 300)}`)
      }
      latenciesMs.push(performance.now() - beganAt)
    }
  }
  try {
    const cpuBefore = await system.cpuSeconds()
    const beganAt = performance.now()
    await Promise.all(Array.from({ length: load.submitted }, caller))
    const seconds = (performance.now() - beganAt) / 1000
    const cpuSeconds = (await system.cpuSeconds()) - cpuBefore
    latenciesMs.sort((left, right) => left - right)
    return {
      jobsPerSecond: load.jobs / seconds,
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      cpuSecondsPer1000: (cpuSeconds / load.jobs) * 1000,
      peakMemoryMiB: await system.peakMemoryMiB(),
    }
  } finally {
    await pool.destroy()
  }
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

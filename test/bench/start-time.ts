import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:http'
import { createServer } from 'node:net'
import type { Program } from '../support/program.ts'

const pollMs = 2
const giveUpMs = 20_000
const idleMs = 20_000

/** From the start of the process to the first 200 of a workflow's description, in milliseconds, sorted. */
export async function measureStart(
  program: Program,
  dataDir: string,
  runs: number,
  options: readonly string[] = [],
): Promise<Starts> {
  const timesMs: number[] = []
  let idleMiB = Number.NaN
  for (let run = 0; run < runs; run++) {
    const isLast = run === runs - 1
    const start = await measureOnce(program, `${dataDir}-${String(run)}`, options, isLast ? idleMs : 0)
    timesMs.push(start.ms)
    idleMiB = start.residentMiB
  }
  return { timesMs: timesMs.toSorted((left, right) => left - right), idleMiB }
}

export interface Starts {
  /** Sorted. */
  readonly timesMs: readonly number[]
  /** Memory that the last one held when it had had nothing to do for a while. */
  readonly idleMiB: number
}

async function measureOnce(
  program: Program,
  dataDir: string,
  options: readonly string[],
  waitMs: number,
): Promise<{ readonly ms: number; readonly residentMiB: number }> {
  const port = await freePort()
  const beganAt = performance.now()
  const args = [...program.args, 'serve', ...options, '--port', String(port), '--data-dir', dataDir]
  const child = spawn(program.command, args, { stdio: 'ignore' })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    while (performance.now() - beganAt < giveUpMs) {
      if (await answers(`http://127.0.0.1:${String(port)}/qwen/qwen_base_txt2img`)) {
        const ms = performance.now() - beganAt
        await new Promise((resolve) => setTimeout(resolve, waitMs))
        return { ms, residentMiB: residentMiB(child.pid) }
      }
      await new Promise((resolve) => setTimeout(resolve, pollMs))
    }
    throw new Error('The server did not start in time')
  } finally {
    child.kill('SIGTERM')
    await ended
  }
}

function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** What asks must cost little beside what is measured. */
function answers(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode === 200))
    })
    request.once('error', () => resolve(false))
  })
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

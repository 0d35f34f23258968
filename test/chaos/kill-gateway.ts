import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type JobResource, jobSchema } from '../../src/http/schemas/job.ts'
import { isTerminal } from '../../src/jobs/job.ts'
import { createRandom } from '../../src/simulator/drawing/random.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { wrongWith } from './callers.ts'
import { chaosWorkflows } from './fault-matrix.ts'
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts'
import { pictureOf } from './picture.ts'
import { within } from './within.ts'

export interface KillOptions {
  readonly seed: string
  /** At least so many. */
  readonly kills: number
  readonly jobs: number
}

export interface KillReport {
  readonly kills: number
  /** Of these, before the gateway answered its first request. */
  readonly killsDuringStart: number
  /** Jobs whose acceptance a caller saw. */
  readonly accepted: number
  /** Calls that were cut by a kill and sent again with the same Idempotency-Key. */
  readonly repeatedCalls: number
  /** How many jobs were executed once, twice and so on. */
  readonly executions: Readonly<Record<string, number>>
  /** How many jobs were given to an instance once, twice and so on, by their own account. */
  readonly attempts: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

const instances = 2
const callers = 24
const maxAttempts = 2
const openAtOnce = 80
const longestLifeMs = 2000
const longestStartMs = 500
const callMs = 20_000
const endMs = 180_000
const retryMs = 50
const pageSize = 100

/**
 * Kills the gateway at random instants, again and again on one data directory, while callers order pictures. Callers
 * whose call was cut repeat it with its Idempotency-Key. The instances live on.
 */
export async function killGateway({ seed, kills, jobs }: KillOptions): Promise<KillReport> {
  const random = createRandom(`kill ${seed}`)
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-chaos-'))
  const simulators = await Promise.all(
    Array.from({ length: instances }, () => createSimulator({ testNodes: true, stepDelayMs: 0 })),
  )
  const args = [
    ...simulators.flatMap(({ url }) => ['--comfyui-url', url]),
    ...['--workflows', chaosWorkflows, '--no-shipped-workflows', '--data-dir', scratch, '--watch', 'off'],
  ]
  let gateway: GatewayProcess = startGatewayProcess(args)
  const load = createLoad(random, () => gateway.ready)
  const report = { kills: 0, killsDuringStart: 0 }
  try {
    const working = Array.from({ length: callers }, () => load.call())
    while (report.kills < kills || load.accepted.size < jobs) {
      const isDuringStart = random() < 0.2
      if (!isDuringStart) await gateway.ready
      await pause(random() * (isDuringStart ? longestStartMs : longestLifeMs))
      if (isDuringStart) report.killsDuringStart++
      await gateway.kill()
      report.kills++
      gateway = startGatewayProcess(args)
    }
    load.stop()
    await within(endMs, 'the end of the calls', Promise.all(working))
    const url = await gateway.ready
    const found = await within(endMs, 'the end of the jobs', endsOf(url, [...load.accepted.values()]))
    const all = await listAll(url)
    const problems = [...load.problems, ...(await judge(url, load.accepted, found, all, simulators))]
    const executions = executionsOf(simulators)
    await gateway.stop()
    const integrity = checkIntegrity(path.join(scratch, 'jobs.sqlite'))
    if (integrity !== 'ok') problems.push(`the database says: ${integrity}`)
    return {
      ...report,
      accepted: load.accepted.size,
      repeatedCalls: load.repeatedCalls(),
      executions: histogram([...found.values()].map((job) => executions.get(prefixOf(job)) ?? 0)),
      attempts: histogram([...found.values()].map(({ attempt }) => attempt)),
      problems,
    }
  } finally {
    load.abandon()
    await gateway.kill()
    await Promise.all(simulators.map((simulator) => simulator.close()))
    await rm(scratch, { recursive: true, force: true })
  }
}

interface Load {
  /** Orders pictures until it is stopped. */
  call(): Promise<void>
  /** Number of an order → the job that it became. */
  readonly accepted: ReadonlyMap<number, string>
  readonly problems: readonly string[]
  repeatedCalls(): number
  /** Calls that were begun go on. */
  stop(): void
  /** Calls that were begun are given up with the next failure. */
  abandon(): void
}

function createLoad(random: () => number, address: () => Promise<string>): Load {
  const accepted = new Map<number, string>()
  const problems: string[] = []
  let ordered = 0
  let ended = 0
  let repeated = 0
  let isOver = false
  let isAbandoned = false

  /** The answer to a call that is repeated until there is one: the gateway may not be there, or go away meanwhile. */
  async function persist(send: (url: string) => Promise<Response>): Promise<{ status: number; text: string }> {
    for (let isFirst = true; ; isFirst = false) {
      try {
        if (!isFirst) await pause(retryMs)
        const response = await send(await address())
        const text = await response.text()
        if (response.status !== 503) return { status: response.status, text }
      } catch (error) {
        if (isAbandoned) throw error
        repeated++
      }
    }
  }

  async function order(): Promise<void> {
    const number = ++ordered
    const isUpload = random() < 0.2
    const seconds = Math.round(random() * 80) / 1000
    const body = JSON.stringify({
      number,
      seconds,
      ...(isUpload && { picture: pictureOf(number).toString('base64') }),
    })
    const headers = {
      'content-type': 'application/json',
      prefer: 'respond-async',
      'idempotency-key': `order ${number}`,
    }
    const { status, text } = await persist((url) =>
      fetch(`${url}/chaos/${isUpload ? 'copy' : 'paint'}`, { method: 'POST', headers, body, ...timeLimit() }),
    )
    if (status !== 202 && status !== 200) {
      problems.push(`order ${number} was answered ${status}: ${text.slice(0, 300)}`)
      return
    }
    accepted.set(number, jobSchema.parse(JSON.parse(text)).id)
    watch(number).catch((error: unknown) => problems.push(`job of order ${number}: ${String(error)}`))
  }

  /** Only so many jobs are open at a time. */
  async function watch(number: number): Promise<void> {
    const id = accepted.get(number) ?? ''
    while (!isOver) {
      const { status, text } = await persist((url) => fetch(`${url}/jobs/${id}`, timeLimit()))
      if (status !== 200) {
        problems.push(`job ${id}, which was accepted, is answered ${status}`)
        break
      }
      if (isTerminal(jobSchema.parse(JSON.parse(text)).status)) break
      await pause(20 * retryMs)
    }
    ended++
  }

  return {
    accepted,
    problems,
    repeatedCalls: () => repeated,
    stop() {
      isOver = true
    },
    abandon() {
      isOver = true
      isAbandoned = true
    },
    async call() {
      while (!isOver) {
        if (ordered - ended < openAtOnce) await order()
        else await pause(retryMs)
      }
    },
  }
}

function timeLimit(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(callMs) }
}

async function endsOf(url: string, ids: readonly string[]): Promise<Map<string, JobResource>> {
  const found = new Map<string, JobResource>()
  for (const id of ids) {
    for (;;) {
      const response = await fetch(`${url}/jobs/${id}`)
      if (response.status !== 200) break
      const job = jobSchema.parse(await response.json())
      found.set(id, job)
      if (isTerminal(job.status)) break
      await pause(retryMs)
    }
  }
  return found
}

const pageSchema = z.object({ data: z.array(jobSchema), next_cursor: z.string().nullable() })

async function listAll(url: string): Promise<JobResource[]> {
  const jobs: JobResource[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`
    const page = pageSchema.parse(await (await fetch(`${url}/jobs?limit=${pageSize}${query}`)).json())
    jobs.push(...page.data)
    cursor = page.next_cursor
  }
  return jobs
}

async function judge(
  url: string,
  accepted: ReadonlyMap<number, string>,
  found: ReadonlyMap<string, JobResource>,
  all: readonly JobResource[],
  simulators: readonly Simulator[],
): Promise<string[]> {
  const problems: string[] = []
  for (const [number, id] of accepted) {
    const job = found.get(id)
    if (job === undefined) problems.push(`job ${id} (order ${number}) is lost`)
    else if (job.status === 'succeeded') problems.push(...(await wrongWith(url, job, number)).map(naming(number, id)))
    else problems.push(`job ${id} (order ${number}) is ${job.status}: ${job.error?.message ?? ''}`)
  }
  const known = new Set(accepted.values())
  const invented = all.filter(({ id }) => !known.has(id))
  if (invented.length > 0) problems.push(`${invented.length} jobs that nobody was told of`)
  for (const [prefix, count] of executionsOf(simulators)) {
    if (count > maxAttempts) problems.push(`the job of ${prefix} was executed ${count} times`)
  }
  return problems
}

const naming = (number: number, id: string) => (problem: string) => `job ${id} (order ${number}): ${problem}`

/** How often each job was executed to its end: every execution saves a file under a prefix that only this job has. */
function executionsOf(simulators: readonly Simulator[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { files } of simulators) {
    for (const name of files.names('output', 'comfyui-api')) {
      const prefix = name.replace(/_\d+_\.png$/, '')
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1)
    }
  }
  return counts
}

function prefixOf({ outputs }: JobResource): string {
  return (outputs[0]?.filename ?? '').replace(/_\d+_\.png$/, '')
}

function histogram(values: readonly number[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

function checkIntegrity(file: string): string {
  const database = new DatabaseSync(file, { readOnly: true })
  try {
    return z.object({ integrity_check: z.string() }).parse(database.prepare('PRAGMA integrity_check').get())
      .integrity_check
  } finally {
    database.close()
  }
}

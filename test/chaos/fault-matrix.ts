import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { instanceListSchema } from '../../src/http/schemas/instance.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import type { SimulatedVersion } from '../../src/simulator/version-profile.ts'
import { createClient } from '../support/call-gateway.ts'
import { type RunningGateway, startGateway } from '../support/start-gateway.ts'
import { type Answer, type AsyncJob, type Callers, createCallers, type Order } from './callers.ts'
import type { Submissions } from './count-submissions.ts'
import type { FaultCase, Phase } from './fault-cases.ts'
import { until, within } from './within.ts'

export const chaosWorkflows = fileURLToPath(new URL('workflows', import.meta.url))

export interface CaseRun {
  readonly faultCase: FaultCase
  readonly phase: Phase
  readonly version: SimulatedVersion
  /** The job that is in the phase may be submitted again. */
  readonly retry: boolean
}

export interface CaseReport extends CaseRun {
  /** How often the fault struck. */
  readonly fired: number
  /** How many jobs ended so: `succeeded`, or the code of the error. */
  readonly ends: Readonly<Record<string, number>>
  readonly tookMs: number
  /** Empty when all is right. */
  readonly problems: readonly string[]
}

export interface CaseTools {
  /** A number that no other job has. */
  readonly nextNumber: () => number
  readonly submissions: Submissions
}

/** Attempts of a job, the first included. */
const maxAttempts = 2
const phaseMs = 30_000
const strikeMs = 40_000
/** Longer than the gateway gives any instance: beyond it something hangs. */
const endMs = 150_000
const timeLimits = {
  COMFYUI_API_FETCH_TIMEOUT_SECONDS: '3',
  COMFYUI_API_SUBMIT_TIMEOUT_SECONDS: '3',
  COMFYUI_API_RUN_TIMEOUT_SECONDS: '100',
  COMFYUI_API_STALL_TIMEOUT_SECONDS: '60',
  COMFYUI_API_MAX_ATTEMPTS: String(maxAttempts),
}

/** What a case works with. */
interface Scene {
  readonly run: CaseRun
  readonly tools: CaseTools
  /** Gets the fault. */
  readonly faulty: Simulator
  readonly gateway: RunningGateway
  readonly callers: Callers
  readonly answers: Promise<Answer>[]
}

/**
 * Runs a fault: two instances, all jobs on the first of them, one brought into the phase; then the fault strikes while
 * others call; then the second instance is there as well.
 */
export async function runCase(run: CaseRun, tools: CaseTools): Promise<CaseReport> {
  const beganAtMs = Date.now()
  const [faulty, sound] = await Promise.all([simulate(run.version), simulate(run.version)])
  const gateway = await startGateway({
    env: timeLimits,
    flags: {
      comfyuiUrl: [faulty.url, sound.url],
      workflows: [chaosWorkflows],
      shippedWorkflows: false,
      submitAhead: '7',
    },
  })
  const scene: Scene = { run, tools, faulty, gateway, callers: createCallers(gateway.url), answers: [] }
  const soundInstance = `${gateway.url}/instances/${sound.url.replace('http://', '')}`
  let fired = 0
  const ends: Record<string, number> = {}
  const problems: string[] = []
  try {
    await until(phaseMs, 'the instances', () => areReady(gateway.url))
    await fetch(`${soundInstance}/drain`, { method: 'POST' })
    const subject = await enterPhase(scene)
    fired = await strike(scene)
    await fetch(`${soundInstance}/resume`, { method: 'POST' })
    const answers = await within(endMs, 'the end of the jobs', Promise.all(scene.answers))
    for (const { job } of answers) {
      const end = job.error?.code ?? job.status
      ends[end] = (ends[end] ?? 0) + 1
    }
    problems.push(...(await judge(scene, answers, subject, fired)))
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
    problems.push(...(await describeOpen(gateway.url)))
  } finally {
    await gateway.close()
    await Promise.all([faulty.close(), sound.close()])
    await Promise.allSettled(scene.answers)
  }
  return { ...run, fired, ends, tookMs: Date.now() - beganAtMs, problems }
}

function simulate(version: SimulatedVersion): Promise<Simulator> {
  return createSimulator({ version, testNodes: true, stepDelayMs: 0 })
}

async function areReady(url: string): Promise<boolean> {
  const { data } = instanceListSchema.parse(await (await fetch(`${url}/instances`)).json())
  return data.every(({ status }) => status === 'ready')
}

/** Resolves with the job that is in the phase now. */
async function enterPhase(scene: Scene): Promise<AsyncJob> {
  const { phase, retry, faultCase } = scene.run
  const { queue } = scene.faulty
  switch (phase) {
    case 'queued': {
      await submit(scene, { seconds: 0.8 })
      await until(phaseMs, 'the job before', () => queue.running() !== undefined)
      const subject = await submit(scene, { seconds: 0.1, retry })
      await until(phaseMs, phase, () => queue.pending().length > 0)
      return subject
    }
    case 'submitting':
      return hold(scene, 'prompt-delay', 'prompt-delay=700,times=1', { seconds: 0.2, retry })
    case 'running': {
      const subject = await submit(scene, { seconds: 1, retry })
      const client = createClient(() => scene.gateway.url)
      await until(phaseMs, phase, async () => (await client.job(subject.id)).status === 'running')
      return subject
    }
    case 'finishing':
      return hold(scene, 'slow-history', 'slow-history=600,times=1', { seconds: 0.1, retry })
    case 'fetching outputs':
      return faultCase.name === 'view'
        ? hold(scene, 'delay', 'delay=view,ms=600,times=1', { seconds: 0.1, retry })
        : hold(scene, 'view', 'view=drip,ms=800,times=1', { seconds: 0.1, retry })
  }
}

/** Keeps a job in its phase by a fault that only takes time. */
async function hold(
  scene: Scene,
  name: 'prompt-delay' | 'slow-history' | 'view' | 'delay',
  spec: string,
  order: Omit<Order, 'number'>,
): Promise<AsyncJob> {
  const { faults } = scene.faulty
  const before = faults.fired(name)
  faults.set(spec)
  const subject = await submit(scene, order)
  await until(phaseMs, scene.run.phase, () => faults.fired(name) > before)
  return subject
}

async function submit(scene: Scene, order: Omit<Order, 'number'>): Promise<AsyncJob> {
  const job = await scene.callers.submit({ ...order, number: scene.tools.nextNumber() })
  scene.answers.push(quietly(job.answer))
  return job
}

/** Nobody may be waiting yet when it fails. */
function quietly<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

/** Arms the fault, gives it something to strike, and resolves with how often it did. */
async function strike(scene: Scene): Promise<number> {
  const { faulty, run, callers, tools, answers } = scene
  const { name, fault, occasion, callers: kind } = run.faultCase
  const countBefore = faulty.faults.fired(name)
  faulty.faults.set(fault, ...(occasion === undefined ? [] : [occasion]))
  const isUpload = kind === 'upload'
  answers.push(quietly(callers.wait({ number: tools.nextNumber(), seconds: 0.4, isUpload })))
  answers.push(quietly(callers.stream({ number: tools.nextNumber(), seconds: 0.2, isUpload })))
  if (kind === 'cancel') await cancelOne(scene)
  await until(strikeMs, `the fault ${fault}`, () => faulty.faults.fired(name) > countBefore).catch(() => {})
  return faulty.faults.fired(name) - countBefore
}

async function cancelOne(scene: Scene): Promise<void> {
  const client = createClient(() => scene.gateway.url)
  const { id } = await submit(scene, { seconds: 3 })
  await until(strikeMs, 'the job to cancel', async () => (await client.job(id)).status === 'running')
  await client.cancel(id)
}

async function judge(
  { run, tools, gateway, answers: { length: ordered } }: Scene,
  answers: readonly Answer[],
  subject: AsyncJob,
  fired: number,
): Promise<string[]> {
  const { expect, fault, callers } = run.faultCase
  const problems: string[] = []
  if (fired === 0) problems.push(`the fault ${fault} never struck`)
  const failures: Answer[] = []
  for (const answer of answers) {
    const { job, order } = answer
    problems.push(...answer.problems.map((problem) => `job ${order.number} (${order.seconds} s): ${problem}`))
    const runs = tools.submissions.of(order.number)
    const mayRun = order.retry === false ? 1 : maxAttempts
    if (runs > mayRun) problems.push(`job ${order.number} was sent ${runs} times`)
    if (job.status === 'succeeded') continue
    if (job.status === 'canceled' && callers === 'cancel') continue
    if (job.id === subject.id && order.retry === false && isOfInstance(job.error?.code)) continue
    failures.push(answer)
  }
  const codes: readonly string[] = expect === 'all succeed' ? [] : 'fails' in expect ? expect.fails : expect.mayFail
  for (const { job, order } of failures) {
    const end = `${job.status} ${job.error?.code ?? ''}: ${job.error?.message ?? ''}`
    if (job.status !== 'failed' || !codes.includes(job.error?.code ?? '')) {
      problems.push(`job ${order.number} (${order.seconds} s) ended as ${end}`)
    }
  }
  const isOneEach = expect !== 'all succeed' && 'fails' in expect
  if (isOneEach && failures.length !== fired) problems.push(`${failures.length} jobs failed, not ${fired}`)
  if (!isOneEach && failures.length > fired) problems.push(`${failures.length} jobs failed`)
  const { data } = listSchema.parse(await (await fetch(`${gateway.url}/jobs?limit=100`)).json())
  if (data.length !== ordered) problems.push(`there are ${data.length} jobs, not ${ordered}`)
  return problems
}

const listSchema = z.object({ data: z.array(z.object({ id: z.string(), status: z.string() })) })

/** What a job fails with whose instance failed and which must not be sent again. */
function isOfInstance(code: string | undefined): boolean {
  return code === 'instance_lost' || code === 'upstream_error' || code === 'out_of_memory'
}

async function describeOpen(url: string): Promise<string[]> {
  const { data } = listSchema.parse(await (await fetch(`${url}/jobs?limit=100`)).json())
  const open = data.filter(({ status }) => ['queued', 'running', 'canceling'].includes(status))
  if (open.length === 0) return []
  const instances = instanceListSchema.parse(await (await fetch(`${url}/instances`)).json()).data
  return [
    `open: ${open.map(({ status }) => status).join(', ')}`,
    instances.map(({ status, reason }) => `${status} (${reason ?? ''})`).join(', '),
  ]
}

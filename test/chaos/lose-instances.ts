import { setTimeout as pause } from 'node:timers/promises'
import { createRandom } from '../../src/simulator/drawing/random.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { startGateway } from '../support/start-gateway.ts'
import { type Answer, createCallers } from './callers.ts'
import { countSubmissions } from './count-submissions.ts'
import { chaosWorkflows } from './fault-matrix.ts'
import { within } from './within.ts'

export interface LoseInstancesOptions {
  readonly seed: string
  /** How long callers order pictures and instances die. */
  readonly forMs: number
  /** Mean time between two deaths. */
  readonly everyMs: number
}

export interface LoseInstancesReport {
  readonly deaths: number
  /** Deaths in the middle of a job. */
  readonly deathsAtWork: number
  readonly jobs: number
  /** How many jobs were given to an instance once, twice and so on. */
  readonly attempts: Readonly<Record<string, number>>
  readonly longestJobMs: number
  readonly problems: readonly string[]
}

const instanceCount = 4
const callerCount = 12
/** One more than deaths that a single job meets in any run of these lengths, but for odds of one in a hundred. */
const maxAttempts = 4
const endMs = 180_000
const longestDeathMs = 2000

/** Four instances, of which one dies and comes back again and again, while callers of all kinds order pictures. */
export async function loseInstances({ seed, forMs, everyMs }: LoseInstancesOptions): Promise<LoseInstancesReport> {
  const random = createRandom(`lose ${seed}`)
  const submissions = countSubmissions()
  const simulators = await Promise.all(
    Array.from({ length: instanceCount }, () => createSimulator({ testNodes: true, stepDelayMs: 0 })),
  )
  const gateway = await startGateway({
    env: { COMFYUI_API_MAX_ATTEMPTS: String(maxAttempts) },
    flags: { comfyuiUrl: simulators.map(({ url }) => url), workflows: [chaosWorkflows], shippedWorkflows: false },
  })
  const callers = createCallers(gateway.url)
  const endsAtMs = Date.now() + forMs
  const answers: Answer[] = []
  const problems: string[] = []
  let ordered = 0
  let longestJobMs = 0

  async function call(): Promise<void> {
    while (Date.now() < endsAtMs) {
      const order = {
        number: ++ordered,
        seconds: Math.round(random() * 400) / 1000,
        isUpload: random() < 0.2,
      }
      const kind = Math.floor(random() * 3)
      const beganAtMs = Date.now()
      try {
        if (kind === 0) answers.push(await (await callers.submit(order)).answer)
        else answers.push(await (kind === 1 ? callers.wait(order) : callers.stream(order)))
      } catch (error) {
        problems.push(`order ${order.number}: ${error instanceof Error ? error.message : String(error)}`)
      }
      longestJobMs = Math.max(longestJobMs, Date.now() - beganAtMs)
    }
  }

  try {
    const working = Array.from({ length: callerCount }, call)
    const lost = await killOneByOne(simulators, { random, endsAtMs, everyMs })
    await within(endMs, 'the end of the jobs', Promise.all(working))
    const attempts: Record<string, number> = {}
    for (const { order, job, problems: found } of answers) {
      attempts[job.attempt] = (attempts[job.attempt] ?? 0) + 1
      problems.push(...found.map((problem) => `job ${order.number}: ${problem}`))
      if (job.status !== 'succeeded') {
        problems.push(`job ${order.number} is ${job.status}: ${job.error?.message ?? ''}`)
      }
      const sent = submissions.of(order.number)
      if (sent > maxAttempts) problems.push(`job ${order.number} was sent ${sent} times`)
    }
    return { ...lost, jobs: answers.length, attempts, longestJobMs, problems }
  } finally {
    submissions.close()
    await gateway.close()
    await Promise.all(simulators.map((simulator) => simulator.close()))
  }
}

async function killOneByOne(
  simulators: readonly Simulator[],
  { random, endsAtMs, everyMs }: { random: () => number; endsAtMs: number; everyMs: number },
): Promise<{ deaths: number; deathsAtWork: number }> {
  const count = { deaths: 0, deathsAtWork: 0 }
  while (Date.now() < endsAtMs) {
    await pause((0.5 + random()) * everyMs)
    const victim = simulators[Math.floor(random() * simulators.length)]
    if (victim === undefined) continue
    if (victim.queue.running() !== undefined) count.deathsAtWork++
    victim.crash()
    count.deaths++
    await pause(random() * Math.min(longestDeathMs, everyMs))
    await victim.revive()
  }
  return count
}

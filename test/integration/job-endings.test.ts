import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { isTerminal } from '../../src/jobs/job.ts'
import { onePicture, ScriptedComfyui } from '../support/scripted-comfyui.ts'
import type { ScriptedPrompt } from '../support/scripted-prompt.ts'
import { startJobs, type StartedJobs } from '../support/start-jobs.ts'

/* However things come together, a job ends once, and as what it is. */
vi.setConfig({ maxConcurrency: 40 })

/** The steps of a run, each of which a cancel may come before. */
const steps: readonly ((prompt: ScriptedPrompt) => void)[] = [
  (prompt) => prompt.begin(),
  (prompt) => prompt.executing('3'),
  (prompt) => prompt.executed('9', onePicture['9']),
  (prompt) => prompt.succeed(),
  (prompt) => prompt.remember(onePicture),
  (prompt) => prompt.letGo(),
]
const successAt = 3

const race = fc.record({
  /** Before this step; the last ones while the output is fetched, and after that. */
  cancelAt: fc.nat(steps.length + 1),
  /** The socket breaks before this step; beyond the last one never. */
  dropAt: fc.nat(2 * steps.length),
  /** Whether ComfyUI acts on a cancel. */
  obeys: fc.boolean(),
  /** Between steps: none, a turn of the loop, or long enough for everything sent to arrive. */
  pauses: fc.array(fc.constantFrom('none', 'turn', 'arrival'), { minLength: 8, maxLength: 8 }),
  version: fc.constantFrom('0.3.64' as const, '0.33.0' as const),
})
type Race = typeof race extends fc.Arbitrary<infer T> ? T : never

async function pause(kind: string | undefined): Promise<void> {
  if (kind === 'turn') await new Promise((resolve) => setImmediate(resolve))
  if (kind === 'arrival') await new Promise((resolve) => setTimeout(resolve, 10))
}

async function runRace({ cancelAt, dropAt, obeys, pauses, version }: Race): Promise<void> {
  await using comfyui = await new ScriptedComfyui({ version }).listen()
  await using started = await startJobs([comfyui])
  const cancelIsDone = Promise.withResolvers<undefined>()
  if (!obeys) {
    comfyui.on('POST /jobs/:id/cancel', () => ({ json: { cancelled: false } }))
    comfyui.on('POST /queue', () => ({ text: '' }))
    comfyui.on('POST /interrupt', () => ({ text: '' }))
  }
  comfyui.on('GET /view', async () => {
    if (cancelAt === steps.length) {
      started.jobs.cancel(job.id).then(() => cancelIsDone.resolve(undefined), cancelIsDone.reject)
      await pause(pauses[0])
    }
    return undefined
  })
  const job = await started.submit()
  const prompt = await comfyui.nextPrompt()
  for (const [index, step] of steps.entries()) {
    if (index === dropAt) comfyui.dropSockets()
    if (index === cancelAt) {
      await started.jobs.cancel(job.id)
      cancelIsDone.resolve(undefined)
    }
    if (prompt.place === 'gone' && prompt.record?.['outputs'] !== onePicture) break
    step(prompt)
    await pause(pauses[index])
  }
  const ended = await started.ended(job)
  if (cancelAt > steps.length) await started.jobs.cancel(job.id)
  else await cancelIsDone.promise
  expectOneEnding(started, job.id)
  expect(comfyui.prompts).toHaveLength(1)
  const isTooLate = cancelAt > steps.length
  // Once the success was told the outputs are fetched, which a cancel stops without ComfyUI.
  const isInVain = !obeys && cancelAt <= successAt
  if (isTooLate || isInVain) expect(ended.state).toBe('succeeded')
  expect(['succeeded', 'canceled']).toContain(ended.state)
  expect(ended.outputs).toHaveLength(ended.state === 'succeeded' ? 1 : 0)
  expect(started.pool.views()[0]?.inFlight).toBe(0)
}

function expectOneEnding({ told, faults, jobs }: StartedJobs, id: string): void {
  const states = told.filter((job) => job.id === id).map(({ state }) => state)
  expect(states.filter(isTerminal)).toEqual([states.at(-1)])
  expect(jobs.get(id)?.state).toBe(states.at(-1))
  expect(faults).toEqual([])
}

test.concurrent('a cancel against a completion gives one terminal state, in every interleaving', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(race, { minLength: 120, maxLength: 120 }), async (races) => {
      await Promise.all(races.map(runRace))
    }),
    { numRuns: 2, endOnFailure: true },
  )
})

test.concurrent(
  'a cancel before the submit was answered is done after it, and one before the dispatch sends nothing',
  async () => {
    await using comfyui = await new ScriptedComfyui().listen()
    await using started = await startJobs([comfyui])
    comfyui.on('POST /prompt', async (request) => {
      const prompt = comfyui.take(request)
      await started.jobs.cancel(jobs[0]?.id ?? '')
      return comfyui.accepted(prompt)
    })
    const jobs = [await started.submit()]
    const [first] = jobs
    expect((await started.ended(first ?? { id: '' })).state).toBe('canceled')
    started.pool.drain(started.pool.views()[0]?.id ?? '')
    const waiting = await started.submit()
    expect((await started.jobs.cancel(waiting.id)).state).toBe('canceled')
    expect(comfyui.prompts.map(({ place }) => place)).toEqual(['gone'])
  },
)

const outcome = fc.constantFrom('never arrives', 'restart', 'out of memory', 'raises', 'interrupted', 'succeeds')
const plan = fc.record({
  outcomes: fc.array(outcome, { minLength: 3, maxLength: 3 }),
  retry: fc.boolean(),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
})
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never

/** What a plan has to come to: attempts, and the state or the code of the error. */
function expectedOf({ outcomes, retry, maxAttempts }: Plan): [number, string] {
  let attempt = 0
  let hadMemoryTrouble = false
  for (const next of outcomes) {
    attempt++
    const mayGoOn = retry && attempt < maxAttempts
    switch (next) {
      case 'never arrives':
      case 'restart':
        if (!mayGoOn) return [attempt, 'instance_lost']
        break
      case 'out of memory':
        if (!mayGoOn || hadMemoryTrouble) return [attempt, 'out_of_memory']
        hadMemoryTrouble = true
        break
      case 'raises':
        return [attempt, 'execution_error']
      case 'interrupted':
        return [attempt, 'canceled_upstream']
      default:
        return [attempt, 'succeeded']
    }
  }
  throw new Error('a plan has an outcome for every attempt')
}

async function runPlan(chosen: Plan): Promise<void> {
  await using comfyui = await new ScriptedComfyui().listen()
  await using started = await startJobs([comfyui], { maxAttempts: chosen.maxAttempts })
  const outcomes = [...chosen.outcomes]
  comfyui.on('POST /prompt', () => {
    if (outcomes[0] !== 'never arrives') return undefined
    outcomes.shift()
    return 'hang up'
  })
  const job = await started.submit({ retry: chosen.retry })
  const worker = (async () => {
    for (;;) {
      const prompt = await comfyui.nextPrompt()
      const next = outcomes.shift()
      prompt.begin()
      if (next === 'restart') {
        await comfyui.stop()
        await comfyui.listen()
      } else if (next === 'out of memory') prompt.fail({ exception_type: 'torch.OutOfMemoryError' })
      else if (next === 'raises') prompt.fail()
      else if (next === 'interrupted') prompt.interrupt()
      else prompt.finish(onePicture)
    }
  })()
  const ended = await Promise.race([started.ended(job), worker])
  expectOneEnding(started, job.id)
  expect([ended.attempt, ended.error?.code ?? ended.state]).toEqual(expectedOf(chosen))
  expect(comfyui.count('POST /prompt')).toBe(ended.attempt)
  for (const { attempt } of started.told) expect(attempt).toBeLessThanOrEqual(chosen.maxAttempts)
}

test.concurrent('a job is submitted as often as its attempts say, and never more often than it may be', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 60, maxLength: 60 }), async (plans) => {
      await Promise.all(plans.map(runPlan))
    }),
    { numRuns: 1, endOnFailure: true },
  )
})

test.concurrent('an instance that comes back with a job that runs elsewhere by now is told to drop it', async () => {
  await using first = await new ScriptedComfyui().listen()
  await using second = await new ScriptedComfyui({ runsAlone: true }).listen()
  await using started = await startJobs([first, second], { outageTimeoutMs: 1000 })
  started.pool.drain(new URL(second.url).host)
  const job = await started.submit()
  const prompt = await first.nextPrompt()
  prompt.begin()
  await first.hide()
  started.pool.resume(new URL(second.url).host)
  expect(await started.ended(job)).toMatchObject({ state: 'succeeded', attempt: 2 })
  await first.listen()
  await first.requested('POST /jobs/:id/cancel')
  await first.when(() => prompt.place === 'gone')
})

test.concurrent('an instance that comes back with a job that nobody else took goes on with it', async () => {
  await using comfyui = await new ScriptedComfyui().listen()
  await using started = await startJobs([comfyui], { outageTimeoutMs: 1000 })
  const job = await started.submit()
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  await vi.waitFor(() => expect(started.jobs.get(job.id)?.state).toBe('running'), { timeout: 60_000 })
  await comfyui.hide()
  await vi.waitFor(() => expect(started.jobs.get(job.id)?.state).toBe('queued'), { timeout: 60_000 })
  await comfyui.listen()
  await vi.waitFor(() => expect(started.jobs.get(job.id)?.state).toBe('running'), { timeout: 60_000 })
  prompt.finish(onePicture)
  expect(await started.ended(job)).toMatchObject({ state: 'succeeded', outputs: [{ contentType: 'image/png' }] })
  expect([comfyui.prompts.length, comfyui.count('POST /jobs/:id/cancel')]).toEqual([1, 0])
})

test.concurrent('an instance that stays away for too long has lost its jobs: they run elsewhere', async () => {
  await using first = await new ScriptedComfyui().listen()
  await using second = await new ScriptedComfyui({ runsAlone: true }).listen()
  await using started = await startJobs([first], { outageTimeoutMs: 1500 })
  const job = await started.submit()
  const prompt = await first.nextPrompt()
  prompt.begin()
  await first.stop()
  const goneAtMs = Date.now()
  started.pool.replace([{ url: new URL(second.url), headers: {} }])
  const ended = await started.ended(job)
  expect([ended.state, ended.attempt, ended.instance]).toEqual(['succeeded', 2, new URL(second.url).host])
  expect(Date.now() - goneAtMs).toBeGreaterThanOrEqual(1500)
})

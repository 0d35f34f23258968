import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ComfyuiEvent } from '../comfyui/comfyui-event.ts'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { LookUp } from '../comfyui/look-up.ts'
import { type FollowHooks, PromptFollower } from './prompt-follower.ts'
import type { Verdict } from './verdict.ts'

const promptId = '0b9c1c1e-6a0e-4a51-9f0e-3f6f4f6f9c11'
const output = { images: [{ filename: 'a.png' }] }
const ended: LookUp = {
  state: 'ended',
  ending: { outcome: 'success', outputs: { '9': output }, ranMs: 1 },
}
const silent: FollowHooks = {
  started() {},
  cached() {},
  executing() {},
  progressState() {},
  progress() {},
  preview() {},
  warning() {},
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function follow(hooks: Partial<FollowHooks> = {}, isAdopted = false) {
  const instance = {
    connection: 1,
    isConnected: true,
    answers: [] as (LookUp | Error)[],
    cancels: 0,
    lookUps: 0,
    client: {
      lookUp(): Promise<LookUp> {
        instance.lookUps++
        const answer = instance.answers.length > 1 ? instance.answers.shift() : instance.answers[0]
        if (answer instanceof Error) return Promise.reject(answer)
        return Promise.resolve(answer ?? { state: 'absent' })
      },
      cancel(): Promise<void> {
        instance.cancels++
        return Promise.resolve()
      },
    },
  }
  const follower = new PromptFollower({
    instance,
    promptId,
    limits: { queueTimeoutMs: 900_000, runTimeoutMs: 600_000, stallTimeoutMs: 300_000, outageTimeoutMs: 60_000 },
    hooks: { ...silent, ...hooks },
    isAdopted,
  })
  let verdict: Verdict | undefined
  void follower.verdict.then((value) => {
    verdict = value
  })
  const hear = (event: Record<string, unknown>) => follower.hear({ promptId, ...event } as ComfyuiEvent)
  /** Lets time pass as the runner does: a tick every quarter of a second. */
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms && !verdict; passed += 250) {
      await vi.advanceTimersByTimeAsync(250)
      follower.tick(Date.now())
      await vi.advanceTimersByTimeAsync(0)
    }
  }
  return { instance, follower, hear, pass, verdict: () => verdict }
}

test('takes the executed outputs as the result when nothing of the stream was missed', async () => {
  const { follower, hear, instance } = follow()
  follower.markSubmitted('accepted')
  hear({ type: 'execution_start' })
  hear({ type: 'executed', node: '9', output })
  hear({ type: 'execution_success' })
  expect(await follower.verdict).toMatchObject({ kind: 'success', outputs: { '9': output } })
  expect(instance.lookUps).toBe(0)
})

test('asks at once for a prompt that was found, and does not take what it hears for all there was', async () => {
  const { follower, instance, hear, pass } = follow()
  instance.answers = [{ state: 'running' }, ended]
  follower.markFound()
  await pass(250)
  expect(instance.lookUps).toBe(1)
  hear({ type: 'execution_success' })
  hear({ type: 'executing', node: null })
  expect(await follower.verdict).toMatchObject({ kind: 'success', outputs: { '9': output } })
})

test('asks at once when the connection broke while the answer to the submit was awaited', async () => {
  const { follower, instance, pass } = follow()
  instance.answers = [ended]
  instance.connection = 3
  follower.markSubmitted('accepted')
  await pass(250)
  expect(await follower.verdict).toMatchObject({ kind: 'success' })
})

test('asks at once for a prompt of an earlier process', async () => {
  const { follower, instance, pass } = follow({}, true)
  instance.answers = [ended]
  await pass(250)
  expect(await follower.verdict).toMatchObject({ kind: 'success' })
  expect(instance.lookUps).toBe(1)
})

test('may hear everything before the answer to the submit', async () => {
  const { follower, hear } = follow()
  hear({ type: 'execution_start' })
  hear({ type: 'executed', node: '9', output })
  hear({ type: 'execution_success' })
  expect(await follower.verdict).toMatchObject({ kind: 'success' })
})

test('asks at once for an end that was heard before the answer to the submit', async () => {
  const { follower, hear, instance } = follow()
  instance.answers = [{ state: 'ended', ending: { outcome: 'error', error: { node_id: '3' } } }]
  hear({ type: 'execution_error', error: { prompt_id: promptId, node_id: '3' } })
  hear({ type: 'executing', node: null })
  expect(instance.lookUps).toBe(0)
  follower.markSubmitted('accepted')
  expect(instance.lookUps).toBe(1)
  expect(await follower.verdict).toMatchObject({ kind: 'error' })
})

test('asks soon for an end that was heard before the answer to the submit, with nothing after it', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  instance.answers = [{ state: 'ended', ending: { outcome: 'error', error: { node_id: '3' } } }]
  hear({ type: 'execution_error', error: { prompt_id: promptId, node_id: '3' } })
  follower.markSubmitted('accepted')
  await pass(3000)
  expect(verdict()).toMatchObject({ kind: 'error' })
})

test('asks ComfyUI when the connection was another one in between', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.connection = 3
  instance.answers = [ended]
  hear({ type: 'execution_success' })
  expect(verdict()).toBeUndefined()
  hear({ type: 'executing', node: null })
  await pass(250)
  expect(verdict()).toMatchObject({ kind: 'success', outputs: { '9': output } })
})

test('waits for a history that is written a moment after the event', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.connection = 3
  instance.answers = [{ state: 'running' }, { state: 'absent' }, ended]
  hear({ type: 'executing', node: null })
  await pass(5000)
  expect(verdict()).toMatchObject({ kind: 'success' })
})

test('settles a failure by what the history says', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.answers = [
    { state: 'ended', ending: { outcome: 'error', error: { node_id: '3', exception_message: 'boom' } } },
  ]
  hear({ type: 'execution_error', error: { prompt_id: promptId, node_id: '3' } })
  hear({ type: 'executing', node: null })
  await pass(250)
  expect(verdict()).toEqual({ kind: 'error', failure: { node_id: '3', exception_message: 'boom' } })
})

test('goes by the heard failure when the history was cleared', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.answers = [{ state: 'absent' }]
  hear({ type: 'execution_error', error: { prompt_id: promptId, node_id: '3', exception_message: 'boom' } })
  hear({ type: 'executing', node: null })
  await pass(10_000)
  expect(verdict()).toMatchObject({ kind: 'error', failure: { exception_message: 'boom' } })
})

test('a node that blocks its outputs with a message does not fail the prompt', async () => {
  const warnings: string[] = []
  const { follower, hear } = follow({ warning: (text) => void warnings.push(text) })
  follower.markSubmitted('accepted')
  hear({ type: 'execution_error', error: { exception_type: 'ExecutionBlocked', exception_message: 'not today' } })
  hear({ type: 'execution_success' })
  expect(await follower.verdict).toMatchObject({ kind: 'success' })
  expect(warnings).toEqual(['not today'])
})

test('finds the end of a prompt whose socket went deaf', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  hear({ type: 'execution_start' })
  hear({ type: 'executing', node: '3' })
  instance.answers = [{ state: 'running' }, ended]
  await pass(40_000)
  expect(verdict()).toMatchObject({ kind: 'success' })
})

test('asks every two seconds while the socket is down', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.isConnected = false
  instance.answers = [{ state: 'pending' }, { state: 'running' }, { state: 'running' }, ended]
  await pass(10_000)
  expect(verdict()).toMatchObject({ kind: 'success' })
  expect(instance.lookUps).toBe(4)
})

test('counts a prompt as lost only after two look-ups, two seconds apart, found nothing', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.connection = 3
  instance.answers = [{ state: 'absent' }]
  follower.hearReconnected()
  await pass(1500)
  expect(verdict()).toBeUndefined()
  await pass(3000)
  expect(verdict()).toMatchObject({ kind: 'lost' })
  expect(instance.lookUps).toBe(2)
})

test('a prompt that shows up again was never lost', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('unknown')
  instance.answers = [{ state: 'absent' }, { state: 'pending' }, { state: 'running' }]
  await pass(30_000)
  expect(verdict()).toBeUndefined()
})

test('does not take silence of the server for absence, but gives up after the outage limit', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.isConnected = false
  instance.answers = [new ComfyuiError('unreachable', 'connection refused')]
  await pass(50_000)
  expect(verdict()).toBeUndefined()
  await pass(20_000)
  expect(verdict()).toMatchObject({ kind: 'lost', reason: expect.stringContaining('connection refused') })
})

test('cancels a waiting prompt: it is gone without a trace', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.answers = [{ state: 'absent' }]
  follower.cancel()
  await pass(250)
  expect(verdict()).toEqual({ kind: 'removed' })
  expect(instance.cancels).toBe(1)
})

test('a cancel that comes before the submit is done after it', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.cancel()
  await pass(1000)
  expect(instance.cancels).toBe(0)
  instance.answers = [{ state: 'running' }, { state: 'ended', ending: { outcome: 'interrupted' } }]
  follower.markSubmitted('accepted')
  await pass(2000)
  expect(verdict()).toEqual({ kind: 'interrupted' })
})

test('completion may win over a cancel', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.answers = [ended]
  follower.cancel()
  await pass(250)
  expect(verdict()).toMatchObject({ kind: 'success' })
})

test('stops what runs for too long, or falls silent, and gives up when ComfyUI does not stop it', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  hear({ type: 'execution_start' })
  hear({ type: 'executing', node: '3' })
  instance.answers = [{ state: 'running' }]
  await pass(330_000)
  expect(instance.cancels).toBeGreaterThan(0)
  expect(verdict()).toMatchObject({ kind: 'timed_out', reason: 'Nothing was heard of it for 300 s while it ran.' })
})

test('silence counts from the moment there is a connection', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  hear({ type: 'execution_start' })
  instance.isConnected = false
  instance.answers = [{ state: 'running' }]
  await pass(400_000)
  instance.isConnected = true
  instance.connection = 3
  await pass(100_000)
  expect([verdict(), instance.cancels]).toEqual([undefined, 0])
})

test('a prompt that never starts is taken back in the end', async () => {
  const { follower, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  instance.answers = [{ state: 'pending' }]
  await pass(900_000)
  expect([verdict(), instance.cancels]).toEqual([undefined, 0])
  instance.answers = [{ state: 'absent' }]
  await pass(1000)
  expect(verdict()).toMatchObject({ kind: 'timed_out', reason: 'It waited on its instance for longer than 900 s.' })
})

test('tells the start once, and reckons it from the run when only the end was seen', async () => {
  const starts: number[] = []
  const { follower, hear, instance, pass } = follow({ started: (startedAtMs) => void starts.push(startedAtMs) })
  follower.markSubmitted('accepted')
  instance.connection = 3
  instance.answers = [{ state: 'ended', ending: { outcome: 'success', outputs: {}, ranMs: 5000 } }]
  const heardAtMs = Date.now()
  hear({ type: 'executing', node: null })
  await pass(250)
  expect(starts).toEqual([heardAtMs - 5000])
})

test('knows a worker that died by its silence directly after the start, while the web server lives on', async () => {
  const { follower, hear, instance, pass, verdict } = follow()
  follower.markSubmitted('accepted')
  hear({ type: 'execution_start' })
  hear({ type: 'execution_cached', nodes: [] })
  instance.answers = [{ state: 'running' }]
  await pass(9000)
  expect(verdict()).toBeUndefined()
  await pass(2000)
  expect(verdict()).toEqual({ kind: 'worker_died' })
})

test('does not take a long silent node, or a socket that hears nothing at all, for a dead worker', async () => {
  const working = follow()
  working.follower.markSubmitted('accepted')
  working.hear({ type: 'execution_start' })
  working.hear({ type: 'executing', node: '3' })
  working.instance.answers = [{ state: 'running' }]
  await working.pass(60_000)
  expect(working.verdict()).toBeUndefined()
  const unheard = follow()
  unheard.follower.markSubmitted('accepted')
  unheard.instance.answers = [{ state: 'running' }]
  await unheard.pass(60_000)
  expect(unheard.verdict()).toBeUndefined()
})

test('a prompt that is given up is taken out of the queue of its instance', async () => {
  const { follower, instance, verdict } = follow()
  follower.markSubmitted('accepted')
  await follower.abandon('The worker of its instance died.')
  await vi.advanceTimersByTimeAsync(0)
  expect(instance.cancels).toBe(1)
  expect(verdict()).toEqual({ kind: 'lost', reason: 'The worker of its instance died.', mayHaveRun: false })
})

test('always comes to one verdict, whatever is heard in whatever order', async () => {
  const heard = fc.constantFrom<Record<string, unknown>>(
    { type: 'execution_start' },
    { type: 'execution_cached', nodes: [] },
    { type: 'executing', node: '3' },
    { type: 'executing', node: null },
    { type: 'executed', node: '9', output },
    { type: 'execution_success' },
    { type: 'execution_interrupted' },
    { type: 'execution_error', error: { prompt_id: promptId } },
  )
  const lookUp = fc.constantFrom<LookUp | Error>(
    { state: 'absent' },
    { state: 'pending' },
    { state: 'running' },
    ended,
    new ComfyuiError('interrupted', 'reset'),
  )
  await fc.assert(
    fc.asyncProperty(
      fc.array(heard),
      fc.array(lookUp, { minLength: 1 }),
      fc.boolean(),
      async (events, answers, gap) => {
        const { follower, hear, instance, pass, verdict } = follow()
        instance.answers = [...answers, ended]
        if (gap) instance.connection = 3
        follower.markSubmitted('accepted')
        for (const event of events) {
          hear(event)
          await pass(250)
        }
        await pass(1_000_000)
        expect(verdict()).toBeDefined()
      },
    ),
    { numRuns: 60 },
  )
})

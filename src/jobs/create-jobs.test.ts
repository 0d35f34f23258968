import { afterEach, expect, test, vi } from 'vitest'
import { completeJob, makeJob, makePayload } from '../../test/support/make-job.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { createInstancePool } from '../instances/instance-pool.ts'
import { createJobs, type JobsOptions, type JobsOwner } from './create-jobs.ts'
import type { JobRequest } from './jobs.ts'
import { createImageConverter, type ImageConverter } from '../outputs/image-converter.ts'
import { createMemoryJobStore } from './stores/memory-job-store.ts'

let jobs: JobsOwner | undefined
afterEach(() => {
  jobs?.close()
  vi.useRealTimers()
})

/** Jobs without any instance: all of them wait. */
function create({
  maxQueued = 10,
  maxQueuedPerCaller,
  images = createImageConverter(),
  predictRefusal = () => undefined,
}: {
  maxQueued?: number
  maxQueuedPerCaller?: number
  images?: ImageConverter
  predictRefusal?: NonNullable<JobsOptions['predictRefusal']>
} = {}) {
  const store = createMemoryJobStore()
  const removed: string[] = []
  const faults: unknown[] = []
  jobs = createJobs({
    store,
    pool: createInstancePool({
      instances: [],
      submitAhead: 0,
      connectTimeoutMs: 1000,
      submitTimeoutMs: 1000,
      fetchTimeoutMs: 1000,
      onStateChanged: () => {},
    }),
    inputs: {
      put: () => Promise.reject(new Error('not asked for')),
      receive: () => Promise.reject(new Error('there are no inputs')),
      keep: () => Promise.reject(new Error('there are no inputs')),
      check: () => Promise.reject(new Error('there are no inputs')),
      release: () => Promise.resolve(),
      open: () => Promise.resolve(undefined),
      renew: () => true,
      remove: () => {},
      deleteUnusedBefore: () => Promise.resolve(),
      close: () => Promise.resolve(),
    },
    outputs: {
      write: () => Promise.resolve({ sizeBytes: 0 }),
      read: () => Promise.resolve(undefined),
      open: () => Promise.resolve(undefined),
      scan: () => Promise.resolve(false),
      pin: () => () => {},
      remove: (id) => Promise.resolve(void removed.push(id)),
      close: () => Promise.resolve(),
    },
    images,
    predictRefusal,
    limits: {
      maxQueued,
      maxQueuedPerCaller,
      maxAttempts: 2,
      retentionMs: 60_000,
      queueTimeoutMs: 60_000,
      runTimeoutMs: 60_000,
      stallTimeoutMs: 60_000,
      outageTimeoutMs: 60_000,
    },
    nameParameters: (_workflow, _input, errors) => Promise.resolve(errors),
    onJobChanged: () => {},
    onFault: (_message, error) => void faults.push(error),
  })
  return { jobs, store, removed, faults }
}

function request(changes: Partial<JobRequest> = {}): JobRequest {
  return { ...makePayload(), workflow: 'a/b', requestId: 'r', ...changes }
}

function codeOf(error: unknown): unknown {
  return error instanceof GatewayError ? error.code : error
}

test('a waiting job has its place, and is canceled at once', async () => {
  const { jobs } = create()
  const [first, second] = [await jobs.submit(request()), await jobs.submit(request())]
  const ids = [first.job.id, second.job.id]
  expect([...jobs.forecasts(ids.toReversed())]).toEqual(ids.map((id, queuePosition) => [id, { queuePosition }]))
  expect((await jobs.cancel(first.job.id)).state).toBe('canceled')
  expect([...jobs.forecasts(ids)]).toEqual([[second.job.id, { queuePosition: 0 }]])
  expect((await jobs.cancel(first.job.id)).state).toBe('canceled')
})

test('a job whose images cannot be converted here is not accepted', async () => {
  const images = createImageConverter({ load: () => Promise.reject(new Error('not installed')) })
  const { jobs, store } = create({ images })
  const refused = await jobs.submit(request({ convertOutput: { format: 'webp' } })).catch(codeOf)
  expect(refused).toBe('conversion_unavailable')
  expect(store.listOpen()).toEqual([])
  expect((await jobs.submit(request())).job.state).toBe('queued')
})

test('jobs that are just being stored count as waiting', async () => {
  const { jobs } = create({ maxQueued: 2 })
  const results = await Promise.allSettled([1, 2, 3].map(() => jobs.submit(request())))
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
  expect(results[2]).toMatchObject({ reason: { code: 'queue_full' } })
})

test('the jobs of each caller that wait are limited apart, those just being stored as well', async () => {
  const { jobs } = create({ maxQueued: 5, maxQueuedPerCaller: 2 })
  const callers = ['a', 'b', 'a', 'a', 'b', 'b', 'c', 'c']
  const results = await Promise.allSettled(callers.map((caller) => jobs.submit(request({ caller }))))
  const outcomes = results.map((result) => (result.status === 'fulfilled' ? 'accepted' : codeOf(result.reason)))
  expect(outcomes.slice(0, 4)).toEqual(['accepted', 'accepted', 'accepted', 'too_many_queued'])
  expect(outcomes.slice(4)).toEqual(['accepted', 'too_many_queued', 'accepted', 'queue_full'])
  const [first] = results
  if (first?.status === 'fulfilled') await jobs.cancel(first.value.job.id)
  const { job } = await jobs.submit(request({ caller: 'a' }))
  expect(jobs.getPayload(job.id)?.caller).toBe('a')
})

test('who asked is not kept where callers are not limited', async () => {
  const { jobs } = create()
  const { job } = await jobs.submit(request({ caller: 'a' }))
  expect(jobs.getPayload(job.id)).not.toHaveProperty('caller')
})

test('a repeated request finds its job when nothing more is accepted', async () => {
  const { jobs } = create({ maxQueued: 1 })
  const idempotency = { key: 'k', fingerprint: 'f' }
  const { job } = await jobs.submit(request({ idempotency }))
  expect(await jobs.submit(request({ idempotency }))).toEqual({ job, replayed: true })
  await expect(jobs.submit(request({ idempotency: { key: 'k', fingerprint: 'g' } }))).rejects.toMatchObject({
    code: 'idempotency_key_reuse',
  })
  await expect(jobs.submit(request())).rejects.toMatchObject({ code: 'queue_full' })
  jobs.drain()
  expect(await jobs.submit(request({ idempotency }))).toEqual({ job, replayed: true })
})

test('wakes those who wait when it closes, and lets nobody wait after that', async () => {
  const { jobs } = create()
  const { job } = await jobs.submit(request())
  const waiting = jobs.wait(job.id, { timeoutMs: 600_000 })
  const late = jobs.submit(request())
  jobs.close()
  expect((await waiting).state).toBe('queued')
  expect((await jobs.wait((await late).job.id, { timeoutMs: 600_000 })).state).toBe('queued')
})

test('accepts nothing while it drains', async () => {
  const { jobs } = create()
  jobs.drain()
  await expect(jobs.submit(request())).rejects.toMatchObject({ code: 'draining' })
})

test('forgets all jobs that are old enough, with their outputs', async () => {
  vi.useFakeTimers()
  const { jobs, store, removed, faults } = create()
  for (let index = 0; index < 1200; index++) {
    const job = makeJob()
    await store.create({ job, payload: makePayload() })
    await store.update(completeJob(job, 'succeeded', Date.now() - (index < 1100 ? 50_000 : 0)))
  }
  jobs.start()
  await vi.advanceTimersByTimeAsync(1000)
  expect(removed).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(60_000)
  expect(removed).toHaveLength(1100)
  await vi.advanceTimersByTimeAsync(60_000)
  expect([removed.length, faults]).toEqual([1200, []])
})

test('a job that ComfyUI would refuse is not accepted; a repeated request gets the job that it made before', async () => {
  let refusal: GatewayError | undefined
  const { store } = create({ predictRefusal: async () => refusal })
  if (jobs === undefined) throw new Error('there are no jobs')
  const idempotency = { key: 'k', fingerprint: 'f' }
  const chosenId = { id: 'mine', fingerprint: 'f' }
  const { job } = await jobs.submit(request({ idempotency }))
  const chosen = await jobs.submit(request({ chosenId }))
  refusal = new GatewayError('workflow_unavailable')
  await expect(jobs.submit(request())).rejects.toBe(refusal)
  const other = { key: 'other', fingerprint: 'f' }
  await expect(jobs.submit(request({ idempotency: other }))).rejects.toBe(refusal)
  expect(store.findClaim('other')).toBeUndefined()
  expect(await jobs.submit(request({ idempotency }))).toEqual({ job, replayed: true })
  expect(await jobs.submit(request({ chosenId }))).toEqual({ job: chosen.job, replayed: true })
  refusal = undefined
  expect((await jobs.submit(request({ idempotency: other }))).replayed).toBe(false)
})

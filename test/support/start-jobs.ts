import { createJobs, type JobsOwner, type JobsOptions } from '../../src/jobs/create-jobs.ts'
import { isTerminal, type Job, type JobAttempt } from '../../src/jobs/job.ts'
import type { JobRequest } from '../../src/jobs/jobs.ts'
import { createImageConverter } from '../../src/outputs/image-converter.ts'
import { createMemoryJobStore } from '../../src/jobs/stores/memory-job-store.ts'
import { createInstancePool, type InstancePool } from '../../src/instances/instance-pool.ts'
import { makePayload } from './make-job.ts'
import type { ScriptedComfyui } from './scripted-comfyui.ts'

/** Jobs in front of scripted servers, without the HTTP side: cheap enough for hundreds of them. */
export interface StartedJobs extends AsyncDisposable {
  readonly jobs: JobsOwner
  readonly pool: InstancePool
  /** Every state that any job was told to be in, in order. */
  readonly told: readonly Job[]
  readonly attempts: readonly JobAttempt[]
  readonly faults: readonly unknown[]
  /** Ids of jobs whose outputs were removed, and how many these were. */
  readonly removedOutputs: readonly (readonly [string, number])[]
  submit(changes?: Partial<JobRequest>): Promise<Job>
  /** The job once it is terminal. */
  ended(job: { readonly id: string }): Promise<Job>
}

const never = 600_000

/** Resolves when all servers are ready. */
export async function startJobs(
  servers: readonly ScriptedComfyui[],
  limits: Partial<JobsOptions['limits']> = {},
  stores: Partial<Pick<JobsOptions, 'outputs'>> = {},
): Promise<StartedJobs> {
  const told: Job[] = []
  const attempts: JobAttempt[] = []
  const faults: unknown[] = []
  const removedOutputs: [string, number][] = []
  const { promise: ready, resolve: allAreReady } = Promise.withResolvers<undefined>()
  const pool = createInstancePool({
    instances: servers.map(({ url }) => ({ url: new URL(url), headers: {} })),
    submitAhead: 1,
    connectTimeoutMs: 2000,
    submitTimeoutMs: 10_000,
    fetchTimeoutMs: 10_000,
    onStateChanged: () => {
      if (pool.views().every(({ state }) => state === 'ready')) allAreReady(undefined)
    },
  })
  const jobs = createJobs({
    store: createMemoryJobStore(),
    pool,
    inputs: {
      put: () => Promise.reject(new Error('there are no inputs')),
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
      async write(_jobId, _index, source) {
        let sizeBytes = 0
        for await (const chunk of Buffer.isBuffer(source) ? [source] : source) sizeBytes += chunk.length
        return { sizeBytes }
      },
      read: () => Promise.resolve(undefined),
      open: () => Promise.resolve(undefined),
      scan: () => Promise.resolve(false),
      pin: () => () => {},
      remove: (id, count) => Promise.resolve(void removedOutputs.push([id, count])),
      close: () => Promise.resolve(),
    },
    ...stores,
    images: createImageConverter(),
    limits: {
      maxQueued: 1000,
      maxAttempts: 2,
      retentionMs: never,
      queueTimeoutMs: never,
      runTimeoutMs: never,
      stallTimeoutMs: never,
      outageTimeoutMs: never,
      ...limits,
    },
    nameParameters: (_workflow, _input, errors) => Promise.resolve(errors),
    onJobChanged: (job) => void told.push(job),
    onAttempt: (attempt) => void attempts.push(attempt),
    onFault: (_message, error) => void faults.push(error),
  })
  jobs.start()
  await ready
  return {
    jobs,
    pool,
    told,
    attempts,
    faults,
    removedOutputs,
    async submit(changes) {
      const { job } = await jobs.submit({ ...makePayload(), workflow: 'test/made', requestId: 'r', ...changes })
      return job
    },
    async ended({ id }) {
      const job = await jobs.wait(id, { timeoutMs: never })
      if (!isTerminal(job.state)) throw new Error(`job ${id} is ${job.state}`)
      return job
    },
    async [Symbol.asyncDispose]() {
      jobs.close()
      await pool.close()
    },
  }
}

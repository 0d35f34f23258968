import { GatewayError } from '../errors/gateway-error.ts'
import { Tally } from '../lib/tally.ts'
import { createForgetJobs } from './forget-jobs.ts'
import { isTerminal, type Job, type JobPayload, type OpenJobs } from './job.ts'
import { JobJournal } from './job-journal.ts'
import { JobRunner, type JobRunnerOptions } from './job-runner.ts'
import type { StandingClaim } from './job-store.ts'
import type { JobRequest, Jobs, Submission } from './jobs.ts'
import { LiveJob } from './live-job.ts'
import { LiveJobs, type LiveJobsOptions } from './live-jobs.ts'
import { newJob } from './new-job.ts'

export interface JobLimits {
  /** Jobs that may wait for an instance. */
  readonly maxQueued: number
  /** The same for each caller. As many as there may be when absent. */
  readonly maxQueuedPerCaller?: number | undefined
  /** Terminal jobs and their outputs are forgotten after this time. */
  readonly retentionMs: number
}

export interface JobsOptions extends Omit<LiveJobsOptions, 'onUnwantedEnded'>, Omit<JobRunnerOptions, 'lives'> {
  readonly limits: JobRunnerOptions['limits'] & JobLimits
  /** Whether something else than a job needs an input: then it stays when the jobs that have it are forgotten. */
  readonly holdsInput?: (name: string) => boolean
  /**
   * The error that a new job would end with because ComfyUI refuses its prompt; `undefined` where it does not. Nothing
   * is predicted when absent.
   */
  readonly predictRefusal?: (request: JobRequest) => undefined | Promise<GatewayError | undefined>
}

/** What the process that owns the jobs may do besides. */
export interface JobsOwner extends Jobs {
  /** Takes up what an earlier process left, and begins to run jobs. */
  start(): void
  /** Counts what is open: costs a look at each of them. */
  countOpen(): OpenJobs
  /** Accepts nothing more. Jobs that are accepted go on. */
  drain(): void
  /** Resolves when no job is open, or when `timeoutMs` has passed. */
  whenIdle(timeoutMs: number): Promise<void>
  /** Stops, and wakes everybody who waits. Open jobs stay as they are in the store; the next process takes them up. */
  close(): void
}

const forgetEveryMs = 60_000
const idempotencyTtlMs = 24 * 60 * 60 * 1000
const longestRetryAfterSeconds = 60

export function createJobs(options: JobsOptions): JobsOwner {
  const { store, inputs, pool, limits, onFault } = options
  const forgetting = createForgetJobs(options)
  const lives = new LiveJobs({
    ...options,
    onUnwantedEnded({ job, payload }) {
      void forgetting.removeFiles(job, payload.inputFiles)
    },
  })
  const runner = new JobRunner({ ...options, lives })
  const acceptingOf = new Tally()
  let accepting = 0
  let isDraining = false
  let isClosed = false
  let forgetTimer: NodeJS.Timeout | undefined

  function get(id: string): Job | undefined {
    return lives.get(id)?.job ?? store.get(id)
  }

  function getPayload(id: string): JobPayload | undefined {
    return lives.get(id)?.payload ?? store.getPayload(id)
  }

  /** False for one that the store shows already and that is not committed yet. */
  function isAccepted(id: string): boolean {
    const job = get(id)
    return job !== undefined && (lives.get(id) !== undefined || isTerminal(job.state))
  }

  function requireJob(id: string): Job {
    const job = get(id)
    if (!job) throw new GatewayError('job_not_found', { detail: `There is no job ${id}.` })
    return job
  }

  /** The job that a repeated request is answered with: not one that is about to be forgotten. */
  function requireLasting(id: string): Job {
    const job = get(id)
    if (!job) throw new GatewayError('idempotency_conflict', { retryAfterSeconds: 1 })
    if (job.isUnwanted !== true) return job
    throw new GatewayError('idempotency_conflict', {
      detail: `The job ${id} is being deleted. Send the request again when it is gone.`,
      retryAfterSeconds: 1,
    })
  }

  /** Seconds until one of the jobs that wait will probably have been given to an instance. */
  function retryAfterSeconds(): number {
    const seconds = Math.ceil(runner.waitMs / limits.maxQueued / 1000)
    return Math.min(longestRetryAfterSeconds, Math.max(1, seconds))
  }

  function checkCapacity(caller: string | undefined): void {
    if (isDraining) throw new GatewayError('draining', { retryAfterSeconds: 5 })
    const { maxQueuedPerCaller: own = Infinity } = limits
    if (caller !== undefined && runner.queue.countOf(caller) + acceptingOf.of(caller) >= own) {
      throw new GatewayError('too_many_queued', {
        detail: `${String(own)} jobs of yours wait already.`,
        retryAfterSeconds: retryAfterSeconds(),
      })
    }
    if (runner.queue.size + accepting >= limits.maxQueued) {
      throw new GatewayError('queue_full', {
        detail: `${String(limits.maxQueued)} jobs wait already.`,
        retryAfterSeconds: retryAfterSeconds(),
      })
    }
    if (!pool.isUsable) {
      const why = pool.views().map(({ id, reason }) => `${id}: ${reason ?? 'not ready'}`)
      throw new GatewayError('no_healthy_instance', {
        detail: `No ComfyUI instance is reachable (${why.join('; ')}).`,
        retryAfterSeconds: 5,
      })
    }
  }

  function replay(claim: StandingClaim, request: JobRequest): Submission {
    if (request.chosenId !== undefined && request.chosenId.id !== claim.jobId) {
      throw new GatewayError('id_conflict', { detail: `This Idempotency-Key belongs to job ${claim.jobId}.` })
    }
    if (claim.fingerprint !== request.idempotency?.fingerprint) {
      throw new GatewayError('idempotency_key_reuse', {
        detail: `This Idempotency-Key belongs to job ${claim.jobId}, which was made of another body.`,
      })
    }
    return { job: requireLasting(claim.jobId), replayed: true }
  }

  function replayId({ id, fingerprint }: NonNullable<JobRequest['chosenId']>): Submission {
    const job = requireLasting(id)
    // Whose job it is, and what it does, is nobody else's business.
    if (getPayload(id)?.idFingerprint !== fingerprint) {
      throw new GatewayError('id_conflict', { detail: `The id ${id} is taken by a job that was made otherwise.` })
    }
    return { job, replayed: true }
  }

  function refuseLostInputs({ inputFiles }: JobRequest): void {
    if (inputFiles.every((file) => inputs.renew(file))) return
    throw new GatewayError('storage_unavailable', {
      detail: 'An input file was removed before the job was accepted. Send the request again.',
      retryAfterSeconds: 1,
    })
  }

  async function forgetEnded(job: Job): Promise<void> {
    await forgetting.forget(job)
    lives.dropJournal(job.id)
  }

  async function forgetOld(putMs?: number): Promise<void> {
    const completedMs = Date.now() - limits.retentionMs
    try {
      await forgetting.forgetBefore({ completedMs, putMs: putMs ?? completedMs }, () => isClosed)
    } catch (error) {
      onFault('Old jobs could not be cleared away', error)
    }
    if (!isClosed) forgetTimer = setTimeout(() => void forgetOld(), forgetEveryMs)
  }

  return {
    start() {
      const open = store.listOpen().map(({ job, payload }) => new LiveJob(job, payload))
      for (const live of open) lives.add(live)
      runner.start()
      runner.takeUp(open).catch((error: unknown) => onFault('Jobs of an earlier process could not be taken up', error))
      // Requests of this process come later: inputs that no job has by now were left by a crash.
      void forgetOld(Date.now())
    },

    isRepeat: ({ key, id }) =>
      (key !== undefined && store.findClaim(key) !== undefined) || (id !== undefined && isAccepted(id)),

    async submit(request) {
      const standing = request.idempotency && store.findClaim(request.idempotency.key)
      if (standing) return replay(standing, request)
      if (request.convertOutput) await options.images.requireAvailable()
      if (request.chosenId) {
        await forgetting.whenRemoved(request.chosenId.id)
        if (isAccepted(request.chosenId.id)) return replayId(request.chosenId)
      }
      const predicted = options.predictRefusal?.(request)
      const refusal = predicted && (await predicted)
      if (refusal !== undefined) throw refusal
      const caller = limits.maxQueuedPerCaller === undefined ? undefined : request.caller
      checkCapacity(caller)
      refuseLostInputs(request)
      const stored = newJob(request, caller)
      const claim = request.idempotency && {
        ...request.idempotency,
        expiresAtMs: stored.job.times.createdAtMs + idempotencyTtlMs,
      }
      accepting++
      acceptingOf.add(caller)
      try {
        const result = await store.create(stored, claim)
        if (result.kind === 'exists') return replay(result, request)
        if (result.kind === 'id_taken') return replayId(requireChosenId(request))
      } finally {
        accepting--
        acceptingOf.remove(caller)
      }
      const live = new LiveJob(stored.job, stored.payload)
      lives.add(live)
      options.onJobChanged(live.job, undefined)
      runner.enqueue(live)
      lives.feed.tellStatus(live.job)
      return { job: live.job, replayed: false }
    },

    get,
    getPayload,
    progress(id) {
      const live = lives.get(id)
      return live && live.job.state !== 'queued' ? live.progress.current() : undefined
    },
    forecasts: (ids) => runner.forecasts(ids.flatMap((id) => lives.get(id) ?? [])),
    list: (query) => store.list(query).map((job) => lives.get(job.id)?.job ?? job),

    async wait(id, { timeoutMs, signal }) {
      const live = lives.get(id)
      if (!live || timeoutMs <= 0 || isClosed) return requireJob(id)
      await live.whenEnded(timeoutMs, signal)
      return live.job
    },

    tapOutput(id, tap) {
      const live = lives.get(id)
      if (live === undefined || live.tap !== undefined) return () => {}
      live.tap = tap
      return () => {
        if (live.tap === tap) live.tap = undefined
      }
    },

    async cancel(id) {
      const live = lives.get(id)
      if (!live) return requireJob(id)
      if (live.isEnding) await live.whenEnded(limits.stallTimeoutMs)
      else await runner.cancel(live)
      return live.job
    },

    async delete(id, { timeoutMs }) {
      const live = lives.get(id)
      if (!live) {
        if (!isAccepted(id)) throw new GatewayError('job_not_found', { detail: `There is no job ${id}.` })
        await forgetEnded(requireJob(id))
        return undefined
      }
      lives.change(live, { isUnwanted: true })
      if (!live.isEnding) await runner.cancel(live)
      if (lives.get(id) === live) await live.whenEnded(timeoutMs)
      if (lives.get(id) === live) {
        if (live.job.isUnwanted !== true) throw new GatewayError('storage_unavailable')
        if (!live.isEnding) await store.update(live.job)
        return live.job
      }
      if (live.job.isUnwanted === true) await forgetting.whenRemoved(id)
      // Its end was being written down already, as that of any other job.
      else await forgetEnded(live.job)
      return undefined
    },

    hasInputs: ({ inputFiles }) => inputFiles.every((file) => inputs.renew(file)),

    subscribe(id, afterId, listener) {
      const live = lives.get(id)
      if (live) return live.journal.subscribe(live.job, afterId, listener)
      const job = requireJob(id)
      return (lives.recentJournal(id) ?? endedJournal(job)).subscribe(job, afterId, listener)
    },
    subscribeAll: (listener) => lives.feed.subscribe(listener),

    countOpen() {
      const open = { queued: 0, running: 0, canceling: 0 }
      for (const { job } of lives) if (!isTerminal(job.state)) open[job.state]++
      return { ...open, waiting: runner.queue.size, oldestWaitingSinceMs: oldestOf(runner.queue) }
    },
    drain() {
      isDraining = true
    },
    whenIdle: (timeoutMs) => lives.whenIdle(timeoutMs),
    close() {
      isDraining = true
      isClosed = true
      clearTimeout(forgetTimer)
      runner.close()
      lives.close()
    },
  }
}

function requireChosenId({ chosenId }: JobRequest): NonNullable<JobRequest['chosenId']> {
  if (chosenId === undefined) throw new GatewayError('internal_error', { detail: 'An id that was made here is taken.' })
  return chosenId
}

function oldestOf(waiting: Iterable<LiveJob>): number | undefined {
  let oldestMs: number | undefined
  for (const { job } of waiting) oldestMs = Math.min(oldestMs ?? Infinity, job.times.createdAtMs)
  return oldestMs
}

/** The events of a job that ended out of anybody's sight. */
function endedJournal(job: Job): JobJournal {
  const journal = new JobJournal()
  if (isTerminal(job.state)) journal.append({ type: 'end', job })
  return journal
}

import { randomUUID } from 'node:crypto'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { FieldError } from '../errors/gateway-error.ts'
import type { InputStore } from '../inputs/input-store.ts'
import type { Instance } from '../instances/instance.ts'
import type { InstancePool } from '../instances/instance-pool.ts'
import type { ImageConverter } from '../outputs/image-converter.ts'
import type { OutputStore } from '../outputs/output-store.ts'
import { attemptOf, type AttemptTimes } from './attempt-report.ts'
import type { JobAttempt, JobError } from './job.ts'
import { JobQueue } from './job-queue.ts'
import type { JobForecast } from './jobs.ts'
import type { LiveJob } from './live-job.ts'
import type { LiveJobs } from './live-jobs.ts'
import type { FollowHooks, FollowLimits, PromptFollower } from './prompt-follower.ts'
import { type AttemptResult, runAttempt } from './run-attempt.ts'
import { RunTimeEstimates } from './run-time-estimates.ts'

export interface JobRunnerOptions {
  readonly lives: LiveJobs
  readonly inputs: InputStore
  readonly outputs: OutputStore
  readonly images: ImageConverter
  readonly pool: InstancePool
  readonly limits: FollowLimits & {
    /** Submissions of one job to instances, the first included. */
    readonly maxAttempts: number
  }
  /** Adds the caller's parameters to errors that name nodes. */
  readonly nameParameters: (
    workflow: string,
    input: unknown,
    errors: readonly FieldError[],
  ) => Promise<readonly FieldError[]>
  readonly onFault: (message: string, error: unknown) => void
  /** Called when a job's time on an instance is over, before the job goes on or ends. */
  readonly onAttempt?: (attempt: JobAttempt) => void
}

/** How often followers and the queue look at the time. One timer for all jobs. */
const tickMs = 250
/** An instance that refuses connections while its socket stands is left alone for this long. */
const unreachablePauseMs = 500
const firstGuessRunMs = 5000
const takenUpAtOnce = 32
/** Jobs that wait for an instance which is busy or away are passed over, but only so many: each has to be looked at. */
const maxPassedOver = 1000
const queueDeadlineEveryMs = 1000

/** Brings waiting jobs to instances, watches over what runs, and decides what comes after an attempt. */
export class JobRunner {
  readonly queue = new JobQueue()
  readonly #options: JobRunnerOptions
  readonly #followers = new Map<PromptFollower, Instance>()
  readonly #pauses = new Set<NodeJS.Timeout>()
  readonly #estimates = new RunTimeEstimates()
  #tickTimer: NodeJS.Timeout | undefined
  #isClosed = false
  #nextQueueDeadlineAtMs = 0

  constructor(options: JobRunnerOptions) {
    this.#options = options
  }

  /** How long a job occupies an instance, as far as it is known. */
  #expectedMs(live: LiveJob): number {
    return this.#estimates.expectedMs(live.job.workflow, live.size) ?? firstGuessRunMs
  }

  /** How long until a job that was accepted now would begin. */
  get waitMs(): number {
    let waitMs = 0
    for (const live of this.queue) waitMs += this.#expectedMs(live)
    return waitMs / this.#places
  }

  /** What is expected of open jobs, by id. One pass over the queue, up to the last of them that waits. */
  forecasts(lives: readonly LiveJob[]): Map<string, JobForecast> {
    const nowMs = Date.now()
    const forecasts = new Map<string, JobForecast>()
    const wanted = new Set<LiveJob>()
    for (const live of lives) {
      if (this.queue.has(live)) wanted.add(live)
      else forecasts.set(live.job.id, this.#forecast(live, nowMs))
    }
    let queuePosition = 0
    let beforeMs = 0
    for (const waiting of this.queue) {
      if (wanted.size === 0) break
      if (wanted.delete(waiting)) {
        forecasts.set(waiting.job.id, { queuePosition, ...this.#forecast(waiting, nowMs + beforeMs / this.#places) })
      }
      queuePosition++
      beforeMs += this.#expectedMs(waiting)
    }
    return forecasts
  }

  /** @param beginsAtMs when it begins, unless it did already */
  #forecast(live: LiveJob, beginsAtMs: number): JobForecast {
    const ownMs = this.#estimates.expectedMs(live.job.workflow, live.size)
    if (ownMs === undefined) return {}
    const { startedAtMs } = live.job.times
    if (startedAtMs === undefined) return { expectedEndMs: Math.round(beginsAtMs + ownMs) }
    return { expectedEndMs: Math.max(Date.now(), startedAtMs + ownMs) }
  }

  get #places(): number {
    return Math.max(1, this.#options.pool.readyCount)
  }

  start(): void {
    const { pool, onFault } = this.#options
    pool.onAvailable(() => this.#dispatch())
    pool.onReady((instance) => {
      for (const [follower, of] of this.#followers) if (of === instance) follower.hearReconnected()
      this.#dropStrays(instance).catch((error: unknown) =>
        onFault('Prompts that were given up could not be dropped', error),
      )
    })
    this.#tickTimer = setInterval(() => this.#tick(), tickMs)
    this.#dispatch()
  }

  /** What it still has of jobs that ended or went elsewhere is for nobody. A job that waits may yet be given to it again. */
  async #dropStrays(instance: Instance): Promise<void> {
    const waiting = new Set([...this.queue].map(({ job }) => job.promptId))
    for (const promptId of instance.takeStrays()) {
      if (waiting.has(promptId)) {
        instance.noteStray(promptId)
        continue
      }
      try {
        await instance.client.cancel(promptId)
      } catch (error) {
        if (!(error instanceof ComfyuiError)) throw error
        instance.noteStray(promptId)
      }
    }
  }

  enqueue(live: LiveJob): void {
    this.queue.push(live)
    this.#dispatch()
  }

  /**
   * Goes on with the jobs of an earlier process, oldest first. Before any of them is sent, instances are asked for it:
   * the one that it was given to, or, since a crash may have come before that was written down, all.
   */
  async takeUp(lives: readonly LiveJob[]): Promise<void> {
    for (let begin = 0; begin < lives.length; begin += takenUpAtOnce) {
      const some = lives.slice(begin, begin + takenUpAtOnce)
      const holders = await Promise.all(some.map((live) => this.#findHolder(live)))
      if (this.#isClosed) return
      for (const [index, live] of some.entries()) this.#takeUpOne(live, holders[index])
      this.#dispatch()
    }
  }

  async #findHolder({ job }: LiveJob): Promise<Instance | undefined> {
    const { pool } = this.#options
    return job.instance === undefined ? pool.findHolder(job.promptId) : pool.find(job.instance)
  }

  #takeUpOne(live: LiveJob, holder: Instance | undefined): void {
    const { lives } = this.#options
    live.isCancelRequested ||= live.job.state === 'canceling' || live.job.isUnwanted === true
    if (holder) {
      holder.reserve(live.models)
      if (live.job.instance === undefined) lives.change(live, { instance: holder.id, attempt: live.job.attempt + 1 })
      void this.#attempt(live, holder, 'adopt')
    } else if (live.isCancelRequested) {
      void lives.end(live, 'canceled', {})
    } else {
      lives.change(live, { state: 'queued', instance: undefined })
      this.queue.push(live)
    }
  }

  /** Resolves when the job is canceled, or its instance was asked to stop it. */
  async cancel(live: LiveJob): Promise<void> {
    const { lives } = this.#options
    live.isCancelRequested = true
    if (this.queue.delete(live)) {
      await lives.end(live, 'canceled', {})
      return
    }
    if (live.job.state !== 'canceling') lives.change(live, { state: 'canceling' })
    live.stopAttempt?.()
  }

  close(): void {
    this.#isClosed = true
    clearInterval(this.#tickTimer)
    for (const pause of this.#pauses) clearTimeout(pause)
  }

  #dispatch(): void {
    if (this.#isClosed) return
    const { pool, lives } = this.#options
    let passedOver = 0
    for (const live of this.queue) {
      if (!pool.hasRoom || passedOver > maxPassedOver) return
      // It expires with the next look at the time.
      if (isLate(live)) continue
      const instance = pool.take({ prompt: live.payload.prompt, models: live.models, wantsMemory: live.wantsMemory })
      if (!instance) {
        passedOver++
        continue
      }
      this.queue.delete(live)
      lives.change(live, { instance: instance.id, attempt: live.job.attempt + 1 })
      void this.#attempt(live, instance, 'submit')
    }
  }

  async #attempt(live: LiveJob, instance: Instance, mode: 'submit' | 'adopt'): Promise<void> {
    const { lives, inputs, outputs, images, nameParameters, onFault } = this.#options
    const times: AttemptTimes = { beganAtMs: Date.now() }
    let result: AttemptResult
    try {
      result = await runAttempt(live, mode, {
        instance,
        inputs,
        outputs,
        images,
        limits: { ...this.#options.limits, ...live.payload.limits, deadlineAtMs: live.job.deadlineAtMs },
        nameParameters: (errors) => nameParameters(live.job.workflow, live.payload.input, errors),
        track: (follower) => {
          this.#followers.set(follower, instance)
          return { untrack: () => void this.#followers.delete(follower) }
        },
        release: () => instance.release(),
        hooks: this.#hooksOf(live, times),
        onOutput: (output) => {
          if (live.journal.isWatched) live.journal.append({ type: 'output', output })
          lives.feed.tellOutput(live.job, output)
        },
        onPromptId: (promptId) => lives.change(live, { promptId }),
        onSubmitted: () => void (times.submittedAtMs = Date.now()),
      })
    } catch (error) {
      onFault('An attempt to run a job broke', error)
      result = { kind: 'failed', error: { code: 'internal_error', message: 'Something went wrong in the gateway.' } }
    }
    if (this.#isClosed) return
    this.#options.onAttempt?.(attemptOf(live, instance, mode, result, times))
    if (instance.state === 'stuck') this.#abandonAll(instance)
    await this.#conclude(live, instance, result)
  }

  #hooksOf(live: LiveJob, attempt: AttemptTimes): FollowHooks {
    const { lives } = this.#options
    const nodeStartsMs: Record<string, number> = {}
    const emitProgress = () => {
      live.emitProgress()
      lives.feed.noteProgress(live)
    }
    return {
      started: (startedAtMs) => {
        attempt.startedAtMs = startedAtMs
        const times = { ...live.job.times, startedAtMs }
        lives.change(live, { times, nodeStartsMs, ...(live.job.state === 'queued' && { state: 'running' as const }) })
      },
      cached: (nodeIds) => live.progress.noteCached(nodeIds),
      executing: (nodeId) => {
        nodeStartsMs[nodeId] ??= Date.now()
        live.progress.noteExecuting(nodeId)
        emitProgress()
      },
      progressState: (bytes) => {
        live.progress.noteProgressState(bytes)
        emitProgress()
      },
      progress: (nodeId, value, max) => {
        live.progress.noteProgress(nodeId, value, max)
        emitProgress()
      },
      preview: ({ contentType, image, nodeId }) => {
        if (live.payload.previews && live.journal.isWatched) {
          live.journal.append({ type: 'preview', contentType, bytes: image, nodeId })
        }
      },
      warning: (text) => lives.change(live, { warnings: [...live.job.warnings, text] }),
    }
  }

  /** An instance whose worker died does not get to what waits there. */
  #abandonAll(instance: Instance): void {
    for (const [follower, of] of this.#followers) {
      if (of !== instance) continue
      follower.abandon('The worker of its instance died.').catch((error: unknown) => {
        this.#options.onFault('A job could not be taken from an instance whose worker died', error)
      })
    }
  }

  async #conclude(live: LiveJob, instance: Instance, result: AttemptResult): Promise<void> {
    const { lives } = this.#options
    switch (result.kind) {
      case 'succeeded': {
        const times = { ...live.job.times, executedAtMs: result.executedAtMs }
        if (times.startedAtMs !== undefined) {
          this.#estimates.learn(live.job.workflow, live.size, result.executedAtMs - times.startedAtMs)
        }
        return lives.end(live, 'succeeded', { outputs: result.outputs, times })
      }
      case 'failed':
        if (this.#isWorthMoreMemory(live, result.error)) return this.#retryWithMemory(live, instance)
        return lives.end(live, 'failed', { error: result.error })
      case 'expired':
        return lives.end(live, 'expired', { error: result.error })
      case 'canceled':
        return lives.end(live, 'canceled', {})
      case 'lost':
        return this.#retryOrFail(live, result)
      default:
        return result satisfies never
    }
  }

  async #retryOrFail(live: LiveJob, { error, mayHaveRun, isSpent }: AttemptResult & { kind: 'lost' }): Promise<void> {
    const { lives } = this.#options
    if (live.isCancelRequested) return lives.end(live, 'canceled', {})
    if (mayHaveRun && !this.#mayRunAgain(live)) return lives.end(live, 'failed', { error })
    this.#requeue(live, mayHaveRun ? live.job.attempt : live.job.attempt - 1)
    if (isSpent) lives.change(live, { promptId: randomUUID() })
    this.#dispatchIn(mayHaveRun ? 0 : unreachablePauseMs)
  }

  #mayRunAgain(live: LiveJob): boolean {
    return live.payload.retry && live.job.attempt < this.#options.limits.maxAttempts
  }

  #isWorthMoreMemory(live: LiveJob, error: JobError): boolean {
    if (error.code !== 'out_of_memory' || live.wantsMemory || live.isCancelRequested) return false
    return this.#mayRunAgain(live)
  }

  /** Once: what other jobs left in memory may have been in the way, or a larger instance may do. */
  async #retryWithMemory(live: LiveJob, instance: Instance): Promise<void> {
    try {
      await instance.client.free()
    } catch (error) {
      if (!(error instanceof ComfyuiError)) throw error
    }
    if (live.isCancelRequested) return this.#options.lives.end(live, 'canceled', {})
    live.wantsMemory = true
    this.#requeue(live, live.job.attempt)
    // Under the old id ComfyUI would go on telling of the run that failed.
    this.#options.lives.change(live, { promptId: randomUUID() })
    this.#dispatch()
  }

  #requeue(live: LiveJob, attempt: number): void {
    live.resetProgress()
    this.#options.lives.change(live, { state: 'queued', instance: undefined, attempt })
    this.queue.pushBack(live)
  }

  #dispatchIn(pauseMs: number): void {
    const pause = setTimeout(() => {
      this.#pauses.delete(pause)
      this.#dispatch()
    }, pauseMs)
    this.#pauses.add(pause)
  }

  #tick(): void {
    const nowMs = Date.now()
    this.#options.pool.tick(nowMs)
    for (const follower of this.#followers.keys()) follower.tick(nowMs)
    if (nowMs >= this.#nextQueueDeadlineAtMs) this.#expireWaiting(nowMs)
    this.#dispatch()
  }

  #expireWaiting(nowMs: number): void {
    this.#nextQueueDeadlineAtMs = nowMs + queueDeadlineEveryMs
    for (const live of this.queue) {
      const waitedMs = nowMs - live.job.times.createdAtMs
      if (
        !isLate(live, nowMs) &&
        waitedMs <= (live.payload.limits.queueTimeoutMs ?? this.#options.limits.queueTimeoutMs)
      )
        continue
      this.queue.delete(live)
      const waited = `It waited for an instance for ${String(Math.round(waitedMs / 1000))} s`
      const message = `${waited}${isLate(live, nowMs) ? ', up to its deadline' : ''}.`
      void this.#options.lives.end(live, 'expired', { error: { code: 'deadline_exceeded', message } })
    }
  }
}

function isLate({ job }: LiveJob, nowMs = Date.now()): boolean {
  return nowMs >= (job.deadlineAtMs ?? Infinity)
}

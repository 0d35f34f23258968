import { modelsOf } from '../instances/models-of.ts'
import type { Job, JobPayload, JobProgress } from './job.ts'
import { JobJournal } from './job-journal.ts'
import type { OutputTap } from './outputs/output-tap.ts'
import { ProgressTracker } from './progress-tracker.ts'
import { sizeOf } from './run-time-estimates.ts'

/** A job of this process that is not terminal, with everything that hangs on it. */
export class LiveJob {
  readonly payload: JobPayload
  /** See `modelsOf`. */
  readonly models: string
  /** See `sizeOf`. */
  readonly size: number
  readonly journal = new JobJournal()
  job: Job
  progress: ProgressTracker
  isCancelRequested = false
  /** It ran out of memory once: the largest instance is asked for. */
  wantsMemory = false
  /** Stops the attempt that runs now. */
  stopAttempt: (() => void) | undefined
  /** Takes one of its outputs while they are fetched. */
  tap: OutputTap | undefined
  /** The verdict stands and is being written down. */
  isEnding = false

  #lastProgress: JobProgress | undefined
  readonly #waiters = new Set<() => void>()

  constructor(job: Job, payload: JobPayload) {
    this.job = job
    this.payload = payload
    this.models = modelsOf(payload.prompt)
    this.size = sizeOf(payload.prompt)
    this.progress = new ProgressTracker(payload.prompt)
  }

  /** Emits progress to those who watch, where there is any; nothing is computed for nobody. */
  emitProgress(): void {
    if (!this.journal.isWatched) return
    const progress = this.progress.current()
    const last = this.#lastProgress
    if (last?.value === progress.value && last.currentNode === progress.currentNode && last.step === progress.step)
      return
    this.#lastProgress = progress
    this.journal.append({ type: 'progress', progress })
  }

  /** A new attempt begins at nothing. */
  resetProgress(): void {
    this.progress = new ProgressTracker(this.payload.prompt)
    this.#lastProgress = undefined
  }

  /** Resolves when `wake` is called, the signal aborts or the time is over. */
  async whenEnded(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = () => resolve(undefined)
    const timer = setTimeout(wake, timeoutMs)
    this.#waiters.add(wake)
    signal?.addEventListener('abort', wake)
    await promise
    clearTimeout(timer)
    this.#waiters.delete(wake)
    signal?.removeEventListener('abort', wake)
  }

  /** Wakes all who wait for the end. */
  wake(): void {
    for (const wake of this.#waiters) wake()
  }
}

import type { JobStore } from './job-store.ts'
import type { Job, JobState, TerminalJobState } from './job.ts'
import { canBecome } from './job.ts'
import { createRecentMap } from '../lib/recent-map.ts'
import { JobFeed } from './job-feed.ts'
import type { JobJournal } from './job-journal.ts'
import type { LiveJob } from './live-job.ts'

export interface LiveJobsOptions {
  readonly store: JobStore
  /** Called at every change of a job's state. */
  readonly onJobChanged: (job: Job, previous: JobState | undefined) => void
  /** Called when a job ended that nobody wants any more: its record is gone, its files are not. */
  readonly onUnwantedEnded?: (live: LiveJob) => void
  /** Something of ours failed and was dealt with; an operator should know. */
  readonly onFault: (message: string, error: unknown) => void
}

const recentJournals = 256
const rewritePauseMs = 1000

/** The jobs of this process that are not terminal. Every change of a job goes through here, into the store and to those who listen. */
export class LiveJobs {
  readonly #options: LiveJobsOptions
  readonly #jobs = new Map<string, LiveJob>()
  /** Journals of jobs that ended a moment ago and were watched: their readers may come back. */
  readonly #recent = createRecentMap<string, JobJournal>(recentJournals)
  readonly #idleWaiters = new Set<() => void>()
  /** What happens to all of them. */
  readonly feed = new JobFeed()
  #isClosed = false

  constructor(options: LiveJobsOptions) {
    this.#options = options
  }

  get(id: string): LiveJob | undefined {
    return this.#jobs.get(id)
  }

  [Symbol.iterator](): Iterator<LiveJob> {
    return this.#jobs.values()
  }

  recentJournal(id: string): JobJournal | undefined {
    return this.#recent.get(id)
  }

  add(live: LiveJob): void {
    this.#recent.delete(live.job.id)
    this.#jobs.set(live.job.id, live)
  }

  /** Its readers do not come back: the job is forgotten. */
  dropJournal(id: string): void {
    this.#recent.delete(id)
  }

  /**
   * A change on the way. Nobody waits until it is on disk: after a crash the instance is asked. A change of state that
   * the state machine does not have is left out whole, because the job went another way meanwhile, and so is everything
   * once its end is being written down.
   */
  change(live: LiveJob, change: Partial<Job>): void {
    if (this.#isClosed || live.isEnding) return
    const previous = live.job.state
    if (change.state !== undefined && change.state !== previous && !canBecome(previous, change.state)) return
    live.job = { ...live.job, ...change }
    this.#options.store.updateSoon(live.job)
    if (live.job.state === previous) return
    if (live.journal.isWatched) live.journal.append({ type: 'status', job: live.job })
    this.feed.tellStatus(live.job)
    this.#options.onJobChanged(live.job, previous)
  }

  /** Ends a job. Nobody is told before it is on disk, so that nobody ever sees a terminal state change. */
  async end(live: LiveJob, state: TerminalJobState, change: Partial<Job>): Promise<void> {
    if (live.isEnding) return
    live.isEnding = true
    const previous = live.job.state
    const times = { ...live.job.times, ...change.times, completedAtMs: Date.now() }
    const ended: Job = { ...live.job, ...change, state, times }
    if (!(await this.#writeUntilDone(ended))) return
    live.job = ended
    this.#jobs.delete(ended.id)
    live.journal.append({ type: 'end', job: ended })
    this.feed.tellStatus(ended)
    if (live.journal.isWatched && ended.isUnwanted !== true) this.#recent.set(ended.id, live.journal)
    this.#options.onJobChanged(ended, previous)
    if (ended.isUnwanted === true) this.#options.onUnwantedEnded?.(live)
    live.wake()
    if (this.#jobs.size === 0) this.#wakeIdle()
  }

  /** Resolves when no job is open, or when `timeoutMs` has passed. */
  async whenIdle(timeoutMs: number): Promise<void> {
    if (this.#jobs.size === 0 || this.#isClosed) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = () => resolve(undefined)
    const timer = setTimeout(wake, timeoutMs)
    this.#idleWaiters.add(wake)
    await promise
    clearTimeout(timer)
    this.#idleWaiters.delete(wake)
  }

  /** Wakes everybody who waits; the jobs stay as they are. */
  close(): void {
    this.#isClosed = true
    this.feed.close()
    for (const live of this.#jobs.values()) live.wake()
    this.#wakeIdle()
  }

  #wakeIdle(): void {
    for (const wake of this.#idleWaiters) wake()
  }

  /** False when this process stops first. */
  async #writeUntilDone(job: Job): Promise<boolean> {
    while (!this.#isClosed) {
      try {
        if (job.isUnwanted === true) await this.#options.store.delete(job.id)
        else await this.#options.store.update(job)
        return true
      } catch (error) {
        this.#options.onFault('The end of a job could not be written down; trying again', error)
        await new Promise((resolve) => setTimeout(resolve, rewritePauseMs))
      }
    }
    return false
  }
}

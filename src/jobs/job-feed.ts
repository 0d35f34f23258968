import { isTerminal, type Job } from './job.ts'
import type { AnyJobEvent, EventSubscription } from './jobs.ts'
import type { LiveJob } from './live-job.ts'

/** How often the progress of a job is told at most. */
const progressEveryMs = 500

/**
 * What happens to all jobs, for whoever listens now; nothing is kept. While nobody listens telling costs a look at a
 * number, and progress is reckoned only for what is told, however often it changed since.
 */
export class JobFeed {
  readonly #listeners = new Set<(event: AnyJobEvent) => void>()
  /** Jobs whose progress changed since it was told. */
  readonly #advanced = new Set<LiveJob>()
  #progressTimer: NodeJS.Timeout | undefined

  /** Delivers what is told from now on, until the subscription is closed. */
  subscribe(listener: (event: AnyJobEvent) => void): EventSubscription {
    const own = (event: AnyJobEvent) => listener(event)
    this.#listeners.add(own)
    this.#progressTimer ??= setInterval(() => this.#tellProgress(), progressEveryMs).unref()
    return {
      close: () => {
        this.#listeners.delete(own)
        if (this.#listeners.size === 0) this.close()
      },
    }
  }

  tellStatus(job: Job): void {
    if (this.#listeners.size === 0) return
    this.#tell({ type: isTerminal(job.state) ? 'end' : 'status', job })
  }

  tellOutput(job: Job, output: Job['outputs'][number]): void {
    if (this.#listeners.size > 0) this.#tell({ type: 'output', job, output })
  }

  noteProgress(live: LiveJob): void {
    if (this.#listeners.size > 0) this.#advanced.add(live)
  }

  close(): void {
    clearInterval(this.#progressTimer)
    this.#progressTimer = undefined
    this.#listeners.clear()
    this.#advanced.clear()
  }

  #tellProgress(): void {
    for (const live of this.#advanced) {
      const { job } = live
      if (job.state === 'running' || job.state === 'canceling')
        this.#tell({ type: 'progress', job, progress: live.progress.current() })
    }
    this.#advanced.clear()
  }

  #tell(event: AnyJobEvent): void {
    for (const listener of this.#listeners) listener(event)
  }
}

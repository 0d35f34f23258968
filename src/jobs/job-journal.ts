import type { Job } from './job.ts'
import type { EventSubscription, JobEvent } from './jobs.ts'

/** A `JobEvent` before it has its number. */
export type UnnumberedJobEvent = JobEvent extends infer Event
  ? Event extends JobEvent
    ? Omit<Event, 'id'>
    : never
  : never

const keptEvents = 1024

/**
 * The events of one job, in order, for readers who come and go. Events before the first reader are not kept: that one
 * gets the job as it is. Of previews only the last is kept.
 */
export class JobJournal {
  readonly #listeners = new Set<(event: JobEvent) => void>()
  #events: JobEvent[] = []
  #lastId = 0
  /** Events from this one on are kept, but for previews that a later one replaced. */
  #oldestKept = 1
  #isWatched = false
  #end: JobEvent | undefined

  /** Somebody reads, or has read and may come back. While false nothing needs to be appended but the end. */
  get isWatched(): boolean {
    return this.#isWatched
  }

  append(event: UnnumberedJobEvent): void {
    const numbered: JobEvent = { ...event, id: ++this.#lastId }
    if (numbered.type === 'end') this.#end = numbered
    if (!this.#isWatched) return
    if (numbered.type === 'preview') this.#events = this.#events.filter(({ type }) => type !== 'preview')
    this.#events.push(numbered)
    if (this.#events.length > keptEvents) this.#oldestKept = (this.#events.shift()?.id ?? 0) + 1
    for (const listener of this.#listeners) listener(numbered)
  }

  /**
   * Delivers the events after `afterId`, or the job as it is when they are not known, then what comes. The snapshot
   * carries the number of the latest event: it stands for all up to that one.
   */
  subscribe(job: Job, afterId: number | undefined, listener: (event: JobEvent) => void): EventSubscription {
    if (!this.#isWatched) this.#oldestKept = this.#lastId + 1
    this.#isWatched = true
    const missed = afterId === undefined ? undefined : this.#after(afterId)
    if (missed) for (const event of missed) listener(event)
    else listener({ id: this.#lastId, type: 'status', job })
    if (this.#end) {
      if (!missed?.includes(this.#end)) listener(this.#end)
      return { close() {} }
    }
    this.#listeners.add(listener)
    return { close: () => void this.#listeners.delete(listener) }
  }

  /** `undefined` when some of the events after this one are gone, or were never numbered. */
  #after(id: number): JobEvent[] | undefined {
    if (id > this.#lastId || id + 1 < this.#oldestKept) return undefined
    return this.#events.filter((event) => event.id > id)
  }
}

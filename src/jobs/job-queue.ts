import type { LiveJob } from './live-job.ts'

/** Jobs that wait for an instance: first come, first served. */
export class JobQueue {
  readonly #waiting = new Map<string, LiveJob>()
  /** Jobs that had their turn and lost it; they go first. */
  readonly #returned = new Map<string, LiveJob>()

  get size(): number {
    return this.#returned.size + this.#waiting.size
  }

  push(live: LiveJob): void {
    this.#waiting.set(live.job.id, live)
  }

  /** Puts a job back that had been taken out, before all that wait. */
  pushBack(live: LiveJob): void {
    this.#returned.set(live.job.id, live)
  }

  first(): LiveJob | undefined {
    for (const live of this.#returned.values()) return live
    for (const live of this.#waiting.values()) return live
    return undefined
  }

  has(id: string): boolean {
    return this.#returned.has(id) || this.#waiting.has(id)
  }

  delete(id: string): boolean {
    return this.#returned.delete(id) || this.#waiting.delete(id)
  }

  /** How many go before this one; `undefined` when it does not wait. */
  position(id: string): number | undefined {
    let before = 0
    for (const live of this) {
      if (live.job.id === id) return before
      before++
    }
    return undefined
  }

  *[Symbol.iterator](): Iterator<LiveJob> {
    yield* this.#returned.values()
    yield* this.#waiting.values()
  }
}

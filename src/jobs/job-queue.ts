import { Tally } from '../lib/tally.ts'
import type { LiveJob } from './live-job.ts'

/**
 * Jobs that wait for an instance: by priority, and first come, first served within one. Those that had their turn and
 * lost it go before the others of their priority.
 */
export class JobQueue {
  /** Priority → its jobs in order; levels without jobs are not kept. */
  readonly #levels = new Map<number, Level>()
  /** Priorities that have jobs, highest first. */
  #order: number[] = []
  readonly #ofCallers = new Tally()
  #size = 0

  get size(): number {
    return this.#size
  }

  /** How many of the jobs that were told to be this caller's wait. */
  countOf(caller: string): number {
    return this.#ofCallers.of(caller)
  }

  push(live: LiveJob): void {
    this.#level(live.payload.priority).waiting.set(live.job.id, live)
    this.#add(live)
  }

  /** Puts a job back that had been taken out. */
  pushBack(live: LiveJob): void {
    this.#level(live.payload.priority).returned.set(live.job.id, live)
    this.#add(live)
  }

  delete({ job: { id }, payload: { priority, caller } }: LiveJob): boolean {
    const level = this.#levels.get(priority)
    if (!level || !(level.returned.delete(id) || level.waiting.delete(id))) return false
    this.#size--
    this.#ofCallers.remove(caller)
    if (level.returned.size + level.waiting.size === 0) {
      this.#levels.delete(priority)
      this.#order = this.#order.filter((other) => other !== priority)
    }
    return true
  }

  has({ job: { id }, payload: { priority } }: LiveJob): boolean {
    return this.#levels.get(priority)?.has(id) ?? false
  }

  *[Symbol.iterator](): Iterator<LiveJob> {
    for (const priority of this.#order) {
      const level = this.#levels.get(priority)
      if (!level) continue
      yield* level.returned.values()
      yield* level.waiting.values()
    }
  }

  #add({ payload: { caller } }: LiveJob): void {
    this.#size++
    this.#ofCallers.add(caller)
  }

  #level(priority: number): Level {
    const known = this.#levels.get(priority)
    if (known) return known
    const level = new Level()
    this.#levels.set(priority, level)
    this.#order = [...this.#order, priority].sort((left, right) => right - left)
    return level
  }
}

class Level {
  readonly waiting = new Map<string, LiveJob>()
  readonly returned = new Map<string, LiveJob>()

  has(id: string): boolean {
    return this.waiting.has(id) || this.returned.has(id)
  }
}

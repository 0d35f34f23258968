/**
 * Keeps jobs away from an instance that fails, and lets it back with one job:
 *
 *     closed ──(failures)──→ open ──(its time is over)──→ half_open ──(one job went well)──→ closed
 *                             ↑                               │
 *                             └────────(it went wrong)────────┘
 *
 * It opens after five failures in a row, or when half of at least five jobs of the last minute failed, for thirty
 * seconds, and for thirty more each time it opens again without a success between, up to five minutes. Only what is
 * the fault of the instance may be counted. Has no timer: it is asked with the time.
 */
export class CircuitBreaker {
  #state: 'closed' | 'open' | 'half_open' = 'closed'
  #failuresInARow = 0
  #timesOpened = 0
  #reopensAtMs = 0
  #recent: { atMs: number; failed: boolean }[] = []

  state(nowMs: number): 'closed' | 'open' | 'half_open' {
    if (this.#state === 'open' && nowMs >= this.#reopensAtMs) this.#state = 'half_open'
    return this.#state
  }

  noteSuccess(nowMs: number): void {
    this.#failuresInARow = 0
    this.#timesOpened = 0
    this.#state = 'closed'
    this.#note(nowMs, false)
  }

  noteFailure(nowMs: number): void {
    this.#failuresInARow++
    this.#note(nowMs, true)
    const failed = this.#recent.filter((job) => job.failed).length
    const isHalf = this.#recent.length >= fewestJobs && failed * 2 >= this.#recent.length
    if (this.state(nowMs) === 'half_open' || this.#failuresInARow >= failuresToOpen || isHalf) this.#open(nowMs)
  }

  #open(nowMs: number): void {
    this.#timesOpened++
    this.#state = 'open'
    this.#failuresInARow = 0
    this.#recent = []
    this.#reopensAtMs = nowMs + Math.min(longestOpenMs, openMs * this.#timesOpened)
  }

  #note(nowMs: number, failed: boolean): void {
    this.#recent.push({ atMs: nowMs, failed })
    this.#recent = this.#recent.filter(({ atMs }) => nowMs - atMs < windowMs).slice(-maxRecent)
  }
}

const failuresToOpen = 5
const fewestJobs = 5
const windowMs = 60_000
const maxRecent = 200
const openMs = 30_000
const longestOpenMs = 300_000

import { CircuitBreaker } from './circuit-breaker.ts'

/** Something that went wrong on an instance, for operators. */
export interface InstanceFailure {
  readonly atMs: number
  readonly reason: string
}

const keptFailures = 10

/** What an instance did with the jobs it was given, and whether it may be given more. */
export class InstanceHealth {
  readonly #breaker = new CircuitBreaker()
  #failures: InstanceFailure[] = []
  #stuckPromptId: string | undefined

  get recentFailures(): readonly InstanceFailure[] {
    return this.#failures
  }

  /** The prompt that its worker died on; only a restart of ComfyUI helps. */
  get stuckPromptId(): string | undefined {
    return this.#stuckPromptId
  }

  /** Whether jobs are kept away from it, or it is tried with one job. */
  breakerState(nowMs: number): 'closed' | 'open' | 'half_open' {
    return this.#breaker.state(nowMs)
  }

  noteSuccess(nowMs: number): void {
    this.#breaker.noteSuccess(nowMs)
  }

  noteFailure(nowMs: number, reason: string): void {
    this.#breaker.noteFailure(nowMs)
    this.#failures = [...this.#failures, { atMs: nowMs, reason }].slice(-keptFailures)
  }

  noteStuck(nowMs: number, promptId: string): void {
    this.#stuckPromptId = promptId
    this.#failures = [...this.#failures, { atMs: nowMs, reason: 'Its worker died.' }].slice(-keptFailures)
  }

  noteRestarted(): void {
    this.#stuckPromptId = undefined
  }
}

import type { ComfyuiEvent } from '../comfyui/comfyui-event.ts'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { Ending, LookUp } from '../comfyui/look-up.ts'
import type { NodeOutput } from '../comfyui/wire/messages.ts'
import type { Verdict } from './verdict.ts'

/** The part of an instance that a follower needs. */
export interface FollowedInstance {
  readonly connection: number
  readonly isConnected: boolean
  readonly client: {
    lookUp(promptId: string): Promise<LookUp>
    cancel(promptId: string): Promise<void>
  }
}

export interface FollowLimits {
  /** Longest wait on the instance, counted from the submit. */
  readonly queueTimeoutMs: number
  /** Longest run, counted from its start on the instance. */
  readonly runTimeoutMs: number
  /** Longest silence of a running prompt while its socket is open. */
  readonly stallTimeoutMs: number
  /** Nothing may go on after this time, milliseconds since the epoch. */
  readonly deadlineAtMs?: number | undefined
  /** How long an instance may be unreachable before its prompts count as lost. */
  readonly outageTimeoutMs: number
}

/** What the owner of the job wants to hear on the way. */
export interface FollowHooks {
  /** It began to run, on the clock of this host. Called once, also when that was noticed late or only at its end. */
  started(startedAtMs: number): void
  cached(nodeIds: readonly string[]): void
  executing(nodeId: string): void
  progressState(bytes: Buffer): void
  progress(nodeId: string | undefined, value: number, max: number): void
  preview(event: Extract<ComfyuiEvent, { type: 'preview' }>): void
  warning(text: string): void
}

/** Pauses between look-ups once the prompt must be about to end: its history is written a moment after the event. */
const endingPausesMs = [0, 200, 500, 1000, 2000, 5000] as const
const connectedPauseMs = 15_000
const disconnectedPauseMs = 2000
const cancelingPauseMs = 1000
const settleMs = 1500
/** Two look-ups this far apart must both find nothing before a prompt counts as lost. */
const absenceMs = 2000
/** How long ComfyUI has to stop a prompt that ran out of time. */
const stopGraceMs = 10_000
/**
 * A node follows the start of a prompt at once, before anything is loaded: silence this long directly after it means
 * that the worker thread of ComfyUI is gone.
 */
const deadWorkerMs = 10_000

/**
 * Finds out how a submitted prompt ends.
 *
 * The WebSocket reports progress. It decides alone in one case: when it was open, and the same, from before the submit
 * until `execution_success`, for then the `executed` outputs are all there are. In every other case ComfyUI is asked
 * over HTTP: on `executing(null)`, after every gap, when a terminal event was heard but nothing after it, every two
 * seconds while the socket is down and every fifteen while it is up. So no outcome depends on a frame that may be lost.
 *
 * Owned by one attempt, which passes events in and calls `tick` a few times a second; has no timers of its own.
 */
export class PromptFollower {
  readonly verdict: Promise<Verdict>
  readonly #settle: (verdict: Verdict) => void
  readonly #instance: FollowedInstance
  #promptId: string
  readonly #limits: FollowLimits
  readonly #hooks: FollowHooks
  /** Its events go to the socket of another process, so nothing of it is ever heard here. */
  readonly #isAdopted: boolean
  #connectionAtSubmit: number
  readonly #executed: Record<string, NodeOutput> = {}
  #isSettled = false
  /** Look-ups mean nothing before the instance was asked to take the prompt. */
  #isSubmitted = false
  #provisional: Ending | undefined
  #isLookingUp = false
  #nextLookUpAtMs = Number.POSITIVE_INFINITY
  #endingLookUps = 0
  readonly #submittedAtMs = Date.now()
  #startedAtMs: number | undefined
  #lastHeardAtMs = Date.now()
  #absentSinceMs: number | undefined
  #unreachableSinceMs: number | undefined
  #isCanceling = false
  /** Nothing but the start was heard, which was a while ago: the next look-up that finds it running proves it. */
  #isWorkerSuspected = false
  #hasWorked = false
  #startHeardAtMs: number | undefined
  #outOfTime: { reason: string; giveUpAtMs: number } | undefined

  constructor(options: {
    instance: FollowedInstance
    promptId: string
    limits: FollowLimits
    hooks: FollowHooks
    /** The prompt was submitted by an earlier process. */
    isAdopted?: boolean
  }) {
    this.#instance = options.instance
    this.#promptId = options.promptId
    this.#limits = options.limits
    this.#hooks = options.hooks
    this.#isAdopted = options.isAdopted ?? false
    this.#connectionAtSubmit = this.#isAdopted || !options.instance.isConnected ? -1 : options.instance.connection
    const { promise, resolve } = Promise.withResolvers<Verdict>()
    this.verdict = promise
    this.#settle = (verdict) => {
      this.#isSettled = true
      // A promise keeps the first: what comes to light after that changes nothing.
      resolve(verdict)
    }
    if (this.#isAdopted) this.markFound()
  }

  /** The instance took the prompt, or may have done so, even be done with it. An end may have been heard before. */
  markSubmitted(certainty: 'accepted' | 'unknown'): void {
    this.#isSubmitted = true
    if (this.#isCanceling) this.cancel()
    else if (this.#endingLookUps > 0) this.tick(Date.now())
    else if (this.#nextLookUpAtMs !== Number.POSITIVE_INFINITY) return
    else if (certainty === 'unknown') this.#lookUpIn(settleMs)
    // The connection broke since: the end may have come unheard.
    else this.#lookUpIn(this.#isContinuous ? this.#idlePauseMs() : 0)
  }

  /** The instance has the prompt from an earlier submit, and what it said of it since was not heard: it is asked next. */
  markFound(): void {
    this.#connectionAtSubmit = -1
    this.#nextLookUpAtMs = 0
    this.markSubmitted('accepted')
  }

  /** The instance knows the prompt by another id: what was said of it under that one so far was not heard. */
  rename(promptId: string): void {
    this.#promptId = promptId
    this.#connectionAtSubmit = -1
  }

  /** Nothing was missed since the submit. */
  get #isContinuous(): boolean {
    return this.#connectionAtSubmit === this.#instance.connection
  }

  hear(event: ComfyuiEvent): void {
    if (this.#isSettled) return
    this.#lastHeardAtMs = Date.now()
    this.#absentSinceMs = undefined
    if (event.type === 'execution_start') this.#startHeardAtMs = this.#lastHeardAtMs
    else if (event.type !== 'execution_cached') this.#hasWorked = true
    switch (event.type) {
      case 'execution_start':
        this.#noteStarted()
        break
      case 'execution_cached':
        this.#hooks.cached(event.nodes)
        break
      case 'executing':
        if (event.node === null) this.#expectEnd()
        else this.#hooks.executing(event.node)
        break
      case 'progress_state':
        this.#hooks.progressState(event.bytes)
        break
      case 'progress':
        this.#hooks.progress(event.node, event.value, event.max)
        break
      case 'preview':
        this.#hooks.preview(event)
        break
      case 'executed':
        if (event.output) this.#executed[event.node] = event.output
        break
      case 'execution_success':
        this.#hearSuccess()
        break
      case 'execution_error':
        // A node may block its outputs with a message: the prompt goes on and ends well.
        if (event.error.exception_type === 'ExecutionBlocked') this.#hooks.warning(event.error.exception_message ?? '')
        else this.#hearEnding({ outcome: 'error', error: event.error })
        break
      case 'execution_interrupted':
        this.#hearEnding({ outcome: 'interrupted' })
        break
      case 'status':
        break
      default:
        event satisfies never
    }
  }

  /** @param ranMs how long ago that was, where it is known: the clock of the instance may be another one. */
  #noteStarted(ranMs = 0): void {
    if (this.#startedAtMs !== undefined) return
    this.#startedAtMs = Date.now() - ranMs
    this.#hooks.started(this.#startedAtMs)
  }

  #hearSuccess(): void {
    if (this.#isContinuous) {
      this.#noteStarted()
      this.#settle({ kind: 'success', outputs: this.#executed, wasHeard: true })
      return
    }
    this.#hearEnding(undefined)
  }

  /** The history is written after this event: give it the moment that `executing(null)` usually takes. */
  #hearEnding(ending: Ending | undefined): void {
    this.#provisional = ending
    this.#lookUpIn(disconnectedPauseMs)
  }

  #expectEnd(): void {
    this.#endingLookUps = 1
    this.#nextLookUpAtMs = 0
    this.tick(Date.now())
  }

  /** The connection stands anew: whatever happened meanwhile was not heard. */
  hearReconnected(): void {
    if (this.#isSubmitted && !this.#isSettled) this.#nextLookUpAtMs = 0
  }

  /** Gives the prompt up, because its instance does not get to it, and takes it out of the queue there. */
  async abandon(reason: string): Promise<void> {
    if (this.#isSettled || !this.#isSubmitted) return
    try {
      await this.#instance.client.cancel(this.#promptId)
    } catch (error) {
      if (!(error instanceof ComfyuiError)) throw error
    }
    this.#settle({ kind: 'lost', reason, mayHaveRun: this.#startedAtMs !== undefined })
  }

  /** Asks for the end of the prompt, again and again until it is known. */
  cancel(): void {
    this.#isCanceling = true
    if (!this.#isSubmitted || this.#isSettled) return
    this.#nextLookUpAtMs = 0
    this.tick(Date.now())
  }

  /** Gives the follower a chance to act on the time. */
  tick(nowMs: number): void {
    if (this.#isSettled || !this.#isSubmitted) return
    // What is not heard because there is no connection says nothing about the prompt.
    if (!this.#instance.isConnected) this.#lastHeardAtMs = nowMs
    this.#checkLimits(nowMs)
    this.#checkWorker(nowMs)
    if (this.#isLookingUp) return
    if (!this.#instance.isConnected) this.#nextLookUpAtMs = Math.min(this.#nextLookUpAtMs, nowMs + disconnectedPauseMs)
    if (nowMs < this.#nextLookUpAtMs) return
    this.#isLookingUp = true
    void this.#lookUp().finally(() => {
      this.#isLookingUp = false
    })
  }

  #checkLimits(nowMs: number): void {
    if (this.#outOfTime) {
      if (nowMs >= this.#outOfTime.giveUpAtMs)
        this.#settle({ kind: 'timed_out', reason: this.#outOfTime.reason, isStopped: false })
      return
    }
    const { queueTimeoutMs, runTimeoutMs, stallTimeoutMs, deadlineAtMs } = this.#limits
    if (deadlineAtMs !== undefined && nowMs >= deadlineAtMs) {
      this.#stop(`It did not end before its deadline, ${new Date(deadlineAtMs).toISOString()}.`, nowMs)
    } else if (this.#startedAtMs === undefined) {
      if (nowMs - this.#submittedAtMs <= queueTimeoutMs) return
      this.#stop(`It waited on its instance for longer than ${seconds(queueTimeoutMs)}.`, nowMs)
    } else if (nowMs - this.#startedAtMs > runTimeoutMs) {
      this.#stop(`It ran for longer than ${seconds(runTimeoutMs)}.`, nowMs)
    } else if (!this.#isAdopted && nowMs - this.#lastHeardAtMs > stallTimeoutMs) {
      this.#stop(`Nothing was heard of it for ${seconds(stallTimeoutMs)} while it ran.`, nowMs)
    }
  }

  #checkWorker(nowMs: number): void {
    if (this.#isWorkerSuspected || this.#hasWorked || this.#startHeardAtMs === undefined) return
    if (!this.#instance.isConnected || !this.#isContinuous) return
    if (nowMs - this.#startHeardAtMs < deadWorkerMs) return
    this.#isWorkerSuspected = true
    this.#nextLookUpAtMs = 0
  }

  #stop(reason: string, nowMs: number): void {
    this.#outOfTime = { reason, giveUpAtMs: nowMs + stopGraceMs }
    this.cancel()
  }

  async #lookUp(): Promise<void> {
    try {
      if (this.#isCanceling) await this.#instance.client.cancel(this.#promptId)
      this.#judge(await this.#instance.client.lookUp(this.#promptId))
      this.#unreachableSinceMs = undefined
    } catch (error) {
      this.#noteUnreachable(error)
    }
  }

  #judge(found: LookUp): void {
    if (this.#isSettled) return
    switch (found.state) {
      case 'ended':
        this.#settle(this.#verdictOf(found.ending))
        return
      case 'absent':
        this.#judgeAbsence()
        return
      case 'running':
        this.#noteStarted()
        if (this.#isWorkerSuspected && !this.#hasWorked) {
          this.#settle({ kind: 'worker_died' })
          return
        }
        break
      case 'pending':
        break
      default:
        found satisfies never
    }
    this.#absentSinceMs = undefined
    this.#lookUpIn(this.#isCanceling ? cancelingPauseMs : this.#idlePauseMs())
  }

  #verdictOf(ending: Ending): Verdict {
    if (this.#outOfTime && ending.outcome !== 'success')
      return { kind: 'timed_out', reason: this.#outOfTime.reason, isStopped: true }
    switch (ending.outcome) {
      case 'success':
        this.#noteStarted(ending.ranMs)
        return { kind: 'success', outputs: ending.outputs, wasHeard: false }
      case 'error':
        return { kind: 'error', failure: ending.error }
      case 'interrupted':
        return { kind: 'interrupted' }
      default:
        return ending satisfies never
    }
  }

  #judgeAbsence(): void {
    if (this.#isCanceling) {
      this.#settle(
        this.#outOfTime ? { kind: 'timed_out', reason: this.#outOfTime.reason, isStopped: true } : { kind: 'removed' },
      )
      return
    }
    const nowMs = Date.now()
    this.#absentSinceMs ??= nowMs
    if (nowMs - this.#absentSinceMs < absenceMs) {
      this.#lookUpIn(this.#endingLookUps > 0 ? this.#endingPauseMs() : absenceMs)
      return
    }
    // The end was heard and its record is gone, as after somebody cleared the history.
    if (this.#provisional && this.#provisional.outcome !== 'success') this.#settle(this.#verdictOf(this.#provisional))
    else this.#settle({ kind: 'lost', reason: 'The instance does not know the prompt any more.', mayHaveRun: true })
  }

  #noteUnreachable(error: unknown): void {
    if (this.#isSettled) return
    const nowMs = Date.now()
    this.#unreachableSinceMs ??= nowMs
    if (nowMs - this.#unreachableSinceMs >= this.#limits.outageTimeoutMs) {
      const why = error instanceof ComfyuiError ? error.message : String(error)
      const reason = `The instance could not be asked for ${seconds(this.#limits.outageTimeoutMs)}: ${why}`
      this.#settle({ kind: 'lost', reason, mayHaveRun: true })
      return
    }
    this.#lookUpIn(disconnectedPauseMs)
  }

  #idlePauseMs(): number {
    if (this.#endingLookUps > 0) return this.#endingPauseMs()
    return this.#instance.isConnected && !this.#isAdopted ? connectedPauseMs : disconnectedPauseMs
  }

  #endingPauseMs(): number {
    const pause = endingPausesMs[Math.min(this.#endingLookUps, endingPausesMs.length - 1)] ?? disconnectedPauseMs
    this.#endingLookUps++
    return pause
  }

  #lookUpIn(pauseMs: number): void {
    this.#nextLookUpAtMs = Date.now() + pauseMs
  }
}

function seconds(ms: number): string {
  return `${String(Math.round(ms / 1000))} s`
}

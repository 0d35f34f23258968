/**
 * Notices a socket that hears nothing: ComfyUI tells every socket its queue when it takes a prompt, so silence after
 * one is a sign. The socket may be deaf (then a new one helps), or the server publishes nothing to anybody.
 */
export class DeafnessDetector {
  #expectedSinceMs: number | undefined
  #heard = 0
  #heardByTick = 0
  #lastHeardAtMs: number | undefined
  #reconnects = 0
  #isMute = false

  /** New sockets did not help: what happens there has to be asked for. */
  get isMute(): boolean {
    return this.#isMute
  }

  /** How many messages came so far. */
  get heard(): number {
    return this.#heard
  }

  /** When the last one came, within a tick. */
  get lastHeardAtMs(): number | undefined {
    return this.#lastHeardAtMs
  }

  /** To be called a few times a second: the clock is read once for all messages between. */
  noteTick(nowMs: number): void {
    if (this.#heard === this.#heardByTick) return
    this.#heardByTick = this.#heard
    this.#lastHeardAtMs = nowMs
  }

  /** A prompt was accepted: a message is due, unless one came since the submit began, when `heardBefore` were heard. */
  noteSubmitted(nowMs: number, heardBefore: number): void {
    if (this.#heard === heardBefore) this.#expectedSinceMs ??= nowMs
  }

  /** A message came, other than the greeting of a new socket. */
  noteHeard(): void {
    this.#heard++
    this.#expectedSinceMs = undefined
    this.#reconnects = 0
    this.#isMute = false
  }

  noteDown(): void {
    this.#expectedSinceMs = undefined
  }

  /** True when the socket should be replaced now. */
  shouldReconnect(nowMs: number): boolean {
    if (this.#expectedSinceMs === undefined || nowMs - this.#expectedSinceMs < longestSilenceMs) return false
    this.#expectedSinceMs = undefined
    if (this.#isMute) return false
    this.#reconnects++
    this.#isMute = this.#reconnects > reconnectsWorthTrying
    return !this.#isMute
  }
}

const longestSilenceMs = 5000
const reconnectsWorthTrying = 1

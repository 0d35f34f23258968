/** A time in which nothing is sent. */
export interface Stall {
  /** Keeps a message for the end, where there is one. */
  hold(send: () => void): void
  /** Ends it without a word, and gives what it kept. */
  take(): readonly (() => void)[]
}

export interface StallOptions {
  /** Undefined: only `cleared` ends it, and nothing is kept, since it could be any number of messages. */
  ms: number | undefined
  cleared: AbortSignal
  onEnd: () => void
  /** What an earlier stall kept, which this one goes on with. */
  held: readonly (() => void)[]
}

export function createStall({ ms, cleared, onEnd, held }: StallOptions): Stall {
  let kept = ms === undefined ? [] : [...held]
  const timer = ms === undefined ? undefined : setTimeout(onEnd, ms)
  cleared.addEventListener('abort', onEnd, { once: true })

  return {
    hold(send) {
      if (ms !== undefined) kept.push(send)
    },
    take() {
      clearTimeout(timer)
      cleared.removeEventListener('abort', onEnd)
      const taken = kept
      kept = []
      return taken
    },
  }
}

/** A time in which nothing is sent. */
export interface Stall {
  /** Keeps a message for the end, where there is one. */
  hold(send: () => void): void
  /** Sends what was kept. */
  release(): void
  /** Forgets what was kept. */
  discard(): void
}

/** @param ms undefined: only `cleared` ends it, and nothing is kept, since it could be any number */
export function createStall({
  ms,
  cleared,
  onEnd,
}: {
  ms: number | undefined
  cleared: AbortSignal
  onEnd: () => void
}): Stall {
  let held: (() => void)[] = []
  const timer = ms === undefined ? undefined : setTimeout(onEnd, ms)
  cleared.addEventListener('abort', onEnd, { once: true })

  function stop(): void {
    clearTimeout(timer)
    cleared.removeEventListener('abort', onEnd)
  }

  return {
    hold(send) {
      if (ms !== undefined) held.push(send)
    },
    release() {
      stop()
      const messages = held
      held = []
      for (const send of messages) send()
    },
    discard() {
      stop()
      held = []
    },
  }
}

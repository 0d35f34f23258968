export interface FetchSlots {
  /**
   * Waits for one of the slots; the first who came gets the first. Call the result when it is free again.
   * @returns undefined when too many wait already
   * @throws the reason of `signal` when it is aborted meanwhile
   */
  take(signal: AbortSignal): Promise<(() => void) | undefined>
}

export function createFetchSlots({ slots, maxWaiting }: { slots: number; maxWaiting: number }): FetchSlots {
  const waiting = new Set<(value: undefined) => void>()
  let free = slots

  function release(): void {
    const [next] = waiting
    if (next === undefined) {
      free += 1
      return
    }
    waiting.delete(next)
    next(undefined)
  }

  return {
    async take(signal) {
      signal.throwIfAborted()
      if (free > 0) {
        free -= 1
        return onceOnly(release)
      }
      if (waiting.size >= maxWaiting) return undefined
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      const giveUp = () => {
        waiting.delete(resolve)
        reject(signal.reason)
      }
      waiting.add(resolve)
      signal.addEventListener('abort', giveUp, { once: true })
      await promise.finally(() => signal.removeEventListener('abort', giveUp))
      return onceOnly(release)
    },
  }
}

function onceOnly(action: () => void): () => void {
  let isDone = false
  return () => {
    if (!isDone) action()
    isDone = true
  }
}

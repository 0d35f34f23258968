/** Work that several may want at the same time and that is done once for all of them. */
export interface SharedWork<T> {
  /**
   * Waits for the work of this name, and starts it where nobody has. It is given up when all who wait have given up.
   * @throws the reason of `signal` once that is aborted, and what the work throws
   */
  run(name: string, start: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T>
}

interface Running<T> {
  readonly result: Promise<T>
  readonly controller: AbortController
  waiting: number
}

export function createSharedWork<T>(): SharedWork<T> {
  const running = new Map<string, Running<T>>()

  function begin(name: string, start: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController()
    const work = { result: start(controller.signal), controller, waiting: 0 }
    running.set(name, work)
    const forget = () => {
      if (running.get(name) === work) running.delete(name)
    }
    work.result.then(forget, forget)
    return work
  }

  return {
    async run(name, start, signal) {
      signal.throwIfAborted()
      const work = running.get(name) ?? begin(name, start)
      const { promise: givenUp, reject } = Promise.withResolvers<never>()
      const giveUp = () => reject(signal.reason)
      signal.addEventListener('abort', giveUp, { once: true })
      work.waiting += 1
      try {
        return await Promise.race([work.result, givenUp])
      } finally {
        signal.removeEventListener('abort', giveUp)
        work.waiting -= 1
        if (work.waiting === 0 && running.get(name) === work) {
          running.delete(name)
          work.controller.abort()
        }
      }
    },
  }
}

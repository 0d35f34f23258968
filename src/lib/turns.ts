/** Lets so many work at the same time, and the others in the order in which they came. */
export interface Turns {
  /**
   * Does the work when its turn comes.
   * @throws the reason of the signal, when that is aborted before the turn comes: then nothing was done
   */
  take<Result>(work: () => Promise<Result>, signal?: AbortSignal): Promise<Result>
}

export function createTurns(atOnce: number): Turns {
  const waiting = new Set<() => void>()
  let free = atOnce

  const wait = (signal: AbortSignal | undefined) =>
    new Promise<'started' | 'left'>((resolve) => {
      const start = () => {
        signal?.removeEventListener('abort', leave)
        resolve('started')
      }
      const leave = () => {
        waiting.delete(start)
        resolve('left')
      }
      waiting.add(start)
      signal?.addEventListener('abort', leave, { once: true })
    })

  const pass = () => {
    const [next] = waiting
    if (next === undefined) {
      free++
      return
    }
    waiting.delete(next)
    next()
  }

  return {
    async take(work, signal) {
      signal?.throwIfAborted()
      if (free > 0) free--
      else if ((await wait(signal)) === 'left') signal?.throwIfAborted()
      try {
        return await work()
      } finally {
        pass()
      }
    },
  }
}

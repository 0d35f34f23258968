import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Executor } from './executor.ts'
import type { History } from './history.ts'
import { WorkerDeath, type NodeCache } from './node-cache.ts'
import { withoutCredentials, type PromptQueue } from './prompt-queue.ts'

export interface Worker {
  /** Something is in the queue. */
  wake(): void
  /** Drops the cache: at once when nothing runs, else after what runs. */
  freeMemory(): void
  /** Resolves when nothing runs any more. */
  ended(): Promise<void>
}

export interface WorkerOptions {
  queue: PromptQueue
  history: History
  executor: Executor
  cache: NodeCache
  isClosing: () => boolean
}

/** Takes prompts from the queue, one at a time, and keeps what became of them. */
export function createWorker({ queue, history, executor, cache, isClosing }: WorkerOptions): Worker {
  let isDead = false
  let freeRequested = false
  let loop: Promise<void> | undefined

  async function run(): Promise<void> {
    await nextTurn()
    for (let item = queue.take(); item !== undefined && !isClosing(); item = queue.take()) {
      const entry = await executor.execute(item)
      history.add({ ...entry, item: { ...item, extraData: withoutCredentials(item.extraData) } })
      queue.finish()
      executor.release(item)
      if (freeRequested) cache.clear()
      freeRequested = false
      if (queue.pending().length > 0) await nextTurn()
    }
  }

  return {
    wake() {
      if (isDead || isClosing()) return
      loop ??= run()
        .catch((error: unknown) => {
          if (error instanceof WorkerDeath) isDead = true
          else if (!isClosing()) throw error
        })
        .finally(() => {
          loop = undefined
          if (!isClosing() && !isDead && queue.pending().length > 0) this.wake()
        })
    },
    freeMemory() {
      if (loop === undefined) cache.clear()
      else freeRequested = true
    },
    ended: async () => {
      await loop
    },
  }
}

import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ExecutionFaults } from './faults/execution-faults.ts'
import type { Executor } from './executor.ts'
import type { History } from './history.ts'
import { WorkerDeath, type NodeCache } from './node-cache.ts'
import { withoutCredentials, type PromptQueue, type QueueItem } from './prompt-queue.ts'

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
  faults: ExecutionFaults
  /** The server has let go of a prompt. */
  onReleased: (item: QueueItem) => unknown
}

/** Takes prompts from the queue, one at a time, and keeps what became of them. */
export function createWorker(options: WorkerOptions): Worker {
  const { queue, history, executor, cache, isClosing, faults, onReleased } = options
  let isDead = false
  let freeRequested = false
  let loop: Promise<void> | undefined

  async function run(): Promise<void> {
    await nextTurn()
    for (let item = queue.take(); item !== undefined && !isClosing(); item = queue.take()) {
      const entry = await executor.execute(item)
      await faults.beforeHistory()
      history.add({ ...entry, item: { ...item, extraData: withoutCredentials(item.extraData) } })
      forget(item, faults.lostHistory())
      faults.reach('recorded')
      queue.finish()
      executor.release(item)
      onReleased(item)
      faults.reach('released')
      if (freeRequested) cache.clear()
      freeRequested = false
      if (queue.pending().length > 0) await nextTurn()
    }
  }

  function forget({ promptId }: QueueItem, lost: 'none' | 'one' | 'all'): void {
    if (lost === 'one') history.remove(promptId)
    if (lost === 'all') history.clear()
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

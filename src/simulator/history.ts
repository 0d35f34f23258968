import type { QueueItem } from './prompt-queue.ts'

/** What a node showed: `{ images: [...] }` and the like. */
export type NodeUi = Record<string, unknown>

export type ExecutionMessage = readonly [type: string, data: Record<string, unknown>]

export interface HistoryEntry {
  item: QueueItem
  outputs: Record<string, NodeUi>
  meta: Record<string, unknown>
  succeeded: boolean
  messages: ExecutionMessage[]
}

export interface History {
  /** Keeps the entry under the id of its prompt; a repeated id replaces the older entry. */
  add(entry: HistoryEntry): void
  get(promptId: string): HistoryEntry | undefined
  /** Oldest first. */
  entries(): readonly HistoryEntry[]
  remove(promptId: string): void
  clear(): void
}

const maxEntries = 10_000

/** Finished prompts in order of completion; the oldest go when there are too many. */
export function createHistory(): History {
  const entries = new Map<string, HistoryEntry>()
  return {
    add(entry) {
      if (entries.size >= maxEntries) {
        const [oldest] = entries.keys()
        if (oldest !== undefined) entries.delete(oldest)
      }
      entries.set(entry.item.promptId, entry)
    },
    get: (promptId) => entries.get(promptId),
    entries: () => [...entries.values()],
    remove: (promptId) => void entries.delete(promptId),
    clear: () => entries.clear(),
  }
}

/** The entry as `/history` answers it. */
export function historyAnswer(entry: HistoryEntry): Record<string, unknown> {
  const { item, outputs, meta } = entry
  return {
    prompt: [item.number, item.promptId, item.prompt, item.extraData, item.outputs],
    outputs,
    status: statusAnswer(entry),
    meta,
  }
}

export function statusAnswer(entry: HistoryEntry): Record<string, unknown> {
  return {
    status_str: entry.succeeded ? 'success' : 'error',
    completed: entry.succeeded,
    messages: entry.messages,
  }
}

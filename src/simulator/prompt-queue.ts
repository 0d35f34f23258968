import { pythonJson } from '../comfyui/wire/python-json.ts'
import type { SubmittedPrompt } from '../comfyui/wire/submitted-prompt.ts'

export interface QueueItem {
  /** Lower runs first. */
  number: number
  promptId: string
  prompt: SubmittedPrompt
  extraData: Record<string, unknown>
  outputs: string[]
  /** The worker stumbles over it outside of any node, and never runs anything again. */
  killsWorker?: true
}

/** Credentials in `extra_data`: the history never shows them, newer servers' queues do not either. */
export function withoutCredentials(extraData: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { auth_token_comfy_org: _token, api_key_comfy_org: _key, ...rest } = extraData
  return rest
}

export interface PromptQueue {
  /** Adds an item and tells so. @throws Error when it cannot be ordered; it is in the queue all the same */
  put(item: QueueItem): void
  /** Moves the first item from pending to running. */
  take(): QueueItem | undefined
  /** Ends the running item. */
  finish(): void
  /** Removes the first pending item that matches and tells so. */
  remove(matches: (item: QueueItem) => boolean): boolean
  /** Removes all pending items and tells so once. */
  clear(): void
  running(): QueueItem | undefined
  /** In the order of the heap, which is not the order in which they run. */
  pending(): readonly QueueItem[]
  /** Running and pending. */
  size(): number
}

/** The queue of one server: one running item, the others in a binary heap by number, then id. */
export function createPromptQueue(onChange: () => void): PromptQueue {
  let heap: QueueItem[] = []
  let running: QueueItem | undefined

  return {
    put(item) {
      try {
        heap.push(item)
        moveUp(heap, heap.length - 1)
      } finally {
        onChange()
      }
    },
    take() {
      running = popFirst(heap)
      if (running !== undefined) onChange()
      return running
    },
    finish() {
      running = undefined
      onChange()
    },
    remove(matches) {
      const position = heap.findIndex(matches)
      if (position === -1) return false
      const [removed] = heap.splice(position, 1)
      if (removed !== undefined && heap.length === 0) onChange()
      for (let index = (heap.length >> 1) - 1; index >= 0; index -= 1) moveDown(heap, index)
      onChange()
      return true
    },
    clear() {
      heap = []
      onChange()
    },
    running: () => running,
    pending: () => heap,
    size: () => heap.length + (running === undefined ? 0 : 1),
  }
}

/** Whether `a` runs before `b`. @throws Error when only the contents could decide, which have no order */
function isBefore(a: QueueItem, b: QueueItem): boolean {
  if (a.number !== b.number) return a.number < b.number
  if (a.promptId !== b.promptId) return a.promptId < b.promptId
  if (pythonJson([a.prompt, a.extraData]) === pythonJson([b.prompt, b.extraData])) return false
  throw new Error("'<' not supported between instances of 'dict' and 'dict'")
}

function popFirst(heap: QueueItem[]): QueueItem | undefined {
  const last = heap.pop()
  const first = heap[0]
  if (last === undefined || first === undefined) return last
  heap[0] = last
  moveDown(heap, 0)
  return first
}

function moveUp(heap: QueueItem[], start: number, top = 0): void {
  const item = heap[start]
  if (item === undefined) return
  let position = start
  while (position > top) {
    const parentPosition = (position - 1) >> 1
    const parent = heap[parentPosition]
    if (parent === undefined || !isBefore(item, parent)) break
    heap[position] = parent
    heap[parentPosition] = item
    position = parentPosition
  }
}

/** To the bottom along the smaller children, then up again: the array ends in the same order as Python's `heapq`. */
function moveDown(heap: QueueItem[], start: number): void {
  const item = heap[start]
  if (item === undefined) return
  let position = start
  for (;;) {
    let childPosition = 2 * position + 1
    let child = heap[childPosition]
    const right = heap[childPosition + 1]
    if (child === undefined) break
    if (right !== undefined && !isBefore(child, right)) {
      childPosition += 1
      child = right
    }
    heap[position] = child
    position = childPosition
  }
  heap[position] = item
  moveUp(heap, position, start)
}

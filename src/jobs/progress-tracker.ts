import { parseProgressState } from '../comfyui/decode-frame.ts'
import type { Prompt, PromptNode } from '../comfyui/wire/prompt.ts'
import type { JobProgress } from './job.ts'

/**
 * Computes the progress of a whole job from what ComfyUI tells of its nodes.
 *
 * A sampler counts as many shares as it has steps, every other node one, because that is roughly how the time is spent.
 * `progress_state` frames are kept as they came and only parsed when somebody asks.
 */
export class ProgressTracker {
  readonly #prompt: Prompt
  readonly #done = new Set<string>()
  readonly #total: number
  #unreadState: Buffer | undefined
  /** The server reports which nodes are done; of others, a node is done when the next one begins. */
  #hasStates = false
  /** The current node began after the unread state was sent. */
  #isStateOlder = false
  #current: string | undefined
  #currentValue = 0
  #currentMax = 0
  #highest = 0

  constructor(prompt: Prompt) {
    this.#prompt = prompt
    this.#total = Object.values(prompt).reduce((sum, node) => sum + shares(node), 0)
  }

  noteCached(nodeIds: readonly string[]): void {
    for (const id of nodeIds) this.#noteDone(id)
  }

  noteExecuting(nodeId: string): void {
    if (nodeId === this.#current) return
    if (!this.#hasStates && this.#current !== undefined) this.#noteDone(this.#current)
    this.#isStateOlder = true
    this.#current = nodeId
    this.#currentValue = 0
    this.#currentMax = 0
  }

  noteProgressState(bytes: Buffer): void {
    this.#unreadState = bytes
    this.#hasStates = true
    this.#isStateOlder = false
  }

  noteProgress(nodeId: string | undefined, value: number, max: number): void {
    if (nodeId !== undefined) this.noteExecuting(nodeId)
    this.#currentValue = value
    this.#currentMax = max
  }

  current(): JobProgress {
    this.#readState()
    const node = this.#current === undefined ? undefined : this.#nodeOf(this.#current)
    const isStepped = this.#currentMax > 1
    const within =
      node && !this.#done.has(this.#current ?? '') && this.#currentMax > 0 ? this.#currentValue / this.#currentMax : 0
    let reached = node ? shares(node) * Math.min(1, Math.max(0, within)) : 0
    for (const id of this.#done) {
      const done = this.#nodeOf(id)
      if (done) reached += shares(done)
    }
    this.#highest = Math.max(this.#highest, this.#total === 0 ? 0 : Math.min(1, reached / this.#total))
    return {
      value: Math.round(this.#highest * 10_000) / 10_000,
      nodesDone: this.#done.size,
      nodesTotal: Object.keys(this.#prompt).length,
      currentNode: this.#current,
      currentNodeClass: node?.class_type,
      step: isStepped ? this.#currentValue : undefined,
      steps: isStepped ? this.#currentMax : undefined,
    }
  }

  #readState(): void {
    if (!this.#unreadState) return
    const nodes = parseProgressState(this.#unreadState)
    this.#unreadState = undefined
    for (const { nodeId, value, max, state } of nodes) {
      if (state === 'finished') this.#noteDone(nodeId)
      else if (state === 'running' && !this.#isStateOlder) {
        this.#current = nodeId
        this.#currentValue = value
        this.#currentMax = max
      }
    }
  }

  /** Nodes that ComfyUI expanded into being are not in the prompt and do not count. */
  #noteDone(nodeId: string): void {
    if (this.#nodeOf(nodeId)) this.#done.add(nodeId)
  }

  #nodeOf(nodeId: string): PromptNode | undefined {
    return Object.hasOwn(this.#prompt, nodeId) ? this.#prompt[nodeId] : undefined
  }
}

function shares(node: PromptNode): number {
  const steps = node.inputs['steps']
  return typeof steps === 'number' && Number.isFinite(steps) && steps > 1 ? steps : 1
}

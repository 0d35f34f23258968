import { isPromptLink } from '../comfyui/wire/prompt.ts'
import { WorkerDeath } from './node-cache.ts'
import type { NodeCatalogue } from './node-catalogue.ts'
import type { SubmittedPrompt } from '../comfyui/wire/submitted-prompt.ts'

export interface ExecutionOrder {
  /** The node to run next, undefined when none is left. In a cycle all nodes that are left wait for each other. */
  next(): { nodeId: string; isInCycle: boolean } | undefined
  /** The node has run: what waited for it may run. */
  complete(nodeId: string): void
}

export interface ExecutionOrderOptions {
  prompt: SubmittedPrompt
  outputs: readonly string[]
  catalogue: Pick<NodeCatalogue, 'definition'>
  isCached: (nodeId: string) => boolean
}

/**
 * The nodes that the outputs need and the cache lacks, in the order in which ComfyUI runs them: of those that are ready
 * an output node first, then one whose result goes to an output node, then one step further away, then the eldest.
 * @throws WorkerDeath when a link leads to no node
 */
export function planExecution({ prompt, outputs, catalogue, isCached }: ExecutionOrderOptions): ExecutionOrder {
  /** Node → how many nodes it waits for; in the order in which they were found. */
  const waiting = new Map<string, number>()
  /** Node → the nodes that wait for it. */
  const blocked = new Map<string, string[]>()

  for (const output of outputs) add(output)

  function add(first: string): void {
    const found = [first]
    const links: [source: string, target: string][] = []
    for (let nodeId = found.pop(); nodeId !== undefined; nodeId = found.pop()) {
      if (waiting.has(nodeId)) continue
      waiting.set(nodeId, 0)
      blocked.set(nodeId, [])
      for (const source of sourcesOf(nodeId)) {
        if (isCached(source)) continue
        found.push(source)
        links.push([source, nodeId])
      }
    }
    for (const [source, target] of links) {
      const targets = blocked.get(source)
      if (targets === undefined || targets.includes(target)) continue
      targets.push(target)
      waiting.set(target, (waiting.get(target) ?? 0) + 1)
    }
  }

  function sourcesOf(nodeId: string): string[] {
    const node = prompt[nodeId]
    if (node === undefined) throw new WorkerDeath(`Node ${nodeId} not found`)
    return Object.values(node.inputs)
      .filter(isPromptLink)
      .map(([source]) => source)
  }

  const isOutput = (nodeId: string): boolean =>
    catalogue.definition(prompt[nodeId]?.class_type ?? '')?.output_node === true
  const after = (nodeId: string): readonly string[] => blocked.get(nodeId) ?? []

  return {
    next() {
      if (waiting.size === 0) return undefined
      const ready = [...waiting].filter(([, count]) => count === 0).map(([nodeId]) => nodeId)
      const chosen =
        ready.find(isOutput) ??
        ready.find((nodeId) => after(nodeId).some(isOutput)) ??
        ready.find((nodeId) => after(nodeId).some((next) => after(next).some(isOutput))) ??
        ready[0]
      if (chosen !== undefined) return { nodeId: chosen, isInCycle: false }
      const [stuck = ''] = waiting.keys()
      return { nodeId: stuck, isInCycle: true }
    },
    complete(nodeId) {
      waiting.delete(nodeId)
      for (const target of after(nodeId)) waiting.set(target, (waiting.get(target) ?? 1) - 1)
    },
  }
}

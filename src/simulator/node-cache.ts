import { hash } from 'node:crypto'
import { isPromptLink } from '../comfyui/wire/prompt.ts'
import type { NodeCatalogue } from './node-catalogue.ts'
import type { NodeResult } from './nodes/node-run.ts'
import type { SubmittedPrompt } from '../comfyui/wire/submitted-prompt.ts'
import { pythonJson } from '../comfyui/wire/python-json.ts'

/** The worker itself fails outside of any node, as ComfyUI's does: it never runs anything again. */
export class WorkerDeath extends Error {}

export interface NodeCache {
  /** Begins a prompt: results that it does not have a node for are forgotten. @throws WorkerDeath */
  begin(prompt: SubmittedPrompt): void
  get(nodeId: string): NodeResult | undefined
  set(nodeId: string, result: NodeResult): void
  /** Ids in the prompt at hand whose results are there. */
  nodeIds(): string[]
  clear(): void
}

export interface NodeCacheOptions {
  catalogue: Pick<NodeCatalogue, 'definition'>
  /** What changes the result of a class although its inputs stay: the contents of the file that it loads. */
  contentOf: (classType: string, inputs: Readonly<Record<string, unknown>>) => string
}

/**
 * Results of the prompt before, by signature: class, inputs and ancestors of a node. Ids of nodes do not matter, except
 * for classes that ask for theirs.
 */
export function createNodeCache({ catalogue, contentOf }: NodeCacheOptions): NodeCache {
  let results = new Map<string, NodeResult>()
  let signatures = new Map<string, string>()

  return {
    begin(prompt) {
      signatures = new Map()
      for (const nodeId of Object.keys(prompt)) signature(prompt, nodeId, signatures, catalogue, contentOf, 0)
      const wanted = new Set(signatures.values())
      results = new Map([...results].filter(([key]) => wanted.has(key)))
    },
    get(nodeId) {
      const key = signatures.get(nodeId)
      return key === undefined ? undefined : results.get(key)
    },
    set(nodeId, result) {
      const key = signatures.get(nodeId)
      if (key !== undefined) results.set(key, result)
    },
    nodeIds: () => [...signatures].filter(([, key]) => results.has(key)).map(([nodeId]) => nodeId),
    clear() {
      results = new Map()
    },
  }
}

/** Chains that are longer end Python's recursion. */
const maxDepth = 980

function signature(
  prompt: SubmittedPrompt,
  nodeId: string,
  known: Map<string, string>,
  catalogue: Pick<NodeCatalogue, 'definition'>,
  contentOf: NodeCacheOptions['contentOf'],
  depth: number,
): string {
  const found = known.get(nodeId)
  if (found !== undefined) return found
  const node = prompt[nodeId]
  if (node === undefined) throw new WorkerDeath(`Node ${nodeId} not found`)
  if ((node.inputs as unknown) === undefined) throw new WorkerDeath("KeyError: 'inputs'")
  if (depth > maxDepth) throw new WorkerDeath('maximum recursion depth exceeded')
  known.set(nodeId, `cycle at ${nodeId}`)
  const takesId = Object.values(catalogue.definition(node.class_type)?.input.hidden ?? {}).some(isUniqueId)
  let text = `${node.class_type}\n${takesId ? nodeId : ''}\n${contentOf(node.class_type, node.inputs)}`
  for (const name of Object.keys(node.inputs).sort()) {
    const value = node.inputs[name]
    text += isPromptLink(value)
      ? `\n${name}<${value[1]}<${signature(prompt, value[0], known, catalogue, contentOf, depth + 1)}`
      : `\n${name}=${pythonJson(value)}`
  }
  const key = hash('sha1', text)
  known.set(nodeId, key)
  return key
}

function isUniqueId(hidden: unknown): boolean {
  return hidden === 'UNIQUE_ID' || (Array.isArray(hidden) && hidden[0] === 'UNIQUE_ID')
}

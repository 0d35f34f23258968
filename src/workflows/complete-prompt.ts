import type { Prompt, PromptInput, PromptNode } from '../comfyui/wire/prompt.ts'
import { isPromptLink } from '../comfyui/wire/prompt.ts'

/** What is wrong with a graph that a module returned. The message is for its author. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
}

/** Deeper values are never meant, and would exhaust the stack of whoever reads them. */
const maxDepth = 64

/**
 * A prompt with everything that ComfyUI needs, made of what `generateWorkflow` returned: `inputs` and `_meta` on every
 * node, no `undefined`, lists that are no link wrapped as `{ __value__: […] }`, and `filenamePrefix` in place of every
 * `filename_prefix`. Shares nothing with `graph`.
 * @throws GraphError
 */
export function completePrompt(graph: unknown, filenamePrefix: string): Prompt {
  if (!isPlainObject(graph)) throw new GraphError(`the graph is ${kindOf(graph)}, not an object of nodes`)
  if (Array.isArray(graph['nodes']) && Array.isArray(graph['links'])) {
    throw new GraphError('the graph is in the format of the editor: export it in API format')
  }
  const nodes = Object.entries(graph).filter(([, node]) => node !== undefined)
  if (nodes.length === 0) throw new GraphError('the graph has no nodes')
  return Object.fromEntries(nodes.map(([id, node]) => [id, completeNode(id, node, graph, filenamePrefix)]))
}

function completeNode(id: string, node: unknown, graph: object, filenamePrefix: string): PromptNode {
  if (!isPlainObject(node)) throw new GraphError(`node ${id} is ${kindOf(node)}, not an object`)
  const { class_type: classType, inputs, _meta: meta } = node
  if (typeof classType !== 'string' || classType === '') throw new GraphError(`node ${id} has no class_type`)
  if (!isPlainObject(inputs)) throw new GraphError(`node ${id} (${classType}) has no inputs: write inputs: {}`)
  if (meta !== undefined && !isPlainObject(meta)) throw new GraphError(`node ${id} (${classType}): _meta is no object`)
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined)
  const complete = given.map(([name, value]) => {
    const place = `node ${id} (${classType}), input ${name}`
    return [name, name === 'filename_prefix' ? filenamePrefix : completeInput(value, place, graph)] as const
  })
  const title = meta?.['title']
  return {
    class_type: classType,
    inputs: Object.fromEntries(complete),
    _meta: { title: typeof title === 'string' ? title : classType },
  }
}

function completeInput(value: unknown, place: string, graph: object): PromptInput {
  if (!Array.isArray(value)) return copy(value, place, 0)
  if (isPromptLink(value)) return [value[0], value[1]]
  const list: readonly unknown[] = value
  const [id, slot] = list
  const looksLikeLink = list.length === 2 && Number.isInteger(id) && Number.isInteger(slot)
  if (looksLikeLink && Object.hasOwn(graph, String(id))) {
    throw new GraphError(
      `${place}: a link is ["${String(id)}", ${String(slot)}], with the id as a text; for a list of numbers write { __value__: [${String(id)}, ${String(slot)}] }`,
    )
  }
  return { __value__: copy(value, place, 0) }
}

function copy(value: unknown, place: string, depth: number): PromptInput {
  if (depth > maxDepth) throw new GraphError(`${place} is nested more than ${maxDepth} levels deep`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw new GraphError(`${place} is ${value}, which JSON cannot say`)
  }
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item ?? null, place, depth + 1))
  if (!isPlainObject(value)) throw new GraphError(`${place} is ${kindOf(value)}, which JSON cannot say`)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, place, depth + 1)]))
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return `a ${value.constructor.name}`
  return `a ${typeof value}`
}

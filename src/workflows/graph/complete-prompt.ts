import type { Prompt, PromptInput, PromptNode } from '../../comfyui/wire/prompt.ts'
import { isPromptLink } from '../../comfyui/wire/prompt.ts'
import { isPlainObject } from '../../lib/json-record.ts'

/** Where in a graph something is wrong, and what. */
export interface GraphFlaw {
  /** Machine-readable, such as `missing_inputs`. */
  readonly code: string
  /** Member names from the graph down: the id of a node, then `inputs` and the name of one. Empty: the graph itself. */
  readonly path: readonly string[]
  readonly classType?: string
}

/** What is wrong with a graph that somebody wrote. The message is for its author. */
export class GraphError extends Error {
  override readonly name = 'GraphError'
  readonly flaw: GraphFlaw

  constructor(message: string, flaw: GraphFlaw) {
    super(message)
    this.flaw = flaw
  }
}

/**
 * What becomes of lists that are no link. `wrap`: they are values, as code that makes a graph writes them. `refuse`: they
 * are mistakes, because in the API format every list is a link.
 */
export type OtherLists = 'wrap' | 'refuse'

/** Deeper values are never meant, and would exhaust the stack of whoever reads them. */
const maxDepth = 64

/**
 * A prompt with everything that ComfyUI needs, made of what somebody says is a graph: `inputs` and `_meta` on every
 * node, no `undefined`, lists that are no link wrapped as `{ __value__: […] }`, and `filenamePrefix` in place of every
 * `filename_prefix`. Shares nothing with `graph`.
 * @throws GraphError
 */
export function completePrompt(graph: unknown, filenamePrefix: string, lists: OtherLists = 'wrap'): Prompt {
  if (!isPlainObject(graph)) {
    throw new GraphError(`the graph is ${kindOf(graph)}, not an object of nodes`, { code: 'invalid_graph', path: [] })
  }
  if (Array.isArray(graph['nodes']) && Array.isArray(graph['links'])) {
    throw new GraphError('the graph is in the format of the editor: export it in API format', {
      code: 'editor_format',
      path: [],
    })
  }
  const nodes = Object.entries(graph).filter(([, node]) => node !== undefined)
  if (nodes.length === 0) throw new GraphError('the graph has no nodes', { code: 'no_nodes', path: [] })
  return Object.fromEntries(nodes.map(([id, node]) => [id, completeNode(id, node, { graph, filenamePrefix, lists })]))
}

interface Context {
  readonly graph: object
  readonly filenamePrefix: string
  readonly lists: OtherLists
}

function completeNode(id: string, node: unknown, context: Context): PromptNode {
  if (!isPlainObject(node)) {
    throw new GraphError(`node ${id} is ${kindOf(node)}, not an object`, { code: 'invalid_node', path: [id] })
  }
  const { class_type: classType, inputs, _meta: meta } = node
  if (typeof classType !== 'string' || classType === '') {
    throw new GraphError(`node ${id} has no class_type`, { code: 'missing_class_type', path: [id, 'class_type'] })
  }
  if (!isPlainObject(inputs)) {
    const message = `node ${id} (${classType}) has no inputs: write inputs: {}`
    throw new GraphError(message, { code: 'missing_inputs', path: [id, 'inputs'], classType })
  }
  if (meta !== undefined && !isPlainObject(meta)) {
    const message = `node ${id} (${classType}): _meta is no object`
    throw new GraphError(message, { code: 'invalid_meta', path: [id, '_meta'], classType })
  }
  const given = Object.entries(inputs).filter(([, value]) => value !== undefined)
  const complete = given.map(([name, value]) => {
    if (name === 'filename_prefix') return [name, context.filenamePrefix] as const
    const place: InputPlace = { id, classType, input: name }
    return [name, completeInput(value, place, context)] as const
  })
  const title = meta?.['title']
  return {
    class_type: classType,
    inputs: Object.fromEntries(complete),
    _meta: { title: typeof title === 'string' ? title : classType },
  }
}

interface InputPlace {
  readonly id: string
  readonly classType: string
  readonly input: string
}

function completeInput(value: unknown, place: InputPlace, { graph, lists }: Context): PromptInput {
  if (!Array.isArray(value)) return copy(value, place, 0)
  if (isPromptLink(value)) return [value[0], value[1]]
  const list: readonly unknown[] = value
  const [id, slot] = list
  const looksLikeLink = list.length === 2 && Number.isInteger(id) && Number.isInteger(slot)
  if (looksLikeLink && Object.hasOwn(graph, String(id))) {
    throw inputError(
      place,
      'invalid_link',
      `: a link is ["${String(id)}", ${String(slot)}], with the id as a text; for a list of numbers write { __value__: [${String(id)}, ${String(slot)}] }`,
    )
  }
  if (lists === 'refuse') {
    throw inputError(
      place,
      'invalid_link',
      ' is a list but no link: a link is ["id of a node", number of its output]; a list as a value stands in {"__value__": […]}',
    )
  }
  return { __value__: copy(value, place, 0) }
}

function copy(value: unknown, place: InputPlace, depth: number): PromptInput {
  if (depth > maxDepth) throw inputError(place, 'too_deep', ` is nested more than ${maxDepth} levels deep`)
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw inputError(place, 'invalid_value', ` is ${value}, which JSON cannot say`)
  }
  if (Array.isArray(value)) return value.map((item: unknown) => copy(item ?? null, place, depth + 1))
  if (!isPlainObject(value)) throw inputError(place, 'invalid_value', ` is ${kindOf(value)}, which JSON cannot say`)
  const entries = Object.entries(value).filter(([, item]) => item !== undefined)
  return Object.fromEntries(entries.map(([key, item]) => [key, copy(item, place, depth + 1)]))
}

function inputError({ id, classType, input }: InputPlace, code: string, what: string): GraphError {
  const path = [id, 'inputs', input]
  return new GraphError(`node ${id} (${classType}), input ${input}${what}`, { code, path, classType })
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return `a ${value.constructor.name}`
  return `a ${typeof value}`
}

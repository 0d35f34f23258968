import { isRecord, type NodeDefinition } from '../comfyui/wire/object-info.ts'
import { isPromptLink, type Prompt, type PromptInput, type PromptLink } from '../comfyui/wire/prompt.ts'
import { GatewayError, type FieldError } from '../errors/gateway-error.ts'

/** What is known of a node class; undefined for classes of custom nodes that were never seen. */
export type NodeLookup = (classType: string) => NodeDefinition | undefined

/** ComfyUI's worker dies of chains of about 980 nodes. */
const maxChainLength = 900
const maxNodes = 5000

/**
 * Refuses graphs that ComfyUI accepts and that then end its worker for ever: links to nodes or slots that do not exist,
 * under whatever input name and inside `__value__` too, and very long chains. Also cycles and graphs of unusual size.
 * @throws GatewayError `unsafe_prompt`, and `invalid_workflow` for a cycle
 */
export function checkGraph(prompt: Prompt, nodes: NodeLookup): void {
  const ids = Object.keys(prompt)
  if (ids.length > maxNodes) refuse(`the graph has ${ids.length} nodes; at most ${maxNodes} are allowed`)
  const sources = new Map<string, string[]>()
  for (const [id, node] of Object.entries(prompt)) {
    const from: string[] = []
    for (const [input, value] of Object.entries(node.inputs)) {
      const link = linkIn(value)
      if (link === undefined) continue
      checkLink(link, prompt, nodes, { id, classType: node.class_type, input })
      from.push(link[0])
    }
    sources.set(id, from)
  }
  const lengths = new Map<string, number>()
  for (const id of ids) {
    const length = chainLength(id, sources, lengths)
    if (length >= maxChainLength) {
      refuse(`node ${id} ends a chain of ${length} nodes; ComfyUI survives fewer than ${maxChainLength}`)
    }
  }
}

/** The link that ComfyUI takes an input for: an array of a text and a number, also inside of `__value__`. */
export function linkIn(value: PromptInput): PromptLink | undefined {
  let inner: unknown = value
  while (isRecord(inner) && Object.hasOwn(inner, '__value__')) inner = inner['__value__']
  return isPromptLink(inner) ? inner : undefined
}

function checkLink(
  [source, slot]: PromptLink,
  prompt: Prompt,
  nodes: NodeLookup,
  node: NonNullable<FieldError['node']>,
): void {
  const place = `node ${node.id} (${node.classType}), input ${node.input ?? ''}`
  const from = Object.hasOwn(prompt, source) ? prompt[source] : undefined
  if (from === undefined) {
    refuse(`${place} links to node ${JSON.stringify(source)}, which is not in the graph`, node)
    return
  }
  if (!Number.isInteger(slot) || slot < 0) refuse(`${place} links to slot ${slot}; slots count from 0`, node)
  const outputs = nodes(from.class_type)?.output
  if (outputs !== undefined && slot >= outputs.length) {
    const count = outputs.length === 1 ? 'one output' : `${outputs.length} outputs`
    refuse(`${place} links to slot ${slot} of node ${source}, but ${from.class_type} has ${count}`, node)
  }
}

/** Without recursion: the chains looked for are longer than a stack likes. */
function chainLength(
  start: string,
  sources: ReadonlyMap<string, readonly string[]>,
  lengths: Map<string, number>,
): number {
  const open = new Set<string>()
  const stack = [start]
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    if (lengths.has(id)) {
      stack.pop()
      continue
    }
    const from = sources.get(id) ?? []
    const missing = from.filter((source) => !lengths.has(source))
    if (missing.length === 0) {
      lengths.set(id, 1 + Math.max(0, ...from.map((source) => lengths.get(source) ?? 0)))
      open.delete(id)
      stack.pop()
      continue
    }
    open.add(id)
    for (const source of missing) {
      if (open.has(source)) refuseCycle(source, id)
      stack.push(source)
    }
  }
  return lengths.get(start) ?? 0
}

function refuse(detail: string, node?: FieldError['node']): void {
  throw new GatewayError('unsafe_prompt', {
    detail,
    errors: [{ code: 'unsafe_prompt', message: detail, ...(node !== undefined && { node }) }],
  })
}

function refuseCycle(from: string, to: string): never {
  const detail = from === to ? `node ${from} is linked to itself` : `nodes ${from} and ${to} are linked in a cycle`
  throw new GatewayError('invalid_workflow', { detail, errors: [{ code: 'dependency_cycle', message: detail }] })
}

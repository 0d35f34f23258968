import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { isLinkShaped } from '../../comfyui/wire/prompt.ts'
import { linkShapedIn } from './prompt-links.ts'

/** Nodes of a graph as far as these rules look at them. Every prompt is one. */
export type LinkedNodes = Readonly<Record<string, LinkedNode>>

export interface LinkedNode {
  readonly class_type: string
  readonly inputs: Readonly<Record<string, unknown>>
}

export interface NodePlace {
  readonly id: string
  readonly classType: string
  readonly input?: string
}

export interface BrokenRule {
  readonly code: BrokenRuleCode
  /** Absent where it is the whole graph. */
  readonly place?: NodePlace
  /** What is wrong, as the rest of a sentence that begins with the place: `links to slot 3 of node 2, but …`. */
  readonly what: string
  /** Nodes of the longest chain. */
  readonly chainLength?: number
  /** Whether Python finds an output by this slot all the same: negative ones count from the end. */
  readonly isPythonIndex?: boolean
}

export type BrokenRuleCode =
  | 'too_many_nodes'
  | 'invalid_node_id'
  | 'unknown_source'
  | 'invalid_slot'
  | 'slot_out_of_range'
  | 'link_inside_value'
  | 'dependency_cycle'
  | 'chain_too_long'

/** ComfyUI's worker dies of chains of about 980 nodes: it recurses along links when it looks into its cache. */
const maxChainLength = 900
const maxNodes = 5000
/** More than any node has outputs. */
const maxSlot = 9999
const maxIdLength = 200

/** A link that ComfyUI follows, and the input it stands in. */
interface FollowedLink {
  readonly source: string
  readonly input: string
}

/**
 * What ComfyUI accepts in a graph, and what then ends its worker for ever: links to nodes or slots that do not exist,
 * under whatever input name and inside `__value__` too, and very long chains. Also cycles, lists deeper inside that look
 * like a link to nowhere, ids that nobody means, and graphs of unusual size. Linear in the size of the graph; as many
 * steps are done as broken rules are asked for.
 */
export function* brokenRules(graph: LinkedNodes, nodes: NodeLookup): Generator<BrokenRule, undefined> {
  const ids = Object.keys(graph)
  if (ids.length > maxNodes) {
    yield { code: 'too_many_nodes', what: `the graph has ${ids.length} nodes; at most ${maxNodes} are allowed` }
  }
  const links = new Map<string, readonly FollowedLink[]>()
  for (const [id, node] of Object.entries(graph)) {
    yield* brokenId(id, node.class_type)
    const followed: FollowedLink[] = []
    for (const [input, value] of Object.entries(node.inputs)) {
      const place = { id, classType: node.class_type, input }
      const link = linkShapedIn(value)
      if (link === undefined) {
        yield* brokenInside(value, graph, place)
      } else {
        yield* brokenLink(link, graph, nodes, place)
        if (Object.hasOwn(graph, link[0])) followed.push({ source: link[0], input })
      }
    }
    links.set(id, followed)
  }
  yield* brokenChains(ids, graph, links)
}

function* brokenId(id: string, classType: string): Generator<BrokenRule, undefined> {
  const code = 'invalid_node_id'
  if (id === '') yield { code, place: { id, classType }, what: 'the id of a node is empty' }
  if (id.length > maxIdLength) {
    const what = `the id of a node has ${id.length} characters; at most ${maxIdLength} are allowed`
    yield { code, place: { id: id.slice(0, maxIdLength), classType }, what }
  } else if (/\p{Cc}/u.test(id)) {
    yield { code, place: { id, classType }, what: `the id ${JSON.stringify(id)} holds a control character` }
  }
}

function* brokenLink(
  [source, slot]: readonly [string, number | boolean],
  graph: LinkedNodes,
  nodes: NodeLookup,
  place: NodePlace,
): Generator<BrokenRule, undefined> {
  const from = Object.hasOwn(graph, source) ? graph[source] : undefined
  if (from === undefined) {
    yield { code: 'unknown_source', place, what: `links to node ${shownId(source)}, which is not in the graph` }
    return
  }
  const definition = nodes(from.class_type)
  const outputs = definition?.unreadable === true ? undefined : definition?.output
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0 || slot > maxSlot) {
    const count = outputs?.length ?? 0
    const isPythonIndex =
      typeof slot === 'boolean' ? Number(slot) < count : Number.isInteger(slot) && slot >= -count && slot < count
    const what = `links to slot ${slot}; a slot is a whole number that counts from 0`
    yield { code: 'invalid_slot', place, what, isPythonIndex }
  } else if (outputs !== undefined && slot >= outputs.length) {
    const count = outputs.length === 1 ? 'one output' : `${outputs.length} outputs`
    const what = `links to slot ${slot} of node ${source}, but ${from.class_type} has ${count}`
    yield { code: 'slot_out_of_range', place, what }
  }
}

/** ComfyUI looks for no links deeper inside of a value; what looks like one to nowhere is a mistake all the same. */
function* brokenInside(value: unknown, graph: LinkedNodes, place: NodePlace): Generator<BrokenRule, undefined> {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    if (isLinkShaped(next) && !Object.hasOwn(graph, next[0])) {
      const what = `holds what looks like a link to node ${shownId(next[0])}, which is not in the graph`
      yield { code: 'link_inside_value', place, what }
    }
    for (const member of Object.values(next)) pending.push(member)
  }
}

/** Without recursion: the chains looked for are longer than a stack likes. */
function* brokenChains(
  ids: readonly string[],
  graph: LinkedNodes,
  links: ReadonlyMap<string, readonly FollowedLink[]>,
): Generator<BrokenRule, undefined> {
  const lengths = new Map<string, number>()
  /** Links that close a cycle. */
  const closing = new Set<FollowedLink>()
  let tooLong: string | undefined
  let longest = 0
  for (const start of ids) {
    const open = new Set<string>()
    const stack = [start]
    for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
      if (lengths.has(id)) {
        stack.pop()
        continue
      }
      const from = links.get(id) ?? []
      open.add(id)
      const missing: string[] = []
      for (const link of from) {
        if (lengths.has(link.source) || closing.has(link)) continue
        if (open.has(link.source)) {
          closing.add(link)
          yield brokenCycle(link, { id, classType: graph[id]?.class_type ?? '', input: link.input })
        } else {
          missing.push(link.source)
        }
      }
      if (missing.length > 0) {
        for (const source of missing) stack.push(source)
        continue
      }
      let length = 0
      for (const { source } of from) length = Math.max(length, lengths.get(source) ?? 0)
      lengths.set(id, length + 1)
      open.delete(id)
      stack.pop()
    }
    const length = lengths.get(start) ?? 0
    if (length >= maxChainLength) tooLong ??= start
    longest = Math.max(longest, length)
  }
  if (tooLong === undefined) return
  const length = lengths.get(tooLong) ?? 0
  const what = `node ${tooLong} ends a chain of ${length} nodes; ComfyUI survives fewer than ${maxChainLength}`
  const place = { id: tooLong, classType: graph[tooLong]?.class_type ?? '' }
  yield { code: 'chain_too_long', place, what, chainLength: longest }
}

function brokenCycle({ source }: FollowedLink, place: NodePlace): BrokenRule {
  const what = source === place.id ? 'the node itself' : `node ${shownId(source)}, which needs this node`
  return { code: 'dependency_cycle', place, what: `links to ${what}: a cycle` }
}

function shownId(id: string): string {
  return JSON.stringify(id.length > maxIdLength ? `${id.slice(0, maxIdLength)}…` : id)
}

import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { isRecord } from '../../lib/json-record.ts'
import {
  isLinkShaped,
  isPromptLink,
  type Prompt,
  type PromptInput,
  type PromptLink,
} from '../../comfyui/wire/prompt.ts'
import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'

/** ComfyUI's worker dies of chains of about 980 nodes: it recurses along links when it looks into its cache. */
const maxChainLength = 900
const maxNodes = 5000
/** More than any node has outputs. */
const maxSlot = 9999
const maxIdLength = 200

type Place = NonNullable<FieldError['node']>

/** A link that ComfyUI follows, and the input it stands in. */
interface FollowedLink {
  readonly source: string
  readonly input: string
}

/**
 * Refuses graphs that ComfyUI accepts and that then end its worker for ever: links to nodes or slots that do not exist,
 * under whatever input name and inside `__value__` too, and very long chains. Also cycles, lists deeper inside that look
 * like a link to nowhere, ids that nobody means, and graphs of unusual size.
 * @throws GatewayError `invalid_workflow`, naming node and input
 */
export function checkGraph(prompt: Prompt, nodes: NodeLookup): void {
  const ids = Object.keys(prompt)
  if (ids.length > maxNodes)
    refuse('too_many_nodes', `the graph has ${ids.length} nodes; at most ${maxNodes} are allowed`)
  const links = new Map<string, readonly FollowedLink[]>()
  for (const [id, node] of Object.entries(prompt)) {
    checkId(id, node.class_type)
    const followed: FollowedLink[] = []
    for (const [input, value] of Object.entries(node.inputs)) {
      const place: Place = { id, classType: node.class_type, input }
      const link = linkShapedIn(value)
      if (link === undefined) {
        checkInside(value, prompt, place)
      } else {
        checkLink(link, prompt, nodes, place)
        followed.push({ source: link[0], input })
      }
    }
    links.set(id, followed)
  }
  const lengths = new Map<string, number>()
  for (const id of ids) {
    const length = chainLength(id, prompt, links, lengths)
    if (length >= maxChainLength) {
      const detail = `node ${id} ends a chain of ${length} nodes; ComfyUI survives fewer than ${maxChainLength}`
      refuse('chain_too_long', detail, { id, classType: prompt[id]?.class_type ?? '' })
    }
  }
}

/** The link that ComfyUI follows in an input of a checked prompt, also inside of `__value__`. */
export function linkIn(value: PromptInput): PromptLink | undefined {
  const link = linkShapedIn(value)
  return isPromptLink(link) ? link : undefined
}

function linkShapedIn(value: PromptInput): readonly [string, number | boolean] | undefined {
  let inner: unknown = value
  while (isRecord(inner) && Object.hasOwn(inner, '__value__')) inner = inner['__value__']
  return isLinkShaped(inner) ? inner : undefined
}

function checkId(id: string, classType: string): void {
  if (id === '') refuse('invalid_node_id', 'the id of a node is empty', { id, classType })
  if (id.length > maxIdLength) {
    refuse('invalid_node_id', `the id of a node has ${id.length} characters; at most ${maxIdLength} are allowed`, {
      id: id.slice(0, maxIdLength),
      classType,
    })
  }
  if (/\p{Cc}/u.test(id)) {
    refuse('invalid_node_id', `the id ${JSON.stringify(id)} holds a control character`, { id, classType })
  }
}

function checkLink(
  [source, slot]: readonly [string, number | boolean],
  prompt: Prompt,
  nodes: NodeLookup,
  place: Place,
): void {
  const from = Object.hasOwn(prompt, source) ? prompt[source] : undefined
  if (from === undefined) {
    refuse('unknown_source', `${nameOf(place)} links to node ${shown(source)}, which is not in the graph`, place)
  }
  if (typeof slot !== 'number' || !Number.isInteger(slot) || slot < 0 || slot > maxSlot) {
    const detail = `${nameOf(place)} links to slot ${slot}; a slot is a whole number that counts from 0`
    refuse('invalid_slot', detail, place)
  }
  const outputs = nodes(from.class_type)?.output
  if (outputs !== undefined && slot >= outputs.length) {
    const count = outputs.length === 1 ? 'one output' : `${outputs.length} outputs`
    const detail = `${nameOf(place)} links to slot ${slot} of node ${source}, but ${from.class_type} has ${count}`
    refuse('slot_out_of_range', detail, place)
  }
}

/** ComfyUI looks for no links deeper inside of a value; what looks like one to nowhere is a mistake all the same. */
function checkInside(value: PromptInput, prompt: Prompt, place: Place): void {
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (typeof next !== 'object' || next === null) continue
    if (isLinkShaped(next) && !Object.hasOwn(prompt, next[0])) {
      const detail = `${nameOf(place)} holds what looks like a link to node ${shown(next[0])}, which is not in the graph`
      refuse('unknown_source', detail, place)
    }
    for (const member of Object.values(next)) pending.push(member)
  }
}

/** Without recursion: the chains looked for are longer than a stack likes. */
function chainLength(
  start: string,
  prompt: Prompt,
  links: ReadonlyMap<string, readonly FollowedLink[]>,
  lengths: Map<string, number>,
): number {
  const open = new Set<string>()
  const stack = [start]
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    if (lengths.has(id)) {
      stack.pop()
      continue
    }
    const from = links.get(id) ?? []
    const missing = from.filter(({ source }) => !lengths.has(source))
    if (missing.length === 0) {
      let longest = 0
      for (const { source } of from) longest = Math.max(longest, lengths.get(source) ?? 0)
      lengths.set(id, longest + 1)
      open.delete(id)
      stack.pop()
      continue
    }
    open.add(id)
    for (const { source, input } of missing) {
      if (open.has(source)) refuseCycle(source, { id, classType: prompt[id]?.class_type ?? '', input })
      stack.push(source)
    }
  }
  return lengths.get(start) ?? 0
}

function refuseCycle(source: string, place: Place): never {
  const what = source === place.id ? 'the node itself' : `node ${shown(source)}, which needs this node`
  refuse('dependency_cycle', `${nameOf(place)} links to ${what}: a cycle`, place)
}

function nameOf({ id, classType, input }: Place): string {
  return `node ${id} (${classType}), input ${input ?? ''}`
}

function shown(id: string): string {
  return JSON.stringify(id.length > maxIdLength ? `${id.slice(0, maxIdLength)}…` : id)
}

function refuse(code: string, detail: string, node?: Place): never {
  throw new GatewayError('invalid_workflow', {
    detail,
    errors: [{ code, message: detail, ...(node !== undefined && { node }) }],
  })
}

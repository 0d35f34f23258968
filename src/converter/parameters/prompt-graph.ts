import type { InputSpec, NodeDefinition, NodeLookup } from '../../comfyui/wire/object-info.ts'
import { isLinkShaped, type Prompt, type PromptInput } from '../../comfyui/wire/prompt.ts'
import { declaredInputs } from '../../comfyui/wire/verdict/declared-inputs.ts'
import type { ExportHints, NodeHint } from './export-hints.ts'

/** A node of a prompt with what is known of it. */
export interface GraphNode {
  readonly id: string
  readonly classType: string
  readonly definition: NodeDefinition | undefined
  /** Name → value, in the order of the definition: the same whatever the order in the file was. */
  readonly inputs: ReadonlyMap<string, PromptInput>
  /** What the definition says of an input, dotted ones of dynamic inputs included. */
  readonly specs: ReadonlyMap<string, InputSpec>
  /** What its author called it; absent where it is called like its class. */
  readonly title: string | undefined
  readonly hint: NodeHint
  /** Stands in no subgraph. */
  readonly isRoot: boolean
}

export interface Consumer {
  readonly node: GraphNode
  readonly input: string
  /** Output of the source. */
  readonly slot: number
}

/** A prompt to look things up in. */
export interface PromptGraph {
  /** Sources before what they feed; among equals by id. */
  readonly nodes: readonly GraphNode[]
  get(id: string): GraphNode | undefined
  /** What the outputs of a node feed. */
  consumersOf(id: string): readonly Consumer[]
  /** Whether what the node makes reaches an output of the workflow. */
  reachesOutput(id: string): boolean
  readonly outputNodes: readonly GraphNode[]
}

/** Id and slot of the source of an input; undefined for a value. */
export function linkOf(value: PromptInput | undefined): { id: string; slot: number } | undefined {
  return isLinkShaped(value) ? { id: value[0], slot: Number(value[1]) } : undefined
}

/** Numbers before texts and by size, part by part: `2` before `10` before `10:3`. */
export function compareIds(a: string, b: string): number {
  const left = a.split(':')
  const right = b.split(':')
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = comparePart(left[index] ?? '', right[index] ?? '')
    if (difference !== 0) return difference
  }
  return 0
}

function comparePart(a: string, b: string): number {
  const isNumberA = /^\d{1,15}$/.test(a)
  const isNumberB = /^\d{1,15}$/.test(b)
  if (isNumberA && isNumberB && Number(a) !== Number(b)) return Number(a) - Number(b)
  if (isNumberA !== isNumberB && a !== '' && b !== '') return isNumberA ? -1 : 1
  return compareTexts(a, b)
}

/** By code units: the same on every machine. */
export function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

export function createPromptGraph(prompt: Prompt, lookUp: NodeLookup, hints: ExportHints): PromptGraph {
  const byId = new Map<string, GraphNode>()
  for (const id of Object.keys(prompt).sort(compareIds)) {
    const node = prompt[id]
    if (node !== undefined) byId.set(id, readNode(id, node, lookUp, hints))
  }
  const consumers = new Map<string, Consumer[]>()
  for (const node of byId.values()) {
    for (const [input, value] of node.inputs) {
      const link = linkOf(value)
      if (link === undefined) continue
      const known = consumers.get(link.id)
      if (known === undefined) consumers.set(link.id, [{ node, input, slot: link.slot }])
      else known.push({ node, input, slot: link.slot })
    }
  }
  const consumersOf = (id: string): readonly Consumer[] => consumers.get(id) ?? []
  const outputNodes = [...byId.values()].filter((node) =>
    node.definition === undefined ? consumersOf(node.id).length === 0 : node.definition.output_node === true,
  )
  const reaching = sourcesOf(outputNodes, byId)
  return {
    nodes: sortBySource(byId),
    get: (id) => byId.get(id),
    consumersOf,
    reachesOutput: (id) => reaching.has(id),
    outputNodes,
  }
}

function readNode(id: string, node: Prompt[string], lookUp: NodeLookup, hints: ExportHints): GraphNode {
  const definition = lookUp(node.class_type)
  const specs = new Map<string, InputSpec>()
  if (definition !== undefined) {
    for (const { name, spec } of declaredInputs(definition, node.inputs, true)) specs.set(name, spec)
  }
  const order = [...specs.keys()]
  const place = (name: string) => {
    const index = order.indexOf(name)
    return index === -1 ? order.length : index
  }
  const names = Object.keys(node.inputs).sort((a, b) => place(a) - place(b) || compareTexts(a, b))
  const known = hints.nodes?.get(id)
  return {
    id,
    classType: node.class_type,
    definition,
    inputs: new Map(names.map((name) => [name, node.inputs[name] ?? null])),
    specs,
    title: known === undefined ? ownTitle(node, definition) : known.title,
    hint: known ?? {},
    isRoot: !id.includes(':'),
  }
}

function ownTitle(node: Prompt[string], definition: NodeDefinition | undefined): string | undefined {
  const title = node._meta?.title
  if (title === undefined || lettersOf(title) === '') return undefined
  const usual = [node.class_type, definition?.display_name ?? '', definition?.name ?? '']
  return usual.some((name) => lettersOf(name) === lettersOf(title)) ? undefined : title
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

function sourcesOf(outputs: readonly GraphNode[], byId: ReadonlyMap<string, GraphNode>): ReadonlySet<string> {
  const seen = new Set<string>()
  const open = outputs.map((node) => node.id)
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = byId.get(id)
    if (node === undefined || seen.has(id)) continue
    seen.add(id)
    for (const value of node.inputs.values()) {
      const link = linkOf(value)
      if (link !== undefined) open.push(link.id)
    }
  }
  return seen
}

/** By the longest way from a source; what a cycle holds comes last. */
function sortBySource(byId: ReadonlyMap<string, GraphNode>): readonly GraphNode[] {
  const waiting = new Map<string, number>()
  const feeds = new Map<string, string[]>()
  for (const node of byId.values()) {
    const sources = new Set<string>()
    for (const value of node.inputs.values()) {
      const link = linkOf(value)
      if (link !== undefined && byId.has(link.id)) sources.add(link.id)
    }
    waiting.set(node.id, sources.size)
    for (const source of sources) feeds.set(source, [...(feeds.get(source) ?? []), node.id])
  }
  const sorted: GraphNode[] = []
  let ready = [...byId.keys()].filter((id) => waiting.get(id) === 0)
  while (ready.length > 0) {
    const next: string[] = []
    for (const id of ready.sort(compareIds)) {
      const node = byId.get(id)
      if (node !== undefined) sorted.push(node)
      for (const target of feeds.get(id) ?? []) {
        const left = (waiting.get(target) ?? 0) - 1
        waiting.set(target, left)
        if (left === 0) next.push(target)
      }
    }
    ready = next
  }
  const done = new Set(sorted.map((node) => node.id))
  return [...sorted, ...[...byId.values()].filter((node) => !done.has(node.id))]
}

import { inputOfLink, type Graph, type GraphNode, type LoadedWorkflow } from './graph.ts'
import { readTuples, type ProxyTuple } from './proxy-tuples.ts'
import { targetsOfPrimitive } from './primitive-values.ts'

/** Where a value that is set on the host of a subgraph goes inside. */
export interface SlotTarget {
  readonly node: GraphNode
  /** Of a node: the name of its input. Of an instance: the key of its slot. */
  readonly key: string
}

/** A value that the host of a subgraph shows: an input of the subgraph that ends in a widget, or an inner widget itself. */
export interface PromotedSlot {
  /** Inputs of one name share one value, so it is their key. */
  readonly key: string
  readonly name: string
  /** What the editor shows instead of the name. */
  readonly label: string | undefined
  /** Widgets, and slots of instances inside; not empty. */
  readonly targets: readonly SlotTarget[]
  /** Whether a tuple of a host made it: then no input of the subgraph feeds the targets. */
  readonly isAdded: boolean
}

export interface SubgraphSlots {
  /** One per input of the subgraph that ends in a widget, in the order of the inputs; names may repeat. */
  readonly ofInputs: readonly PromotedSlot[]
  readonly added: ReadonlyMap<string, PromotedSlot>
  /** The slot behind a tuple of a host; undefined when the file lost it. */
  readonly slotOf: (tuple: ProxyTuple) => PromotedSlot | undefined
  /** The added slot that gives this input its value. */
  readonly addedTo: (node: GraphNode, key: string) => PromotedSlot | undefined
}

export type FindSlots = (subgraph: string) => SubgraphSlots

/** What the hosts of each subgraph show. Subgraphs must not contain themselves. */
export function findPromotedSlots(workflow: LoadedWorkflow): FindSlots {
  const hosts = Map.groupBy(
    [workflow.root, ...workflow.subgraphs.values()].flatMap(({ nodes }) => [...nodes.values()]).filter(isHost),
    ({ ui }) => ui.type,
  )
  const found = new Map<string, SubgraphSlots>()
  const findSlots: FindSlots = (id) => {
    const known = found.get(id)
    if (known !== undefined) return known
    const graph = workflow.subgraphs.get(id)
    if (graph === undefined) throw new Error(`there is no subgraph ${id}`)
    const slots = slotsOfSubgraph(graph, hosts.get(id) ?? [], findSlots)
    found.set(id, slots)
    return slots
  }
  return findSlots
}

function isHost({ role }: GraphNode): boolean {
  return role.kind === 'host'
}

function slotsOfSubgraph(graph: Graph, hosts: readonly GraphNode[], findSlots: FindSlots): SubgraphSlots {
  const ofInputs = slotsOfInputs(graph, findSlots)
  const added = new Map<string, PromotedSlot>()
  const addedByTarget = new Map<string, PromotedSlot>()
  const bySource = new Map<string, PromotedSlot | undefined>()
  for (const host of hosts) {
    for (const tuple of readTuples(host.ui.properties)) {
      if (!tuple.isInput) continue
      const source = sourceKey(tuple)
      if (bySource.has(source)) continue
      const slot = resolveTuple(tuple)
      bySource.set(source, slot)
      if (slot?.isAdded !== true || added.has(slot.key)) continue
      added.set(slot.key, slot)
      for (const { node, key } of slot.targets) addedByTarget.set(targetKey(node, key), slot)
    }
  }
  return {
    ofInputs,
    added,
    slotOf: (tuple) => bySource.get(sourceKey(tuple)),
    addedTo: (node, key) => addedByTarget.get(targetKey(node, key)),
  }

  function resolveTuple({ source, names }: ProxyTuple): PromotedSlot | undefined {
    if (source === '-1') return names.map((name) => ofInputs.find((slot) => slot.name === name)).find(isDefined)
    const node = graph.nodes.get(source)
    if (node === undefined) return undefined
    if (node.role.kind === 'primitive') return primitiveSlot(node)
    return names.map((name) => slotBehind(node, name)).find(isDefined)
  }

  function primitiveSlot(node: GraphNode): PromotedSlot | undefined {
    const targets = targetsOfPrimitive(node, graph)
      .filter((target) => target.node.widgets.has(target.input))
      .map((target) => ({ node: target.node, key: target.input }))
    if (targets.length === 0) return undefined
    return { key: addedKey(node.id, 'value'), name: 'value', label: node.ui.title, targets, isAdded: true }
  }

  function slotBehind(node: GraphNode, name: string): PromotedSlot | undefined {
    const key = targetKeyOf(node, name)
    if (key === undefined) return undefined
    const input = node.inputs.find((each) => each.name === name)
    if (input?.link !== undefined) {
      const link = graph.links.get(input.link)
      const isFed = link !== undefined && link.originId === graph.subgraph?.inputNodeId
      const fed = isFed ? graph.subgraph.inputs[link.originSlot] : undefined
      return fed === undefined ? undefined : ofInputs.find((slot) => slot.name === fed.name)
    }
    const label = input?.label
    return { key: addedKey(node.id, name), name, label, targets: [{ node, key }], isAdded: true }
  }

  /** The name of a widget, or the key of what an instance inside shows under that name. */
  function targetKeyOf(node: GraphNode, name: string): string | undefined {
    if (node.role.kind !== 'host') return node.widgets.has(name) ? name : undefined
    const slots = findSlots(node.role.subgraph.id)
    return [...slots.ofInputs, ...slots.added.values()].find((slot) => slot.name === name)?.key
  }
}

function slotsOfInputs(graph: Graph, findSlots: FindSlots): PromotedSlot[] {
  return (graph.subgraph?.inputs ?? []).flatMap(({ name, label, links }) => {
    const targets = links.flatMap((id) => {
      const link = graph.links.get(id)
      const node = link === undefined ? undefined : graph.nodes.get(link.targetId)
      const input = node === undefined ? undefined : inputOfLink(node, id)
      if (node === undefined || input === undefined) return []
      return showsValue(node, input.name, findSlots) ? [{ node, key: input.name }] : []
    })
    return targets.length === 0 ? [] : [{ key: name, name, label, targets, isAdded: false }]
  })
}

function showsValue(node: GraphNode, input: string, findSlots: FindSlots): boolean {
  if (node.role.kind === 'host') return findSlots(node.role.subgraph.id).ofInputs.some(({ name }) => name === input)
  if (node.role.kind === 'class') return node.widgets.has(input)
  return node.role.kind === 'unknown' && node.inputs.some(({ name, isWidget }) => name === input && isWidget)
}

/** Inputs of subgraphs have no line breaks in their names. */
function addedKey(node: string, name: string): string {
  return `${node}\n${name}`
}

function targetKey(node: GraphNode, key: string): string {
  return `${node.id}\n${key}`
}

function sourceKey({ source, names }: ProxyTuple): string {
  return `${source}\n${names[0] ?? ''}`
}

function isDefined<T>(value: T | undefined): value is T {
  return value !== undefined
}

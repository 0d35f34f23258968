import type { PromptLink } from '../../comfyui/wire/prompt.ts'
import { listOf } from '../list-of.ts'
import type { Graph, GraphNode, LoadedWorkflow } from './graph.ts'
import type { HostValues } from './host-values.ts'
import type { NodeInput } from './node-inputs.ts'
import type { FindSlots, PromotedSlot } from './promoted-slots.ts'
import { isAnyType, typesMatch } from './socket-types.ts'
import { mode, type UiLink } from './ui-workflow.ts'

/** A graph at one place: the root, or a subgraph inside of one of its instances. */
export interface Scope {
  readonly graph: Graph
  /** The instance around it; absent for the root. */
  readonly host?: { readonly node: GraphNode; readonly scope: Scope }
  /** Ids of the instances around it, each with a colon behind it. */
  readonly prefix: string
}

/** What an input gets: the output of a node of the prompt, or a value of a host around it. */
export type Source =
  { readonly kind: 'link'; readonly link: PromptLink } | { readonly kind: 'value'; readonly value: unknown }

export interface LinkResolver {
  /** What an input gets over its link or from a host; undefined when it leads nowhere. */
  readonly resolveInput: (scope: Scope, node: GraphNode, input: NodeInput) => Source | undefined
}

interface ResolverOptions {
  readonly workflow: LoadedWorkflow
  readonly findSlots: FindSlots
  readonly hostValues: HostValues
  /** Hears of links in the file that lead to nothing that is there. */
  readonly onBroken: (scope: Scope, node: GraphNode, input: NodeInput) => void
}

/** Where a link has been followed to. Every place has at most one next one. */
type Place =
  | {
      readonly kind: 'input'
      readonly scope: Scope
      readonly node: GraphNode
      readonly input: NodeInput
      /** Which type is looked for. */
      readonly type: string
    }
  | {
      readonly kind: 'output'
      readonly scope: Scope
      readonly node: GraphNode
      readonly slot: number
      readonly type: string
    }
  | { readonly kind: 'slot'; readonly scope: Scope; readonly slot: PromotedSlot }

/** The next place, what the link stands for, or nothing when it ends. */
type Step = Place | Source | undefined

/** Follows links through all that only the editor knows: reroutes, bypassed nodes, subgraphs, setters and getters. */
export function createLinkResolver({ workflow, findSlots, hostValues, onBroken }: ResolverOptions): LinkResolver {
  /** Coming back to a place is a circle without any node of the prompt in it. */
  function follow(start: Place): Source | undefined {
    const passed = new Set<string>()
    let at: Step = start
    while (at !== undefined && at.kind !== 'link' && at.kind !== 'value') {
      const key = keyOf(at)
      if (passed.has(key)) return undefined
      passed.add(key)
      at = next(at)
    }
    return at
  }

  function next(place: Place): Step {
    switch (place.kind) {
      case 'input':
        return behindInput(place)
      case 'output':
        return behindOutput(place)
      case 'slot':
        return behindSlot(place.scope, place.slot)
    }
  }

  function behindInput({ scope, node, input, type }: Extract<Place, { kind: 'input' }>): Step {
    const added = addedSlot(scope, node, input.name)
    if (added !== undefined) return { kind: 'slot', scope, slot: added }
    if (input.link === undefined) return undefined
    const link = scope.graph.links.get(input.link)
    const step = link === undefined ? 'broken' : behindLink(scope, link, type)
    if (step !== 'broken') return step
    onBroken(scope, node, input)
    return undefined
  }

  function behindLink(scope: Scope, link: UiLink, type: string): Step | 'broken' {
    const { subgraph } = scope.graph
    if (link.originId === subgraph?.inputNodeId) {
      const name = subgraph.inputs[link.originSlot]?.name
      return name === undefined ? 'broken' : behindHostInput(scope, name)
    }
    const origin = scope.graph.nodes.get(link.originId)
    return origin === undefined ? 'broken' : { kind: 'output', scope, node: origin, slot: link.originSlot, type }
  }

  /** The input of the host with this name; its value where nothing is linked to it. */
  function behindHostInput(scope: Scope, name: string): Step {
    const { host } = scope
    const { subgraph } = scope.graph
    if (host === undefined || subgraph === undefined) return undefined
    const input = host.node.inputs.find((each) => each.name === name)
    if (input === undefined) return undefined
    const isLinked = input.link !== undefined || addedSlot(host.scope, host.node, name) !== undefined
    if (isLinked) return { kind: 'input', scope: host.scope, node: host.node, input, type: input.type }
    const slot = findSlots(subgraph.id).ofInputs.find((each) => each.name === name)
    return slot === undefined ? undefined : ownValue(host.node, slot)
  }

  function behindSlot(scope: Scope, slot: PromotedSlot): Step {
    const { host } = scope
    if (host === undefined) return undefined
    if (!slot.isAdded) return behindHostInput(scope, slot.name)
    const outer = addedSlot(host.scope, host.node, slot.key)
    return outer === undefined ? ownValue(host.node, slot) : { kind: 'slot', scope: host.scope, slot: outer }
  }

  function ownValue(host: GraphNode, slot: PromotedSlot): Source | undefined {
    const value = hostValues.valueOf(host, slot)
    return value === undefined ? undefined : { kind: 'value', value }
  }

  function addedSlot(scope: Scope, node: GraphNode, key: string): PromotedSlot | undefined {
    const { subgraph } = scope.graph
    return subgraph === undefined ? undefined : findSlots(subgraph.id).addedTo(node, key)
  }

  function behindOutput({ scope, node, slot, type }: Extract<Place, { kind: 'output' }>): Step {
    if (node.ui.mode === mode.muted) return undefined
    if (node.ui.mode === mode.bypassed) {
      const input = inputOfBypass(node, slot, type)
      return input === undefined ? undefined : { kind: 'input', scope, node, input, type: input.type }
    }
    switch (node.role.kind) {
      case 'class':
      case 'unknown':
        return { kind: 'link', link: [`${scope.prefix}${node.id}`, slot] }
      case 'host':
        return behindHostOutput(scope, node, slot, type)
      case 'reroute':
      case 'setter':
        return firstInput(scope, node, type)
      case 'getter': {
        const found = findSetter(scope, node)
        return found === undefined ? undefined : firstInput(found.scope, found.node, type)
      }
      case 'primitive':
      case 'note':
      case 'label':
      case 'broadcast':
        return undefined
    }
  }

  function firstInput(scope: Scope, node: GraphNode, type: string): Step {
    const [input] = node.inputs
    return input === undefined ? undefined : { kind: 'input', scope, node, input, type }
  }

  function behindHostOutput(scope: Scope, node: GraphNode, slot: number, type: string): Step {
    const inner = innerScope(scope, node, workflow)
    const output = inner?.graph.subgraph?.outputs[slot]
    if (inner === undefined || output === undefined) return undefined
    const link = output.links.map((id) => inner.graph.links.get(id)).find((each) => each !== undefined)
    const step = link === undefined ? undefined : behindLink(inner, link, type)
    return step === 'broken' ? undefined : step
  }

  return { resolveInput: (scope, node, input) => follow({ kind: 'input', scope, node, input, type: input.type }) }
}

function keyOf(place: Place): string {
  const { prefix } = place.scope
  switch (place.kind) {
    case 'input':
      return `${prefix}${place.node.id} in ${place.input.name}`
    case 'output':
      return `${prefix}${place.node.id} out ${place.slot} ${place.type}`
    case 'slot':
      return `${prefix} slot ${place.slot.key}`
  }
}

/** The graph inside of an instance. */
export function innerScope(scope: Scope, node: GraphNode, workflow: LoadedWorkflow): Scope | undefined {
  const graph = node.role.kind === 'host' ? workflow.subgraphs.get(node.role.subgraph.id) : undefined
  return graph === undefined ? undefined : { graph, host: { node, scope }, prefix: `${scope.prefix}${node.id}:` }
}

/**
 * The input at which a bypassed node goes on: that at the index of the output if both types fit, else the first of
 * exactly the wanted type, else the first that fits. Whether it has a link does not matter.
 */
function inputOfBypass(node: GraphNode, slot: number, type: string): NodeInput | undefined {
  const { inputs } = node
  const sameIndex = inputs[slot]
  if (isAnyType(type)) return sameIndex ?? inputs[0]
  const outputType = node.outputTypes[slot] ?? '*'
  const fits = (input: NodeInput): boolean => typesMatch(input.type, outputType) && typesMatch(input.type, type)
  if (sameIndex !== undefined && fits(sameIndex)) return sameIndex
  return inputs.find((input) => input.type === type) ?? inputs.find(fits)
}

/**
 * The setter that a getter names: in its own graph, else in those around it. Two of one name around it are none.
 */
export function findSetter(scope: Scope, getter: GraphNode): { scope: Scope; node: GraphNode } | undefined {
  const name = nameOf(getter)
  if (name === undefined) return undefined
  for (let at: Scope | undefined = scope; at !== undefined; at = at.host?.scope) {
    const setters = [...at.graph.nodes.values()].filter((node) => node.role.kind === 'setter' && nameOf(node) === name)
    const [node] = setters
    if (node !== undefined) return at !== scope && setters.length > 1 ? undefined : { scope: at, node }
  }
  return undefined
}

function nameOf(node: GraphNode): unknown {
  return listOf(node.ui.values)[0]
}

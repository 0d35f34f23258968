import type { GraphNode } from '../graph/graph.ts'
import { slotByKey } from '../graph/host-values.ts'
import type { PromotedSlot, SlotTarget } from '../graph/promoted-slots.ts'
import { targetsOfPrimitive } from '../graph/primitive-values.ts'
import { innerScope, type Scope } from '../graph/resolve-links.ts'
import type { InputReference } from '../parameters/export-hints.ts'
import { hasValue, type HintSources } from './hint-sources.ts'

/** The inputs of the prompt that get the value of a slot of this instance. */
export function targetsOfSlot(
  host: GraphNode,
  scope: Scope,
  slot: PromotedSlot,
  sources: HintSources,
): InputReference[] {
  const inner = innerScope(scope, host, sources.workflow)
  if (inner === undefined || host.role.kind !== 'host') return []
  // Inputs of one name share one value.
  const { ofInputs } = sources.findSlots(host.role.subgraph.id)
  const slots = slot.isAdded ? [slot] : ofInputs.filter(({ key }) => key === slot.key)
  return unique(slots.flatMap(({ targets }) => targets.flatMap((target) => behind(target, inner, sources))))
}

/**
 * The inputs of the prompt that stand for the value of a PrimitiveNode: also those behind instances and reroutes, which
 * the editor shows as one although it does not write into them.
 */
export function targetsOfPrimitiveAt(primitive: GraphNode, scope: Scope, sources: HintSources): InputReference[] {
  const passed = new Set<GraphNode>()
  const follow = (origin: GraphNode): InputReference[] => {
    if (passed.has(origin)) return []
    passed.add(origin)
    return targetsOfPrimitive(origin, scope.graph).flatMap(({ node, input }) =>
      node.role.kind === 'reroute' ? follow(node) : behind({ node, key: input }, scope, sources),
    )
  }
  return unique(follow(primitive))
}

function behind({ node, key }: SlotTarget, scope: Scope, sources: HintSources): InputReference[] {
  if (node.role.kind !== 'host') {
    const reference = { node: `${scope.prefix}${node.id}`, input: key }
    return hasValue(sources.prompt, reference) ? [reference] : []
  }
  const slot = slotByKey(node.role.subgraph.id, key, sources.findSlots)
  return slot === undefined ? [] : targetsOfSlot(node, scope, slot, sources)
}

function unique(references: readonly InputReference[]): InputReference[] {
  return [...new Map(references.map((reference) => [`${reference.node}\n${reference.input}`, reference])).values()]
}

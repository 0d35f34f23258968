import type { GraphNode } from '../graph/graph.ts'
import type { PromotedSlot } from '../graph/promoted-slots.ts'
import { readTuples } from '../graph/proxy-tuples.ts'
import type { Scope } from '../graph/resolve-links.ts'
import type { PlacedNode } from '../graph/walk-nodes.ts'
import type { PromotedInput } from '../parameters/export-hints.ts'
import type { HintSources } from './hint-sources.ts'
import { targetsOfPrimitiveAt, targetsOfSlot } from './slot-targets.ts'

/** What hosts of subgraphs and PrimitiveNodes show of the nodes behind them. */
export function promotedInputs(sources: HintSources): PromotedInput[] {
  return sources.places.flatMap((place) => {
    if (place.node.role.kind === 'host') return ofHost(place, sources)
    return place.node.role.kind === 'primitive' ? ofPrimitive(place, sources) : []
  })
}

function ofHost({ node, scope }: PlacedNode, sources: HintSources): PromotedInput[] {
  const host = titleOfHost(node)
  return shownSlots(node, sources).flatMap((slot) => {
    if (isFedFromOutside(node, scope, slot, sources)) return []
    const targets = targetsOfSlot(node, scope, slot, sources)
    if (targets.length === 0) return []
    const label = labelOfSlot(node, slot)
    return [
      {
        source: 'subgraph',
        name: slot.name,
        ...(label !== undefined && { label }),
        targets,
        depth: depthOf(scope),
        ...(host !== undefined && { host }),
      },
    ]
  })
}

/** In the order in which the host shows them: that of its tuples where it has any. Each name once. */
function shownSlots(host: GraphNode, { findSlots }: HintSources): PromotedSlot[] {
  if (host.role.kind !== 'host') return []
  const { ofInputs, slotOf } = findSlots(host.role.subgraph.id)
  const listed = readTuples(host.ui.properties).flatMap((tuple) => (tuple.isInput ? (slotOf(tuple) ?? []) : []))
  return [...new Map([...listed, ...ofInputs].map((slot) => [slot.key, slot])).values()]
}

function isFedFromOutside(host: GraphNode, scope: Scope, slot: PromotedSlot, { findSlots }: HintSources): boolean {
  const { subgraph } = scope.graph
  if (subgraph !== undefined && findSlots(subgraph.id).addedTo(host, slot.key) !== undefined) return true
  return !slot.isAdded && host.inputs.some(({ name, link }) => name === slot.name && link !== undefined)
}

export function labelOfSlot(host: GraphNode, slot: PromotedSlot): string | undefined {
  const own = slot.isAdded ? undefined : host.inputs.find(({ name }) => name === slot.name)?.label
  const label = own ?? slot.label
  return label === slot.name ? undefined : label
}

const primitiveTitles: ReadonlySet<string | undefined> = new Set(['PrimitiveNode', 'Primitive'])

function ofPrimitive({ node, scope }: PlacedNode, sources: HintSources): PromotedInput[] {
  const targets = targetsOfPrimitiveAt(node, scope, sources)
  if (targets.length === 0 || isShownByHost(node, scope, sources)) return []
  const label = labelOfPrimitive(node)
  const host = scope.host === undefined ? undefined : titleOfHost(scope.host.node)
  return [
    {
      source: 'primitive',
      name: 'value',
      ...(label !== undefined && { label }),
      targets,
      depth: depthOf(scope),
      ...(host !== undefined && { host }),
    },
  ]
}

export function labelOfPrimitive({ ui }: GraphNode): string | undefined {
  return primitiveTitles.has(ui.title) ? undefined : ui.title
}

function isShownByHost(primitive: GraphNode, scope: Scope, { findSlots }: HintSources): boolean {
  const { subgraph } = scope.graph
  if (subgraph === undefined) return false
  const { added } = findSlots(subgraph.id)
  return [...added.keys()].some((key) => key.startsWith(`${primitive.id}\n`))
}

function titleOfHost({ ui, role }: GraphNode): string | undefined {
  const name = role.kind === 'host' ? role.subgraph.name : ''
  return ui.title ?? (name === '' ? undefined : name)
}

/** Titles of the instances around a place, outermost first. */
export function hostsAround(scope: Scope): string[] {
  const { host } = scope
  return host === undefined ? [] : [...hostsAround(host.scope), titleOfHost(host.node) ?? host.node.id]
}

function depthOf(scope: Scope): number {
  return scope.host === undefined ? 0 : 1 + depthOf(scope.host.scope)
}

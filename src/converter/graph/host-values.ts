import { isRecord } from '../../lib/json-record.ts'
import { listOf } from '../list-of.ts'
import { loadedValue } from '../widgets/widget-value.ts'
import type { DefinedInput } from '../widgets/defined-input.ts'
import type { GraphNode } from './graph.ts'
import type { FindSlots, PromotedSlot } from './promoted-slots.ts'
import { quarantinedValues, readTuples } from './proxy-tuples.ts'

export interface HostValues {
  /** The value that a slot of a host has: its own, else that of the first widget behind it. */
  readonly valueOf: (host: GraphNode, slot: PromotedSlot) => unknown
  /** Names in the file of values for which there is no slot. */
  readonly unplaced: (host: GraphNode) => readonly string[]
}

interface OwnValues {
  /** Key of the slot → value. */
  readonly values: ReadonlyMap<string, unknown>
  readonly unplaced: readonly string[]
}

/** The values that hosts of subgraphs keep for what is inside. */
export function createHostValues(findSlots: FindSlots): HostValues {
  const known = new Map<GraphNode, OwnValues>()
  const ownValues = (host: GraphNode, subgraph: string): OwnValues => {
    let own = known.get(host)
    if (own === undefined) {
      own = readHostValues(host, subgraph, findSlots)
      known.set(host, own)
    }
    return own
  }

  const valueOf = (host: GraphNode, slot: PromotedSlot): unknown => {
    if (host.role.kind !== 'host') return undefined
    const { values } = ownValues(host, host.role.subgraph.id)
    if (values.has(slot.key)) {
      const own = values.get(slot.key)
      const input = own === null ? innermostInput(slot, findSlots) : undefined
      return input === undefined ? own : loadedValue(input, own)
    }
    const [target] = slot.targets
    if (target === undefined) return undefined
    if (target.node.role.kind !== 'host') return target.node.widgets.get(target.key)?.value
    const inner = slotByKey(target.node.role.subgraph.id, target.key, findSlots)
    return inner === undefined ? undefined : valueOf(target.node, inner)
  }

  return {
    valueOf,
    unplaced: (host) => (host.role.kind === 'host' ? ownValues(host, host.role.subgraph.id).unplaced : []),
  }
}

export function slotByKey(subgraph: string, key: string, findSlots: FindSlots): PromotedSlot | undefined {
  const slots = findSlots(subgraph)
  return slots.added.get(key) ?? slots.ofInputs.find((slot) => slot.key === key)
}

function innermostInput(slot: PromotedSlot, findSlots: FindSlots): DefinedInput | undefined {
  const [target] = slot.targets
  if (target === undefined) return undefined
  if (target.node.role.kind !== 'host') return target.node.widgets.get(target.key)?.input
  const inner = slotByKey(target.node.role.subgraph.id, target.key, findSlots)
  return inner === undefined ? undefined : innermostInput(inner, findSlots)
}

/**
 * Three generations of files keep them differently. With `proxyWidgets`, values belong to its tuples; else to the
 * promoted inputs in the order of the subgraph; a host without values shows those of the widgets inside.
 */
function readHostValues(host: GraphNode, subgraph: string, findSlots: FindSlots): OwnValues {
  const { ofInputs, slotOf } = findSlots(subgraph)
  const values = new Map<string, unknown>()
  const unplaced: string[] = []
  const saved = host.ui.values
  const list = listOf(saved)
  const tuples = readTuples(host.ui.properties)
  const place = (slot: PromotedSlot | undefined, name: string, value: unknown): void => {
    if (value === undefined) return
    if (slot !== undefined) values.set(slot.key, value)
    else unplaced.push(name)
  }
  if (isRecord(saved)) {
    for (const [name, value] of Object.entries(saved))
      place(
        ofInputs.find((slot) => slot.name === name),
        name,
        value,
      )
  } else if (tuples.length > 0) {
    for (const [index, tuple] of tuples.entries()) {
      if (tuple.isInput) place(slotOf(tuple), tuple.names[0] ?? '', list[index])
    }
  } else {
    for (const [index, slot] of ofInputs.entries()) place(slot, slot.name, list[index])
  }
  for (const [name, value] of quarantinedValues(host.ui.properties)) {
    place(
      ofInputs.find((slot) => slot.name === name),
      name,
      value,
    )
  }
  return { values, unplaced }
}

import { isRecord } from '../../lib/json-record.ts'
import type { GraphNode } from '../graph/graph.ts'
import type { PromotedSlot } from '../graph/promoted-slots.ts'
import type { PlacedNode } from '../graph/walk-nodes.ts'
import { listOf } from '../list-of.ts'
import type { InputReference, SharedInput } from '../parameters/export-hints.ts'
import { hasValue, type HintSources } from './hint-sources.ts'
import { labelOfPrimitive, labelOfSlot } from './promoted-inputs.ts'
import { targetsOfPrimitiveAt, targetsOfSlot } from './slot-targets.ts'

/** The inputs that the author chose for app mode. Those of nodes that are gone stay in files, and are left out. */
export function appInputs(sources: HintSources): SharedInput[] {
  return appData(sources, 'inputs').flatMap((entry) => {
    const read = readEntry(entry)
    if (read === undefined) return []
    const shared = placesOf(read.node, sources).flatMap((place) => sharedInput(place, read.input, sources) ?? [])
    const [first] = shared
    if (first === undefined) return []
    return [{ ...first, targets: shared.flatMap(({ targets }) => targets) }]
  })
}

/** Ids in the prompt of the nodes whose outputs app mode shows. */
export function appOutputs(sources: HintSources): string[] {
  const ids = appData(sources, 'outputs').flatMap((id) =>
    placesOf(lastPart(String(id)), sources).map((place) => place.id),
  )
  return [...new Set(ids)].filter((id) => Object.hasOwn(sources.prompt, id))
}

function appData({ workflow }: HintSources, key: 'inputs' | 'outputs'): readonly unknown[] {
  const data = workflow.ui.extra['linearData']
  return isRecord(data) ? listOf(data[key]) : []
}

interface AppEntry {
  readonly node: string
  readonly input: string
}

/** `[node, widget]`, or in newer files `graph:node:widget`. */
function readEntry(entry: unknown): AppEntry | undefined {
  if (typeof entry === 'string') {
    const [, node, ...input] = entry.split(':')
    return node === undefined || input.length === 0 ? undefined : { node, input: input.join(':') }
  }
  const [node, input] = listOf(entry)
  if (typeof input === 'string' && (typeof node === 'string' || typeof node === 'number')) {
    return { node: lastPart(String(node)), input }
  }
  return typeof node === 'string' && input === undefined ? readEntry(node) : undefined
}

function lastPart(id: string): string {
  return id.slice(id.lastIndexOf(':') + 1)
}

/** A node of any graph, by the id that it has or had in the file. */
function placesOf(id: string, { places }: HintSources): readonly PlacedNode[] {
  const now = places.filter(({ node }) => node.id === id)
  return now.length > 0 ? now : places.filter(({ node }) => node.ui.savedId === id)
}

function sharedInput({ node, scope, id }: PlacedNode, input: string, sources: HintSources): SharedInput | undefined {
  switch (node.role.kind) {
    case 'host': {
      const slot = slotNamed(node, input, sources)
      if (slot === undefined) return undefined
      return withTargets(slot.name, labelOfSlot(node, slot), targetsOfSlot(node, scope, slot, sources))
    }
    case 'primitive':
      return withTargets('value', labelOfPrimitive(node), targetsOfPrimitiveAt(node, scope, sources))
    default: {
      const label = node.inputs.find(({ name }) => name === input)?.label
      const reference = { node: id, input }
      return withTargets(
        input,
        label === input ? undefined : label,
        hasValue(sources.prompt, reference) ? [reference] : [],
      )
    }
  }
}

function slotNamed(host: GraphNode, name: string, { findSlots }: HintSources): PromotedSlot | undefined {
  if (host.role.kind !== 'host') return undefined
  const { ofInputs, added } = findSlots(host.role.subgraph.id)
  const slots = [...ofInputs, ...added.values()]
  return slots.find((slot) => slot.name === name) ?? slots.find((slot) => labelOfSlot(host, slot) === name)
}

function withTargets(
  name: string,
  label: string | undefined,
  targets: readonly InputReference[],
): SharedInput | undefined {
  return targets.length === 0 ? undefined : { name, ...(label !== undefined && { label }), targets }
}

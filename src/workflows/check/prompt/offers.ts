import type { NodeLookup } from '../../../comfyui/wire/object-info.ts'
import type { LinkedNodes } from '../../graph/graph-rules.ts'

/** An output of a node. */
export interface Offer {
  readonly id: string
  readonly slot: number
  readonly classType: string
}

/** What the nodes of a graph give. */
export interface Offers {
  /** The first output of exactly this type that another node has; those of nodes that save or show are passed by. */
  find(type: unknown, exceptId: string): Offer | undefined
}

const known = new WeakMap<LinkedNodes, Offers>()

export function offersOf({ nodes, lookUp }: { readonly nodes: LinkedNodes; readonly lookUp: NodeLookup }): Offers {
  let offers = known.get(nodes)
  if (offers === undefined) known.set(nodes, (offers = collect(nodes, lookUp)))
  return offers
}

function collect(nodes: LinkedNodes, lookUp: NodeLookup): Offers {
  /** Two of each type: one of them is of another node than the one that asks. */
  const byType = new Map<unknown, Offer[]>()
  for (const [id, { class_type: classType }] of Object.entries(nodes)) {
    const definition = lookUp(classType)
    if (definition === undefined || definition.output_node === true) continue
    for (const [slot, type] of definition.output.entries()) {
      const offers = byType.get(type) ?? []
      if (offers.length > 1 || offers.some((offer) => offer.id === id)) continue
      byType.set(type, [...offers, { id, slot, classType }])
    }
  }
  return { find: (type, exceptId) => byType.get(type)?.find(({ id }) => id !== exceptId) }
}

import type { Graph, GraphNode } from './graph.ts'

/**
 * The order in which the editor writes the nodes of the root graph: those without links first, others as soon as all
 * their links come from nodes already there, those of cycles last.
 */
export function executionOrder({ nodes, links }: Graph): GraphNode[] {
  const open = new Map<string, number>()
  const ready: GraphNode[] = []
  for (const node of nodes.values()) {
    const count = node.ui.inputs.filter(({ link }) => link !== undefined).length
    if (count === 0) ready.push(node)
    else open.set(node.id, count)
  }
  const ordered: GraphNode[] = []
  const followed = new Set<string>()
  for (let node = ready.shift(); node !== undefined; node = ready.shift()) {
    ordered.push(node)
    for (const id of node.ui.outputs.flatMap((output) => output.links)) {
      const link = links.get(id)
      const count = link === undefined ? undefined : open.get(link.targetId)
      if (link === undefined || count === undefined || followed.has(id)) continue
      followed.add(id)
      if (count > 1) open.set(link.targetId, count - 1)
      else {
        open.delete(link.targetId)
        const target = nodes.get(link.targetId)
        if (target !== undefined) ready.push(target)
      }
    }
  }
  return [...ordered, ...[...nodes.values()].filter(({ id }) => open.has(id))]
}

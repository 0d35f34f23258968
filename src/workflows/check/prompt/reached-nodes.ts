import type { NodeLookup } from '../../../comfyui/wire/object-info.ts'
import type { LinkedNodes } from '../../graph/graph-rules.ts'
import { linkShapedIn } from '../../graph/prompt-links.ts'

/** Ids of the nodes that an output needs, by links under whatever input name: what ComfyUI runs. */
export function reachedNodes(nodes: LinkedNodes, lookUp: NodeLookup): ReadonlySet<string> {
  return reachedFrom(
    nodes,
    Object.keys(nodes).filter((id) => lookUp(nodes[id]?.class_type ?? '')?.output_node === true),
  )
}

/** These nodes and all that they need, by links under whatever input name. */
export function reachedFrom(nodes: LinkedNodes, ids: readonly string[]): ReadonlySet<string> {
  const reached = new Set<string>()
  const open = ids.filter((id) => Object.hasOwn(nodes, id))
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (reached.has(id)) continue
    reached.add(id)
    for (const value of Object.values(nodes[id]?.inputs ?? {})) {
      const link = linkShapedIn(value)
      if (link !== undefined && Object.hasOwn(nodes, link[0])) open.push(link[0])
    }
  }
  return reached
}

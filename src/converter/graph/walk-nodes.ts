import { ConversionRefusedError } from '../conversion.ts'
import type { GraphNode, LoadedWorkflow } from './graph.ts'
import { executionOrder } from './execution-order.ts'
import { innerScope, type Scope } from './resolve-links.ts'
import { mode } from './ui-workflow.ts'

/** A node at one place. */
export interface PlacedNode {
  readonly node: GraphNode
  readonly scope: Scope
  /** Its id in the prompt: `12`, or `12:5` inside of the instance 12. */
  readonly id: string
}

/** More nodes than any workflow has; nested subgraphs could make more of a small file than any machine can hold. */
const mostNodes = 100_000

/**
 * All nodes at all places, in the order in which the editor writes them: each node of the root graph, and behind it what
 * is inside of it. A muted or bypassed instance in the root graph is not looked into; one inside of another is, because
 * the editor does so too.
 * @throws ConversionRefusedError when there are too many
 */
export function walkNodes(workflow: LoadedWorkflow): PlacedNode[] {
  const root: Scope = { graph: workflow.root, prefix: '' }
  const places: PlacedNode[] = []
  const visit = (node: GraphNode, scope: Scope): void => {
    places.push({ node, scope, id: `${scope.prefix}${node.id}` })
    if (places.length > mostNodes) throw tooLarge()
    if (scope.host === undefined && !isActive(node)) return
    const inner = innerScope(scope, node, workflow)
    for (const each of inner?.graph.nodes.values() ?? []) if (inner !== undefined) visit(each, inner)
  }
  for (const node of executionOrder(workflow.root)) visit(node, root)
  return places
}

export function isActive({ ui }: GraphNode): boolean {
  return ui.mode !== mode.muted && ui.mode !== mode.bypassed
}

function tooLarge(): ConversionRefusedError {
  const message = `The workflow has more than ${mostNodes} nodes, counting those of every instance of a subgraph.`
  return new ConversionRefusedError([{ code: 'too_large', message }])
}

import type { WidgetWarning } from '../widgets/read-widgets.ts'
import type { Widget } from '../widgets/widget.ts'
import type { NodeInput } from './node-inputs.ts'
import type { NodeRole } from './node-role.ts'
import type { UiLink, UiNode, UiSubgraph, UiWorkflow } from './ui-workflow.ts'

/** A node as the editor has it after loading the file. */
export interface GraphNode {
  readonly id: string
  readonly ui: UiNode
  readonly role: NodeRole
  readonly inputs: readonly NodeInput[]
  /** By index. */
  readonly outputTypes: readonly string[]
  /** In the order of their values. */
  readonly widgets: Map<string, Widget>
  readonly warnings: readonly WidgetWarning[]
}

export interface Graph {
  /** Absent for the root graph. */
  readonly subgraph?: UiSubgraph
  /** In the order of the file. */
  readonly nodes: ReadonlyMap<string, GraphNode>
  readonly links: ReadonlyMap<string, UiLink>
}

export interface LoadedWorkflow {
  readonly ui: UiWorkflow
  readonly root: Graph
  readonly subgraphs: ReadonlyMap<string, Graph>
}

/** The input of a node that a link ends at. Slots of links may be stale, ids are not. */
export function inputOfLink(node: GraphNode, link: string): NodeInput | undefined {
  return node.inputs.find((input) => input.link === link)
}

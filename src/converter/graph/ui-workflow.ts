/* A workflow of the editor, made uniform: ids are strings, links are found by their id. */

export const mode = { muted: 2, bypassed: 4 } as const

export interface UiInput {
  readonly name: string
  readonly type: string
  /** Id of the link. */
  readonly link: string | undefined
  /** Name of the widget that this input stands for. */
  readonly widget: string | undefined
  readonly label: string | undefined
}

export interface UiOutput {
  readonly name: string
  readonly type: string
  /** Ids of the links, in the order of the file. */
  readonly links: readonly string[]
}

export interface UiNode {
  readonly id: string
  /** As the file has it; another than `id` where the editor would renumber it. */
  readonly savedId: string
  readonly type: string
  readonly mode: number
  readonly title: string | undefined
  readonly inputs: readonly UiInput[]
  readonly outputs: readonly UiOutput[]
  readonly values: unknown
  /** Widget → value, as newer versions of the editor save it besides. */
  readonly namedValues: Readonly<Record<string, unknown>> | undefined
  readonly properties: Readonly<Record<string, unknown>>
}

export interface UiLink {
  readonly id: string
  readonly originId: string
  readonly originSlot: number
  readonly targetId: string
}

export interface UiGraph {
  /** Id of the subgraph; absent for the root graph. */
  readonly id?: string
  readonly nodes: readonly UiNode[]
  readonly links: ReadonlyMap<string, UiLink>
}

export interface UiSubgraphSlot {
  readonly name: string
  readonly type: string
  /** What the editor shows instead of the name. */
  readonly label: string | undefined
  /** Ids of the links inside. */
  readonly links: readonly string[]
}

export interface UiSubgraph extends UiGraph {
  readonly id: string
  readonly name: string
  /** Id by which links inside name the inputs of the subgraph. */
  readonly inputNodeId: string
  readonly inputs: readonly UiSubgraphSlot[]
  readonly outputs: readonly UiSubgraphSlot[]
}

export interface UiWorkflow {
  readonly root: UiGraph
  /** In the order of the file. */
  readonly subgraphs: ReadonlyMap<string, UiSubgraph>
  readonly extra: Readonly<Record<string, unknown>>
  /** Model files named by the workflow as a whole. */
  readonly models: readonly unknown[]
}

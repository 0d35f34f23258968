/* Workflows in the format of ComfyUI's editor, written down short. */

type NodeId = number | string
/** A node and the index of its output; `input` and an index is an input of the subgraph around. */
export type From = readonly [node: NodeId, slot: number]

export interface EditorInput {
  readonly from?: From
  readonly type?: string
  /** Whether it stands for the widget of its name. */
  readonly isWidget?: boolean
  readonly label?: string
}

export interface EditorNode {
  readonly id: NodeId
  readonly type: string
  /** 2: muted, 4: bypassed. */
  readonly mode?: number
  readonly title?: string | null
  readonly inputs?: Readonly<Record<string, From | EditorInput>>
  /** Types of the outputs. */
  readonly outputs?: readonly string[]
  readonly values?: unknown
  readonly named?: Readonly<Record<string, unknown>>
  readonly properties?: Readonly<Record<string, unknown>>
}

export interface EditorSubgraph {
  readonly id: string
  readonly name?: string
  readonly inputs?: readonly { readonly name: string; readonly type: string; readonly label?: string }[]
  readonly outputs?: readonly { readonly name: string; readonly type: string; readonly from?: From }[]
  readonly nodes: readonly EditorNode[]
}

interface EditorLink {
  readonly id: number
  readonly origin_id: NodeId
  readonly origin_slot: number
  readonly target_id: NodeId
  readonly target_slot: number
  readonly type: string
}

interface EditorFileOptions {
  readonly subgraphs?: readonly EditorSubgraph[]
  readonly lastNodeId?: number
  readonly extra?: Readonly<Record<string, unknown>>
}

/** A file of schema 0.4, as the editor saves it: links of the root graph are lists, others objects. */
export function editorFile(nodes: readonly EditorNode[], options: EditorFileOptions = {}) {
  const { subgraphs = [], lastNodeId = 100, extra = {} } = options
  const root = writeGraph(nodes)
  return {
    version: 0.4,
    last_node_id: lastNodeId,
    last_link_id: root.links.length,
    nodes: root.nodes,
    links: root.links.map((link) => [
      link.id,
      link.origin_id,
      link.origin_slot,
      link.target_id,
      link.target_slot,
      link.type,
    ]),
    groups: [],
    extra,
    ...(subgraphs.length > 0 && { definitions: { subgraphs: subgraphs.map(writeSubgraph) } }),
  }
}

function writeSubgraph({ id, name = 'Subgraph', inputs = [], outputs = [], nodes }: EditorSubgraph) {
  const graph = writeGraph(nodes)
  const { links } = graph
  const outgoing = outputs.map(({ name: output, type, from }, slot) => {
    if (from === undefined) return { name: output, type, linkIds: [] }
    const link = { ...newLink(links.length + 1, from, -20, slot), type }
    links.push(link)
    return { name: output, type, linkIds: [link.id] }
  })
  return {
    id,
    name,
    version: 1,
    inputNode: { id: -10 },
    outputNode: { id: -20 },
    inputs: inputs.map((input, slot) => ({
      ...input,
      linkIds: links.filter((link) => link.origin_id === -10 && link.origin_slot === slot).map((link) => link.id),
    })),
    outputs: outgoing,
    nodes: graph.nodes,
    links,
  }
}

function writeGraph(specs: readonly EditorNode[]) {
  const links: EditorLink[] = []
  const inputs = specs.map((spec) =>
    Object.entries(spec.inputs ?? {}).map(([name, given], slot) => {
      const input: EditorInput = isFrom(given) ? { from: given } : given
      const { from, type = '*', isWidget = false, label } = input
      if (from !== undefined) links.push({ ...newLink(links.length + 1, from, spec.id, slot), type })
      return {
        name,
        type,
        link: from === undefined ? null : links.length,
        ...(isWidget && { widget: { name } }),
        ...(label !== undefined && { label }),
      }
    }),
  )
  const nodes = specs.map(({ id, type, mode = 0, title, outputs = [], values, named, properties = {} }, index) => ({
    id,
    type,
    mode,
    ...(title !== undefined && { title }),
    inputs: inputs[index] ?? [],
    outputs: outputs.map((output, slot) => ({
      name: output,
      type: output,
      links: links.filter((link) => link.origin_id === id && link.origin_slot === slot).map((link) => link.id),
    })),
    properties,
    ...(values !== undefined && { widgets_values: values }),
    ...(named !== undefined && { widgets_values_named: named }),
  }))
  return { nodes, links }
}

function newLink(id: number, [node, slot]: From, target: NodeId, targetSlot: number): EditorLink {
  return {
    id,
    origin_id: node === 'input' ? -10 : node,
    origin_slot: slot,
    target_id: target,
    target_slot: targetSlot,
    type: '*',
  }
}

function isFrom(input: From | EditorInput): input is From {
  return Array.isArray(input)
}

import { z } from 'zod'
import { ConversionRefusedError } from '../conversion.ts'
import { listOf } from '../list-of.ts'
import { definitionsSchema, linkSchema, type linksSchema, type nodeSchema } from '../ui-format.ts'
import { subgraphSchema, workflowSchema } from '../ui-format.ts'
import type { UiGraph, UiLink, UiNode, UiSubgraph, UiSubgraphSlot, UiWorkflow } from './ui-workflow.ts'
import { uniqueIds, type IdMap } from './unique-ids.ts'

type SavedNode = z.infer<typeof nodeSchema>
type SavedSubgraph = z.infer<typeof subgraphSchema>

const defaultInputNodeId = -10
const defaultOutputNodeId = -20

/**
 * Reads what the editor saved, in schema 0.4 or 1.
 * @throws ConversionRefusedError when it is damaged
 */
export function readUiWorkflow(exported: unknown): UiWorkflow {
  const saved = parse(workflowSchema, exported, 'The workflow')
  const subgraphs = collectSubgraphs(saved.definitions)
  const rename = uniqueIds({
    lastNodeId: Math.max(saved.last_node_id ?? 0, saved.state?.lastNodeId ?? 0),
    rootIds: saved.nodes.map(({ id }) => id),
    subgraphs: subgraphs.map(({ id, nodes }) => ({ id: String(id), nodeIds: (nodes ?? []).map((node) => node.id) })),
  })
  return {
    root: readGraph(saved.nodes, saved.links, new Map(), rename),
    subgraphs: new Map(subgraphs.map((subgraph) => [String(subgraph.id), readSubgraph(subgraph, rename)])),
    extra: saved.extra ?? {},
    models: saved.models ?? [],
  }
}

/** Definitions are listed flat in the root; the schema also allows them inside of each other. */
function collectSubgraphs(definitions: z.infer<typeof definitionsSchema>): SavedSubgraph[] {
  return Object.values(definitions?.subgraphs ?? []).flatMap((saved) => {
    const subgraph = parse(subgraphSchema, saved, 'A subgraph of the workflow')
    return [subgraph, ...collectSubgraphs(definitionsSchema.parse(subgraph.definitions))]
  })
}

function readSubgraph(saved: SavedSubgraph, rename: ReadonlyMap<string, IdMap>): UiSubgraph {
  const id = String(saved.id)
  const graph = readGraph(saved.nodes ?? [], saved.links, rename.get(id) ?? new Map(), rename)
  const inputNodeId = String(saved.inputNode?.id ?? defaultInputNodeId)
  const outputNodeId = String(saved.outputNode?.id ?? defaultOutputNodeId)
  const slots = (list: SavedSubgraph['inputs'], boundary: string): UiSubgraphSlot[] =>
    (list ?? []).map((slot, index) => ({
      name: slot.name,
      type: slot.type,
      label: visible(slot.label) ?? visible(slot.localized_name),
      links: slot.linkIds?.map(String) ?? boundaryLinks(saved.links, boundary, index),
    }))
  return {
    ...graph,
    id,
    name: saved.name,
    inputNodeId,
    inputs: slots(saved.inputs, inputNodeId),
    outputs: slots(saved.outputs, outputNodeId),
  }
}

/** Links at one slot of a boundary, for files that do not list them there. */
function boundaryLinks(links: z.infer<typeof linksSchema>, boundary: string, index: number): string[] {
  const objectSchema = z.looseObject({
    id: z.unknown(),
    origin_id: z.unknown(),
    origin_slot: z.unknown(),
    target_id: z.unknown(),
    target_slot: z.unknown(),
  })
  return Object.values(links ?? []).flatMap((link) => {
    const { data } = objectSchema.safeParse(link)
    if (data === undefined) return []
    const isHere =
      (String(data.origin_id) === boundary && Number(data.origin_slot) === index) ||
      (String(data.target_id) === boundary && Number(data.target_slot) === index)
    return isHere ? [String(data.id)] : []
  })
}

function readGraph(
  nodes: readonly SavedNode[],
  links: z.infer<typeof linksSchema>,
  ids: IdMap,
  idsOfSubgraphs: ReadonlyMap<string, IdMap>,
): UiGraph {
  return {
    nodes: nodes.map((node) => readNode(node, ids, idsOfSubgraphs)),
    links: new Map(
      Object.values(links ?? []).flatMap((link) => {
        const { data } = linkSchema.safeParse(link)
        if (data === undefined) return []
        const id = String(data.id)
        const read: UiLink = {
          id,
          originId: renamed(data.originId, ids),
          originSlot: data.originSlot,
          targetId: renamed(data.targetId, ids),
        }
        return [[id, read]]
      }),
    ),
  }
}

function readNode(saved: SavedNode, ids: IdMap, idsOfSubgraphs: ReadonlyMap<string, IdMap>): UiNode {
  return {
    id: renamed(saved.id, ids),
    savedId: String(saved.id),
    type: saved.type,
    mode: saved.mode,
    title: visible(saved.title),
    inputs: (saved.inputs ?? []).map((input) => ({
      name: input.name,
      type: input.type,
      link: input.link === null || input.link === undefined ? undefined : String(input.link),
      widget: input.widget === null || input.widget === undefined ? undefined : (input.widget.name ?? input.name),
      label: visible(input.label),
    })),
    outputs: (saved.outputs ?? []).map(({ name, type, links }) => ({ name, type, links: links?.map(String) ?? [] })),
    values: saved.widgets_values,
    namedValues: saved.widgets_values_named ?? undefined,
    properties: renameTuples(saved.properties ?? {}, idsOfSubgraphs.get(saved.type)),
  }
}

/** Hosts name nodes inside of their subgraph in `proxyWidgets`. */
function renameTuples(properties: Readonly<Record<string, unknown>>, ids: IdMap | undefined): Record<string, unknown> {
  const tuples = properties['proxyWidgets']
  if (ids === undefined || ids.size === 0 || !Array.isArray(tuples)) return properties
  const proxyWidgets = tuples.map((tuple: unknown) => {
    if (!Array.isArray(tuple)) return tuple
    const [source, ...rest] = listOf(tuple)
    return [typeof source === 'string' ? (ids.get(source) ?? source) : source, ...rest]
  })
  return { ...properties, proxyWidgets }
}

function renamed(id: number | string, ids: IdMap): string {
  return ids.get(String(id)) ?? String(id)
}

function visible(text: string | null | undefined): string | undefined {
  return text === null || text === '' ? undefined : text
}

function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.infer<T> {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data
  const details = z.prettifyError(error).replaceAll('\n', ' ').slice(0, 300)
  throw new ConversionRefusedError([
    {
      code: 'damaged_file',
      message: `${what} is not as ComfyUI writes it: ${details}`,
      fix: 'Open it in ComfyUI and save it again.',
    },
  ])
}

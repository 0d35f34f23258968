import { z } from 'zod'
import table from './core-nodes.json' with { type: 'json' }
import { nodeDefinitionSchema, type NodeDefinition } from './object-info.ts'
import { isRecord } from '../../lib/json-record.ts'

/** The ComfyUI versions that the table describes. */
export type CoreNodesVersion = '0.33.0' | '0.3.64'

const nodesSchema = z.record(z.string(), z.unknown())
const tableSchema = z.object({
  shared: z.array(z.unknown()),
  nodes: nodesSchema,
  older: z.object({ lacks: z.array(z.string()), nodes: nodesSchema }),
})

interface CoreNodes {
  classTypes: readonly string[]
  /** Class → its stored form. */
  stored: Map<string, unknown>
  /** Class → its definition, for the classes that were asked for. */
  expanded: Map<string, NodeDefinition>
  shared: readonly unknown[]
}

const cache = new Map<CoreNodesVersion, CoreNodes>()

/**
 * The definition of a class of bare ComfyUI in the shape of `/object_info`, without texts for people and without model
 * or input files in its lists. Expanded on first use and shared by all callers: not to be changed. Undefined when the
 * version has no such class.
 */
export function coreNode(classType: string, version: CoreNodesVersion = '0.33.0'): NodeDefinition | undefined {
  const nodes = coreNodes(version)
  const known = nodes.expanded.get(classType)
  if (known !== undefined) return known
  const stored = nodes.stored.get(classType)
  if (stored === undefined) return undefined
  const definition = nodeDefinitionSchema.parse(expand(classType, resolve(read(stored), nodes.shared), version))
  nodes.expanded.set(classType, definition)
  return definition
}

/** Names of all classes of bare ComfyUI, the nodes of paid services included. */
export function coreClassTypes(version: CoreNodesVersion = '0.33.0'): readonly string[] {
  return coreNodes(version).classTypes
}

function coreNodes(version: CoreNodesVersion): CoreNodes {
  let nodes = cache.get(version)
  if (nodes === undefined) {
    const { shared, nodes: newer, older } = tableSchema.parse(table)
    const stored = new Map(Object.entries(newer))
    if (version === '0.3.64') {
      for (const classType of older.lacks) stored.delete(classType)
      for (const [classType, node] of Object.entries(older.nodes)) stored.set(classType, node)
    }
    nodes = { classTypes: [...stored.keys()], stored, expanded: new Map(), shared }
    cache.set(version, nodes)
  }
  return nodes
}

/** A bundle may have each class as a text of its own, so that only those are read that are asked for. */
function read(stored: unknown): unknown {
  return typeof stored === 'string' ? JSON.parse(stored) : stored
}

/** Puts shared values back where the table only refers to them. */
function resolve(value: unknown, shared: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((inner) => resolve(inner, shared))
  if (!isRecord(value)) return value
  const position = value['$']
  if (typeof position === 'number') return resolve(shared[position], shared)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner, shared)]))
}

/** The keys of `/object_info`, from what the table stores only where it says something. */
function expand(classType: string, stored: unknown, version: CoreNodesVersion): unknown {
  if (!isRecord(stored)) return stored
  const { input, output, module, ...rest } = stored
  const outputs: unknown[] = Array.isArray(output) ? output : []
  const groups = isRecord(input) ? Object.entries(input) : []
  return {
    input,
    input_order: Object.fromEntries(groups.map(([group, specs]) => [group, isRecord(specs) ? Object.keys(specs) : []])),
    ...(version === '0.33.0' && { is_input_list: false }),
    output: outputs,
    output_is_list: outputs.map(() => false),
    output_name: outputs,
    name: classType,
    display_name: classType,
    description: '',
    python_module: module,
    category: '',
    output_node: false,
    ...(version === '0.33.0' && { has_intermediate_output: false, search_aliases: [] }),
    ...rest,
  }
}

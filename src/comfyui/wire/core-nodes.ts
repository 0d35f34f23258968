import { isRecord } from '../../lib/json-record.ts'
import { openCoreNodeTable, type CoreNodesVersion, type CoreNodeTable } from './core-node-table.ts'
import { nodeDefinitionSchema, type NodeDefinition } from './object-info.ts'

export type { CoreNodesVersion } from './core-node-table.ts'

interface CoreNodes {
  readonly table: CoreNodeTable
  /** Class → its definition, for the classes that were asked for. */
  readonly expanded: Map<string, NodeDefinition>
}

const cache = new Map<CoreNodesVersion, CoreNodes>()

/**
 * The definition of a class of bare ComfyUI in the shape of `/object_info`, without texts for people and without model
 * or input files in its lists. Expanded on first use and shared by all callers: not to be changed. Undefined when the
 * version has no such class.
 */
export function coreNode(classType: string, version: CoreNodesVersion = '0.33.0'): NodeDefinition | undefined {
  const { table, expanded } = coreNodes(version)
  const known = expanded.get(classType)
  if (known !== undefined) return known
  const stored = table.stored(classType)
  if (stored === undefined) return undefined
  const definition = nodeDefinitionSchema.parse(expand(classType, resolve(stored, table), version))
  expanded.set(classType, definition)
  return definition
}

/** Names of all classes of bare ComfyUI, the nodes of paid services included. */
export function coreClassTypes(version: CoreNodesVersion = '0.33.0'): readonly string[] {
  return coreNodes(version).table.classTypes()
}

function coreNodes(version: CoreNodesVersion): CoreNodes {
  let nodes = cache.get(version)
  if (nodes === undefined) {
    nodes = { table: openCoreNodeTable(version), expanded: new Map() }
    cache.set(version, nodes)
  }
  return nodes
}

/** Puts shared values back where the table only refers to them. */
function resolve(value: unknown, table: CoreNodeTable): unknown {
  if (Array.isArray(value)) return value.map((inner) => resolve(inner, table))
  if (!isRecord(value)) return value
  const position = value['$']
  if (typeof position === 'number') return resolve(table.shared(position), table)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolve(inner, table)]))
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

import { z } from 'zod'
import table from './core-nodes.json' with { type: 'json' }

/** The ComfyUI versions that the table describes. */
export const coreNodesVersions = ['0.33.0', '0.3.64'] as const
export type CoreNodesVersion = (typeof coreNodesVersions)[number]

/** What is stored of the classes of one version. */
export interface CoreNodeTable {
  classTypes(): readonly string[]
  /** Undefined when the version has no such class. */
  stored(classType: string): unknown
  /** What several classes refer to by its position. */
  shared(position: number): unknown
}

const nodesSchema = z.record(z.string(), z.unknown())
const tableSchema = z.object({
  shared: z.array(z.unknown()),
  nodes: nodesSchema,
  older: z.object({ lacks: z.array(z.string()), nodes: nodesSchema }),
})

/** See scripts/make-core-nodes.ts for what is stored. */
export function openCoreNodeTable(version: CoreNodesVersion): CoreNodeTable {
  const { shared, nodes, older } = tableSchema.parse(table)
  const stored = new Map(Object.entries(nodes))
  if (version === '0.3.64') {
    for (const classType of older.lacks) stored.delete(classType)
    for (const [classType, node] of Object.entries(older.nodes)) stored.set(classType, node)
  }
  const classTypes = [...stored.keys()]
  return {
    classTypes: () => classTypes,
    stored: (classType) => stored.get(classType),
    shared: (position) => shared[position],
  }
}

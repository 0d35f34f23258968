import type { NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { NodeLookup } from '../../../comfyui/wire/object-info.ts'
import type { DeclaredInput } from '../../../comfyui/wire/verdict/compile-node.ts'
import type { LinkedNodes } from '../../graph/graph-rules.ts'

/** A graph with what is known of it, for those who look for mistakes in it. */
export interface CheckedGraph {
  readonly nodes: LinkedNodes
  /** Every class of the graph has a definition here; `unreadable` ones are unknown. */
  readonly lookUp: NodeLookup
  readonly catalogue: NodeCatalogue
  /** Ids of nodes that ComfyUI would run. */
  readonly reached: ReadonlySet<string>
  /** Node → the type of the error that says that ComfyUI fails when it looks at it. */
  readonly failures: ReadonlyMap<string, string>
  /** Ids of nodes that ComfyUI itself finds on a cycle. */
  readonly cyclic: ReadonlySet<string>
  /** Name → input, for the inputs that a node declares with the values that it has. */
  declared(id: string): ReadonlyMap<string, DeclaredInput>
}

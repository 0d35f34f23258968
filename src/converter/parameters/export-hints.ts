/*
 * What the file of the editor knows beyond the prompt that was made of it. Everything is optional: an export in API
 * format has none of it. Nodes are named by their ids in the prompt, such as `12` or `12:5`.
 */

/** An input of a node of the prompt. */
export interface InputReference {
  readonly node: string
  readonly input: string
}

/** One value that its author sees once, and that may feed several inputs. */
export interface SharedInput {
  /** The name in the file: of the subgraph's input, or of the widget. */
  readonly name: string
  /** What its author called it: the label of the input, or the title of the primitive. */
  readonly label?: string
  /** The inputs that get the value, in the order of the file; those with a link are left out. Not empty. */
  readonly targets: readonly InputReference[]
}

export interface PromotedInput extends SharedInput {
  /** `subgraph`: an input of a subgraph shown on its host. `primitive`: a PrimitiveNode. */
  readonly source: 'subgraph' | 'primitive'
  /** How many subgraphs are around the host or primitive; 0: it stands in the root graph. */
  readonly depth: number
  /** Title of the host, else the name of its subgraph. */
  readonly host?: string
}

export interface NodeHint {
  /** Title that its author gave; absent where the editor wrote the name of the class. */
  readonly title?: string
  /** Titles, else names, of the subgraphs around the node, outermost first. */
  readonly hosts?: readonly string[]
  /** Input → what the editor does with its value after each run: `fixed`, `randomize`, `increment`, `decrement`. */
  readonly controls?: Readonly<Record<string, string>>
  /** Input → label that its author gave. */
  readonly labels?: Readonly<Record<string, string>>
  /** `min`, `max` and `step` among the properties of a PrimitiveInt or PrimitiveFloat. */
  readonly range?: { readonly min?: number; readonly max?: number; readonly step?: number }
  /** `cnr_id`, `aux_id` and `ver` among the properties. */
  readonly pack?: { readonly cnrId?: string; readonly auxId?: string; readonly version?: string }
}

/** A model file with its address, from `properties.models` of a node or `models` of the file. */
export interface ModelHint {
  readonly name: string
  readonly directory?: string
  readonly url?: string
  readonly hash?: string
  /** Such as `SHA256`. */
  readonly hashType?: string
}

export interface ExportHints {
  /** What the workflow is called: by its file, or by whoever asks. */
  readonly name?: string
  /** Texts of the notes of the root graph, in the order of the file. */
  readonly notes?: readonly string[]
  /** Id of a node of the prompt → what is known of it. */
  readonly nodes?: ReadonlyMap<string, NodeHint>
  /** Inputs of subgraphs and primitives, in the order in which the editor shows them. */
  readonly promoted?: readonly PromotedInput[]
  /** The entries of app mode (`extra.linearData`) that still exist, in order; empty or absent: no app mode. */
  readonly appInputs?: readonly SharedInput[]
  /** Ids of the nodes whose outputs app mode shows. */
  readonly appOutputs?: readonly string[]
  readonly models?: readonly ModelHint[]
}

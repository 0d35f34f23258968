import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { ExportHints } from './parameters/export-hints.ts'

/** What was made of an export. */
export interface Conversion {
  /** What kind of file it was: `ui` as the editor saves it, `api` as ComfyUI runs it. */
  readonly format: 'ui' | 'api'
  /** The graph that ComfyUI runs. */
  readonly prompt: Prompt
  /** What the file leaves open, or what was guessed. */
  readonly warnings: readonly ConversionWarning[]
  /** What the file knows beyond the prompt. */
  readonly hints: ExportHints
}

export type WarningCode =
  /** No node of the workflow runs: the prompt is empty. */
  | 'nothing_runs'
  /** The prompt is kept as it is, but its class is not among the definitions. */
  | 'unknown_class'
  /** A node of the editor alone was left out, and nothing is known of it. */
  | 'unknown_label'
  /** A link leads nowhere; the input is as if it had none. */
  | 'broken_link'
  /** A required input has no value: ComfyUI will refuse the prompt. */
  | 'missing_input'
  /** Values did not fit the inputs by their positions, and were put where they fit. */
  | 'values_realigned'
  /** A value is not of the type of its input. */
  | 'value_type'
  /** A whole number of a prompt has more digits than are kept. */
  | 'number_rounded'
  /** A value is none of the choices of its input. */
  | 'value_not_in_list'
  /** More values than inputs. */
  | 'values_left_over'
  /** Values were taken by name, as the definitions do not tell their order. */
  | 'values_by_name'
  /** The values by position and the values by name in the file are not the same. */
  | 'values_disagree'
  /** The selected option of a dynamic input is unknown to the definitions. */
  | 'unknown_option'
  /** The browser completes this node when it queues the prompt. */
  | 'browser_completes'
  /** Nodes inside of a muted or bypassed subgraph run nevertheless. */
  | 'muted_subgraph_runs'
  /** The browser would change the text when it queues the prompt; it is kept as it was written. */
  | 'kept_literally'
  /** A GetNode without its SetNode. */
  | 'unresolved_getter'
  /** A value of a subgraph's host for which no input was found. */
  | 'unplaced_host_value'
  /** Hints could not be taken from the file of the editor that came with the prompt. */
  | 'no_hints'

/** Something a person should know of the result. */
export interface ConversionWarning {
  readonly code: WarningCode
  /** Id in the prompt, such as `12` or `12:5`. */
  readonly node?: string
  readonly classType?: string
  readonly input?: string
  readonly message: string
}

export type RefusalCode =
  | 'not_an_export'
  | 'damaged_file'
  | 'unknown_class'
  | 'missing_subgraph'
  | 'recursive_subgraph'
  | 'too_large'
  | 'legacy_group_node'
  | 'needs_browser'

/** Why no prompt can be made. */
export interface RefusalReason {
  readonly code: RefusalCode
  /** Id of the node, with those of the subgraphs around it: `12:5`. */
  readonly node?: string
  readonly title?: string
  readonly classType?: string
  /** The custom node pack as the file names it: id in the registry, or GitHub id. */
  readonly pack?: string
  readonly message: string
  /** What to do about it. */
  readonly fix?: string
}

/** No prompt can be made of the export. `reasons` holds all that is in the way, not only the first. */
export class ConversionRefusedError extends Error {
  readonly reasons: readonly RefusalReason[]

  constructor(reasons: readonly RefusalReason[]) {
    super(reasons.map(({ message, fix }) => (fix === undefined ? message : `${message} ${fix}`)).join('\n'))
    this.name = 'ConversionRefusedError'
    this.reasons = reasons
  }
}

/**
 * How bad it is. `error`: ComfyUI refuses the prompt, ends of it, or the job fails. `warning`: it runs, but not as
 * written. `note`: worth knowing.
 */
export type ProblemSeverity = 'error' | 'warning' | 'note'

/**
 * What would happen. `refused`: ComfyUI answers 400, or leaves out an output. `fatal`: it answers 200, and its worker
 * ends for ever. `fails`: it answers 200, and the job fails. `flawed`: it runs, but not as written. `broken_module`: no
 * prompt can be made.
 */
export type ProblemKind = 'refused' | 'fatal' | 'fails' | 'flawed' | 'broken_module'

/** One mistake that a check found. */
export interface CheckProblem {
  readonly severity: ProblemSeverity
  readonly kind: ProblemKind
  /** Stable. Where ComfyUI itself refuses, its `error.type`, such as `value_not_in_list`. */
  readonly code: string
  /** Id of the node. */
  readonly node?: string
  readonly classType?: string
  readonly input?: string
  /** Of the module: JSON pointer into the parameters, such as `/steps`. */
  readonly parameter?: string
  /** The value that is wrong, as it stands in the graph. */
  readonly value?: unknown
  /** What is wrong, as a sentence for a person. */
  readonly message: string
  /** What to do about it. */
  readonly fix?: string
  /** Which choice of parameters shows it; absent where every graph of the module does. */
  readonly when?: string
  /** Place in the module, where it can be known. Lines count from 1. */
  readonly line?: number
}

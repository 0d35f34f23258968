import type { Prompt } from '../comfyui/wire/prompt.ts'
import type { FieldError } from '../errors/gateway-error.ts'
import type { MediaKind } from './parameters/media.ts'
import type { NameList } from './parameters/names.ts'
import type { WorkflowDefinition, WorkflowGraph } from './workflow-definition.ts'

/** A parameter that takes media: where it is in the request and what it takes. */
export interface MediaField {
  /** Path of property names into the parameters; `*` stands for every element of an array. */
  readonly path: readonly string[]
  readonly kind: MediaKind
}

/** A parameter that takes any text, of which an instance takes only those of its lists. */
export interface ListField {
  /** As in `MediaField`. */
  readonly path: readonly string[]
  /** The inputs of nodes that get its text as it is. Some may turn out to have no list. */
  readonly places: readonly { readonly classType: string; readonly input: string }[]
  /** The list that the module says it is, which counts where the places say nothing: they may be none. */
  readonly list?: NameList
}

/** A parameter of which the module says what it names. */
export interface NameField {
  /** As in `MediaField`. */
  readonly path: readonly string[]
  readonly list: NameList
}

/** A workflow module that loaded, ready to serve requests. Immutable: a changed file makes a new one. */
export interface ServedWorkflow {
  /** Route without the leading slash, such as `qwen/qwen_base_txt2img`. */
  readonly name: string
  /** Path of the module relative to its workflow folder. */
  readonly file: string
  /** Counts up with every reload of the file. */
  readonly generation: number
  readonly definition: WorkflowDefinition
  readonly mediaFields: readonly MediaField[]
  readonly listFields: readonly ListField[]
  /** Things the author should know, such as a union whose keys cannot be checked. */
  readonly warnings: readonly string[]
  /** JSON Schema (2020-12) of the parameters, as a caller sends them. Random defaults are left out. */
  readonly inputJsonSchema: Readonly<Record<string, unknown>>
  /** Parameter names at the top level, for deciding between the flat and the `{input}` form. */
  readonly parameterNames: readonly string[]
  /**
   * Checks raw parameters and fills in defaults.
   * @throws GatewayError `validation_error`, one entry per problem, unknown keys with the nearest known name
   */
  parse(raw: unknown): unknown
  /**
   * The graph for parsed parameters as the module makes it, with whatever is wrong in it.
   * @throws GatewayError `workflow_failed`
   */
  generate(input: unknown): Promise<WorkflowGraph>
  /**
   * Builds the prompt for parsed parameters: complete (`inputs` and `_meta` on every node), free of strings of the
   * caller in file-like inputs but for `uploads`, and free of what would crash ComfyUI. Every `filename_prefix` is
   * `filenamePrefix`.
   * @throws GatewayError `workflow_failed`, `invalid_workflow`, `unsafe_prompt`
   */
  build(input: unknown, options: { uploads: ReadonlySet<string>; filenamePrefix: string }): Promise<Prompt>
  /** The text of the module; undefined when it cannot be read any more. */
  readSource(): Promise<string | undefined>
  /**
   * Adds the caller's parameter (`pointer`) to errors that name a node and an input, and to errors about a class or a
   * model that an instance does not have where the module says it is to be had. Never throws.
   */
  nameParameters(input: unknown, errors: readonly FieldError[]): Promise<readonly FieldError[]>
}

/** A file in a workflow folder that is not served as it stands, and why. */
export interface WorkflowProblem {
  readonly file: string
  /** The route it would have. */
  readonly name: string | undefined
  readonly line: number | undefined
  readonly column: number | undefined
  readonly reason: string
  /** The previous version of the file goes on serving. */
  readonly servingPrevious: boolean
}

export interface WorkflowRegistry {
  get(name: string): ServedWorkflow | undefined
  /** Sorted by name. */
  list(): readonly ServedWorkflow[]
  problems(): readonly WorkflowProblem[]
  /** Counts up whenever what `list` or `problems` answer changes. */
  readonly revision: number
  /** Reads all folders again; resolves when the registry reflects the files as they were at the call. */
  reload(): Promise<void>
  onChange(listener: () => void): void
  close(): Promise<void>
}

import type { z } from 'zod'

/** A model file that a workflow needs, and where it can be had. */
export interface RequiredModel {
  /** File name as ComfyUI lists it, such as `qwen_image_vae.safetensors`. */
  readonly name: string
  /** Folder below `models/`, such as `vae`. Unknown where a module only gives the name. */
  readonly directory?: string
  readonly url?: string
  readonly sizeBytes?: number
  readonly sha256?: string
}

/** A pack of custom nodes that a workflow needs. */
export interface RequiredNode {
  /** Registry id of the pack, such as `rgthree-comfy`. */
  readonly pack: string
  readonly version?: string
  readonly url?: string
  /** The classes of the pack that the workflow uses. */
  readonly classTypes?: readonly string[]
}

/** What a workflow needs. */
export interface WorkflowMetadata {
  readonly requiredNodes?: readonly RequiredNode[]
  readonly requiredModels?: readonly RequiredModel[]
}

/** What a module may say of its needs: the same, or names, and beside them where the models are to be had. */
export interface DeclaredMetadata {
  readonly requiredNodes?: readonly (string | RequiredNode)[]
  readonly requiredModels?: readonly (string | RequiredModel)[]
  /** Name of a model → its address. */
  readonly modelSources?: Readonly<Record<string, string>>
}

/** A node that `generateWorkflow` returns. `inputs` may be given without `_meta`; ComfyUI gets both. */
export interface WorkflowNode {
  readonly class_type: string
  readonly inputs: Readonly<Record<string, unknown>>
  readonly _meta?: { readonly title?: string }
}

export type WorkflowGraph = Readonly<Record<string, WorkflowNode>>

export interface WorkflowDefinition<Schema extends z.ZodType = z.ZodType, Metadata = WorkflowMetadata> {
  /** One line, shown in lists. */
  readonly summary?: string
  /** Markdown, shown in the documentation. */
  readonly description?: string
  /** What a caller may send. Served as JSON Schema; plain objects refuse unknown keys at every depth. */
  readonly RequestSchema: Schema
  /** Builds the prompt from parsed input. Pure: it is called again to find out which parameter feeds which node. */
  readonly generateWorkflow: (input: z.output<Schema>) => WorkflowGraph | Promise<WorkflowGraph>
  /** Names for output nodes: `{ image: '9' }`. What a node with a name only shows is an output, too. */
  readonly outputs?: Readonly<Record<string, string>>
  /** Request bodies that work, shown in the documentation. */
  readonly examples?: readonly z.input<Schema>[]
  readonly metadata?: Metadata
  /** How long a job of this workflow may take, where the settings of the server do not fit it. */
  readonly limits?: WorkflowLimits
}

/** Whole seconds. */
export interface WorkflowLimits {
  /** Longest wait for an instance. */
  readonly queueTimeoutSeconds?: number
  /** Longest run on an instance, from its start there. */
  readonly runTimeoutSeconds?: number
  /** Longest silence while it runs: raise it where a node works for long without telling progress. */
  readonly stallTimeoutSeconds?: number
}

export type OutputKind = 'image' | 'video' | 'audio' | 'text' | '3d' | 'latent' | 'file'

/** Whether the texts that ComfyUI writes into files, such as the prompt, stay in them. */
export type OutputMetadata = 'keep' | 'strip'

/** One output of a job, complete in the output store under `<job id>.<index>`, unless it was passed on. Immutable. */
export interface JobOutput {
  /** Position in the job's outputs, from 0. */
  readonly index: number
  /** Node of the prompt that made it. */
  readonly nodeId: string
  /** The workflow's name for the node, where it gave one. */
  readonly name: string | undefined
  readonly kind: OutputKind
  readonly contentType: string
  readonly sizeBytes: number
  /** Under which a person would save it: see `nameOutput`. */
  readonly filename: string
  /** The texts in the file were removed when it was stored. */
  readonly isStripped?: boolean
  /** A preview that a node showed beside what was saved. */
  readonly isIntermediate?: boolean
  /** Whoever ran the job took it whole, so it was never stored. */
  readonly isPassedOn?: boolean
}

/** What is asked of a transpiler: the part of oxc-transform that is used, so that another one can stand for it. */
export type Transform = (
  file: string,
  source: string,
  options: { readonly sourceType: 'module'; readonly sourcemap: true },
) => TransformResult

export interface TransformResult {
  readonly code: string
  readonly map?: {
    readonly version: number
    readonly names: string[]
    readonly mappings: string
    readonly sourcesContent?: string[]
  }
  readonly errors: readonly TransformError[]
}

export interface TransformError {
  readonly severity: string
  readonly message: string
  /** Positions in the source, in bytes of UTF-8. */
  readonly labels: readonly { readonly start: number }[]
  readonly helpMessage: string | null
}

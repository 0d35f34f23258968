/** A place in the source of a module. */
export interface ModulePosition {
  /** Absolute path. */
  readonly file: string
  readonly line: number
  readonly column: number | undefined
}

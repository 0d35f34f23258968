/** A file that a caller sent as a parameter, kept in the data directory until no job needs it. */
export interface InputFile {
  /**
   * The name under which it goes to ComfyUI: made by us from the content, `comfyui-api/<sha256>.<extension of the sniffed
   * type>`, of a 3D model below `3d/`.
   */
  readonly name: string
  readonly sha256: string
  /** Sniffed from the bytes, never what the caller claimed. */
  readonly contentType: string
  readonly sizeBytes: number
}

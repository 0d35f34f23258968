/** What the command line asks to be rendered. */
export interface RenderRequest {
  /** A workflow by its name in folders, or a module that may lie anywhere. */
  readonly target: { readonly name: string; readonly folders: readonly string[] } | { readonly file: string }
  /** JSON of the parameters. */
  readonly inputText?: string
  /** More parameters as a person writes them; media as `@` and the path of a file. */
  readonly parameters: readonly (readonly [name: string, text: string])[]
  /** What modules written for Salad's comfyui-api find as `config.warmupCkpt`. */
  readonly warmupCheckpoint: string | undefined
}

/** Makes the prompt that a request would run. Rejects with GatewayError for what a person can mend. */
export type RenderPrompt = (
  request: RenderRequest,
) => Promise<{ readonly prompt: object; readonly warnings: readonly string[] }>

/** One node of a prompt as it was submitted; more keys than these are kept. */
export interface SubmittedNode {
  class_type: string
  inputs: Record<string, unknown>
}

/** A prompt as the server holds it: values that no JSON of ours could say, such as `NaN`, are there as well. */
export type SubmittedPrompt = Record<string, SubmittedNode>

import type { Prompt } from '../comfyui/wire/prompt.ts'
import { completePrompt } from '../workflows/graph/complete-prompt.ts'
import { exampleBody } from '../workflows/parameters/example-body.ts'
import type { ServedWorkflow } from '../workflows/served-workflow.ts'

/** Stands for media of a caller: the name of a file as uploads get it. */
export const sampleUpload = 'comfyui-api/media-of-the-caller.png'

const filenamePrefix = 'comfyui-api/readiness'

/**
 * What the smallest request would run; where that cannot be made up, what the first example of the author would.
 * Undefined when neither makes a graph.
 */
export async function defaultPrompt(workflow: ServedWorkflow): Promise<Prompt | undefined> {
  const smallest = exampleBody(workflow, { isFull: false, media: sampleUpload })
  for (const body of [smallest, ...(workflow.definition.examples ?? [])]) {
    try {
      return completePrompt(await workflow.generate(workflow.parse(body)), filenamePrefix)
    } catch {
      // What is wrong with the module is said by its check.
    }
  }
  return undefined
}

import type { z } from 'zod'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { checkGraph } from './check-graph.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { checkFileInputs } from './check-file-inputs.ts'
import { completePrompt } from './complete-prompt.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

export interface BuildPromptOptions {
  readonly schema: z.ZodType
  /** Parsed parameters, media replaced by the names of their uploads. */
  readonly input: unknown
  readonly uploads: ReadonlySet<string>
  readonly filenamePrefix: string
  readonly generate: (input: unknown) => Promise<WorkflowGraph>
  readonly nodes: NodeLookup
}

/**
 * Builds the prompt of a request: complete, and safe to send.
 * @throws GatewayError `invalid_workflow`, `unsafe_prompt`; whatever the module throws; GraphError
 */
export async function buildPrompt(options: BuildPromptOptions): Promise<Prompt> {
  const prompt = completePrompt(await options.generate(options.input), options.filenamePrefix)
  checkGraph(prompt, options.nodes)
  await checkFileInputs(prompt, options)
  return prompt
}

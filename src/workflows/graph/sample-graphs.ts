import type { z } from 'zod'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { sampleInput } from '../parameters/sample-input.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'
import { completePrompt } from './complete-prompt.ts'

export interface SampleGraphsOptions {
  readonly schema: z.core.$ZodType
  readonly generate: (input: unknown) => WorkflowGraph | Promise<WorkflowGraph>
}

/** A graph made of parameters that nobody sent. */
export interface SampleGraph {
  readonly prompt: Prompt
  /** Text in the graph → the parameter that it came from; `*` stands for every element of an array. */
  readonly texts: ReadonlyMap<string, readonly string[]>
}

/** Graphs that show where texts of the caller end up: with booleans as they are, all true, and all false. */
export async function* sampleGraphs({ schema, generate }: SampleGraphsOptions): AsyncGenerator<SampleGraph> {
  for (const booleans of [undefined, true, false]) {
    const { input, texts } = sampleInput(schema, booleans === undefined ? {} : { booleans })
    if (texts.size === 0) return
    let prompt: Prompt
    try {
      prompt = completePrompt(await generate(input), '')
    } catch {
      // A sample is no request: what a module makes of it says nothing.
      continue
    }
    yield { prompt, texts }
  }
}

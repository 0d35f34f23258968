import type { z } from 'zod'
import { withinTime } from '../../lib/within-time.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { completePrompt } from './complete-prompt.ts'
import { findFileInputs, mediaOfInput } from './find-file-inputs.ts'
import { sampleInput } from '../parameters/sample-input.ts'
import type { MediaField } from '../served-workflow.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

export interface FindMediaFieldsOptions {
  readonly schema: z.core.$ZodType
  readonly generate: (input: unknown) => WorkflowGraph | Promise<WorkflowGraph>
  readonly nodes: NodeLookup
}

/** For all of it: loading does not wait for a module that never answers. */
const timeoutMs = 2000

/**
 * The parameters that take any text and whose text a graph gives to a node that loads media. What the caller sends there
 * can only be the media itself: names of files are not for callers to choose. Modules that say `image()` need no such
 * search; those written for Salad's comfyui-api say `z.string()`. Never rejects: what cannot be tried has no media.
 */
export async function findMediaFields(options: FindMediaFieldsOptions): Promise<readonly MediaField[]> {
  return (await withinTime(search(options), timeoutMs)) ?? []
}

async function search({ schema, generate, nodes }: FindMediaFieldsOptions): Promise<readonly MediaField[]> {
  const found = new Map<string, MediaField>()
  for (const booleans of [undefined, true, false]) {
    const { input, texts } = sampleInput(schema, booleans === undefined ? {} : { booleans })
    if (texts.size === 0) break
    try {
      const prompt = completePrompt(await generate(input), '')
      for (const file of findFileInputs(prompt, nodes)) {
        const path = texts.get(file.value)
        const kind = mediaOfInput(file, nodes)
        if (path !== undefined && kind !== undefined) found.set(path.join('\0'), { path, kind })
      }
    } catch {
      // A sample is no request: what a module makes of it says nothing.
    }
  }
  return [...found.values()]
}

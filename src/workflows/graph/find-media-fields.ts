import { withinTime } from '../../lib/within-time.ts'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { findFileInputs, mediaOfInput, withoutInputMark } from './find-file-inputs.ts'
import { sampleGraphs, type SampleGraphsOptions } from './sample-graphs.ts'
import type { MediaField } from '../served-workflow.ts'

export interface FindMediaFieldsOptions extends SampleGraphsOptions {
  readonly nodes: NodeLookup
}

/** For all of it: loading does not wait for a module that never answers. What was found by then counts. */
const timeoutMs = 2000

/**
 * The parameters that take any text and whose text a graph gives to a node that loads media. What the caller sends there
 * can only be the media itself: names of files are not for callers to choose. Modules that say `image()` need no such
 * search; those written for Salad's comfyui-api say `z.string()`. Never rejects: what cannot be tried has no media.
 */
export async function findMediaFields(options: FindMediaFieldsOptions): Promise<readonly MediaField[]> {
  const found = new Map<string, MediaField>()
  await withinTime(search(options, found), timeoutMs)
  return [...found.values()]
}

async function search(options: FindMediaFieldsOptions, found: Map<string, MediaField>): Promise<void> {
  for await (const { prompt, texts } of sampleGraphs(options)) {
    for (const file of findFileInputs(prompt, options.nodes)) {
      const path = texts.get(withoutInputMark(file.value))
      const kind = mediaOfInput(file, options.nodes)
      if (path !== undefined && kind !== undefined) found.set(path.join('\0'), { path, kind })
    }
  }
}

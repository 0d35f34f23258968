import { randomUUID } from 'node:crypto'
import type { Prompt } from '../../comfyui/wire/prompt.ts'

/** Where ComfyUI saves what one job makes, and no other: a file of an earlier one may be gone. */
export function mintFilenamePrefix(): string {
  return `comfyui-api/${randomUUID()}`
}

/**
 * The same prompt, saving under another `filename_prefix`. Without that ComfyUI would not run the nodes that save once
 * more, and name the files of the time before.
 */
export function withFilenamePrefix(prompt: Prompt, filenamePrefix: string): Prompt {
  return Object.fromEntries(
    Object.entries(prompt).map(([id, node]) => {
      if (!Object.hasOwn(node.inputs, 'filename_prefix')) return [id, node]
      return [id, { ...node, inputs: { ...node.inputs, filename_prefix: filenamePrefix } }]
    }),
  )
}

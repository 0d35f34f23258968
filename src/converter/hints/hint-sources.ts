import { isPromptLink, type Prompt } from '../../comfyui/wire/prompt.ts'
import type { LoadedWorkflow } from '../graph/graph.ts'
import type { FindSlots } from '../graph/promoted-slots.ts'
import type { PlacedNode } from '../graph/walk-nodes.ts'
import type { InputReference } from '../parameters/export-hints.ts'

/** What hints are taken from. */
export interface HintSources {
  readonly workflow: LoadedWorkflow
  readonly places: readonly PlacedNode[]
  readonly prompt: Prompt
  readonly findSlots: FindSlots
}

/** Whether the prompt has a value there, and no link. */
export function hasValue(prompt: Prompt, { node, input }: InputReference): boolean {
  const inputs = prompt[node]?.inputs ?? {}
  return Object.hasOwn(inputs, input) && !isPromptLink(inputs[input])
}

import type { Prompt } from '../../comfyui/wire/prompt.ts'
import type { LoadedWorkflow } from '../graph/graph.ts'
import type { FindSlots } from '../graph/promoted-slots.ts'
import type { LinkResolver } from '../graph/resolve-links.ts'
import type { PlacedNode } from '../graph/walk-nodes.ts'
import type { ExportHints } from '../parameters/export-hints.ts'

export interface HintSources {
  readonly workflow: LoadedWorkflow
  readonly places: readonly PlacedNode[]
  readonly prompt: Prompt
  readonly resolver: LinkResolver
  readonly findSlots: FindSlots
}

export function collectHints(_sources: HintSources): ExportHints {
  return {}
}

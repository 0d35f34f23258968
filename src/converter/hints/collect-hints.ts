import type { ExportHints } from '../parameters/export-hints.ts'
import { appInputs, appOutputs } from './app-mode.ts'
import type { HintSources } from './hint-sources.ts'
import { modelHints } from './model-hints.ts'
import { nodeHints } from './node-hints.ts'
import { noteTexts } from './note-texts.ts'
import { promotedInputs } from './promoted-inputs.ts'

/** What the file of the editor knows beyond the prompt that was made of it. */
export function collectHints(sources: HintSources): ExportHints {
  return {
    notes: noteTexts(sources.workflow),
    nodes: nodeHints(sources),
    promoted: promotedInputs(sources),
    appInputs: appInputs(sources),
    appOutputs: appOutputs(sources),
    models: modelHints(sources),
  }
}

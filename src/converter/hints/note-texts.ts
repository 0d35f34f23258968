import type { LoadedWorkflow } from '../graph/graph.ts'
import { listOf } from '../list-of.ts'

const noteTypes: ReadonlySet<string> = new Set(['Note', 'MarkdownNote'])

/** Texts of the notes of the root graph, in the order of the file. */
export function noteTexts({ ui }: LoadedWorkflow): string[] {
  return ui.root.nodes
    .filter(({ type }) => noteTypes.has(type))
    .map(({ values }) => listOf(values)[0])
    .filter((text) => typeof text === 'string')
    .filter((text) => text.trim() !== '')
}

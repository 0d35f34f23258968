import { isRecord } from '../../lib/json-record.ts'
import type { HistoryEntry, NodeUi } from '../history.ts'

export type JobStatus = 'pending' | 'in_progress' | 'completed' | 'failed' | 'cancelled'

export function jobStatus(entry: HistoryEntry): JobStatus {
  if (entry.succeeded) return 'completed'
  return entry.messages.some(([type]) => type === 'execution_interrupted') ? 'cancelled' : 'failed'
}

const maxTextLength = 1024
const previewableKeys = new Set(['images', 'video', 'audio', '3d', 'text'])
const ignoredKeys = new Set(['animated'])

/** How many things a job made, and the one to show for it: of the last node, an output before a temporary file. */
export function outputSummary(outputs: Readonly<Record<string, NodeUi>>): Record<string, unknown> {
  let count = 0
  let previewable = 0
  let preview: Record<string, unknown> | undefined
  let fallback: Record<string, unknown> | undefined
  for (const [nodeId, ui] of Object.entries(outputs)) {
    for (const [mediaType, items] of Object.entries(ui)) {
      if (ignoredKeys.has(mediaType) || !Array.isArray(items)) continue
      for (const item of items) {
        if (typeof item === 'string' && mediaType === 'text') fallback ??= textPreview(item, nodeId)
        if (!isRecord(item)) continue
        count += 1
        if (!previewableKeys.has(mediaType)) continue
        previewable += 1
        const shown = { ...item, nodeId, mediaType }
        if (item['type'] === 'output') preview ??= shown
        else fallback ??= shown
      }
    }
  }
  const shown = preview ?? fallback
  return {
    outputs_count: count,
    previewable_outputs_count: previewable,
    ...(shown !== undefined && { preview_output: shown }),
  }
}

function textPreview(text: string, nodeId: string): Record<string, unknown> {
  const content = text.slice(0, maxTextLength)
  return { content, nodeId, mediaType: 'text', ...(content.length < text.length && { truncated: true }) }
}

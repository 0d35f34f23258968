import { isRecord } from '../../lib/json-record.ts'

/** A graph in the API format, an export to convert, or what the file holds, as the end of "this is …". */
export type FoundPrompt =
  { readonly prompt: unknown } | { readonly exported: unknown } | { readonly instead: string; readonly fix: string }

const nameGraph = 'Give a workflow that ComfyUI has exported, or a graph in API format.'

/**
 * The graph of a file: as it is, as the body of `POST /prompt`, or as an entry of ComfyUI's history, alone or under its
 * id. A faulty graph is one, too. Formats of the editor are for a converter.
 */
export function findPrompt(value: unknown): FoundPrompt {
  if (!isRecord(value)) return { instead: describe(value), fix: nameGraph }
  if (isEditorFormat(value)) return { exported: value }
  const inner = value['prompt']
  if ('prompt' in value && !isNode(inner)) {
    // [number, id, graph, extra data, outputs]
    const prompt: unknown = Array.isArray(inner) ? inner[2] : inner
    if (isRecord(prompt) && isEditorFormat(prompt)) return { exported: prompt }
    return { prompt }
  }
  if (isRecord(value['workflow']) && isEditorFormat(value['workflow'])) return { exported: value }
  const parts = Object.values(value)
  const [only] = parts
  if (parts.length === 1 && isRecord(only) && Array.isArray(only['prompt']) && !isNode(only)) return findPrompt(only)
  if (parts.length === 0 || parts.some(isNode)) return { prompt: value }
  if (parts.some((part) => isRecord(part) && isRecord(part['input']) && Array.isArray(part['output']))) {
    return { instead: 'the definitions of node classes', fix: 'Give it with --object-info, and a graph beside it.' }
  }
  if (parts.every((part) => isRecord(part) && Array.isArray(part['prompt']))) {
    return { instead: 'a history of several prompts', fix: 'Give one entry of it.' }
  }
  return { instead: 'no graph', fix: nameGraph }
}

function isEditorFormat(value: Record<string, unknown>): boolean {
  return Array.isArray(value['nodes']) && ('links' in value || 'last_node_id' in value)
}

/** Has a part of a node at least; whether it is a good one is for the check to say. */
function isNode(value: unknown): boolean {
  return isRecord(value) && ('class_type' in value || isRecord(value['inputs']))
}

function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`
}

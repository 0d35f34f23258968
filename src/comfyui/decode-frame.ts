import type { z } from 'zod'
import { parsePythonJson } from '../lib/parse-python-json.ts'
import type { ComfyuiEvent } from './comfyui-event.ts'
import {
  executedSchema,
  executingSchema,
  executionCachedSchema,
  executionErrorSchema,
  messageSchema,
  previewMetadataSchema,
  progressSchema,
  progressStateSchema,
  promptEventSchema,
  statusSchema,
} from './wire/messages.ts'

/** How Python's `json.dumps` begins every message of ComfyUI. */
const typePrefix = Buffer.from('{"type": "')
const progressStatePrefix = Buffer.from('{"type": "progress_state", "data": {"prompt_id": "')
const uuidLength = 36
const quote = 0x22

/**
 * Decodes a text frame. `undefined` for what is of no use here: unknown types, feature flags, nonsense.
 *
 * A running job sends dozens of `progress` and `progress_state` frames that nobody may ever look at, so their type and
 * prompt are read at their fixed place in the bytes; a frame written otherwise is parsed as a whole.
 *
 * @param options.skipProgress leaves `progress` out: a server that sends `progress_state` says the same there.
 */
export function decodeTextFrame(bytes: Buffer, options: { skipProgress?: boolean } = {}): ComfyuiEvent | undefined {
  const type = peekType(bytes)
  if (type === 'status') return { type: 'status', bytes }
  if (type === 'progress' && options.skipProgress) return undefined
  if (type === 'progress_state') {
    const promptId = peekProgressStatePrompt(bytes)
    if (promptId !== undefined) return { type: 'progress_state', promptId, bytes }
  }
  const message = messageSchema.safeParse(parseOrUndefined(bytes))
  return message.success ? decodeMessage(message.data.type, message.data.data, bytes) : undefined
}

function peekType(bytes: Buffer): string | undefined {
  if (bytes.compare(typePrefix, 0, typePrefix.length, 0, Math.min(typePrefix.length, bytes.length)) !== 0)
    return undefined
  const end = bytes.indexOf(quote, typePrefix.length)
  return end < 0 ? undefined : bytes.toString('latin1', typePrefix.length, end)
}

function peekProgressStatePrompt(bytes: Buffer): string | undefined {
  const start = progressStatePrefix.length
  const end = start + uuidLength
  if (bytes.length <= end || bytes[end] !== quote) return undefined
  return bytes.compare(progressStatePrefix, 0, start, 0, start) === 0 ? bytes.toString('latin1', start, end) : undefined
}

function parseOrUndefined(bytes: Buffer): unknown {
  try {
    return parsePythonJson(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

function decodeMessage(type: string, data: unknown, bytes: Buffer): ComfyuiEvent | undefined {
  switch (type) {
    case 'status':
      return { type, bytes }
    case 'execution_start':
    case 'execution_success':
    case 'execution_interrupted':
      return from(promptEventSchema, data, ({ prompt_id }) => ({ type, promptId: prompt_id }))
    case 'execution_cached':
      return from(executionCachedSchema, data, ({ prompt_id, nodes }) => ({ type, promptId: prompt_id, nodes }))
    case 'executing':
      return from(executingSchema, data, ({ prompt_id, node }) => ({
        type,
        promptId: prompt_id ?? undefined,
        node: node ?? null,
      }))
    case 'progress':
      return from(progressSchema, data, ({ prompt_id, node, value, max }) => ({
        type,
        promptId: prompt_id ?? undefined,
        node: node ?? undefined,
        value,
        max,
      }))
    case 'progress_state':
      return from(progressStateSchema.shape.data, data, ({ prompt_id }) => ({ type, promptId: prompt_id, bytes }))
    case 'executed':
      return from(executedSchema, data, ({ prompt_id, node, output }) => ({
        type,
        promptId: prompt_id,
        node,
        output: output ?? undefined,
      }))
    case 'execution_error':
      return from(executionErrorSchema, data, (error) => ({ type, promptId: error.prompt_id, error }))
    default:
      return undefined
  }
}

function from<T>(schema: z.ZodType<T>, data: unknown, event: (value: T) => ComfyuiEvent): ComfyuiEvent | undefined {
  const parsed = schema.safeParse(data)
  return parsed.success ? event(parsed.data) : undefined
}

export interface NodeProgress {
  readonly nodeId: string
  readonly value: number
  readonly max: number
  readonly state: string
}

/** The nodes of a `progress_state` frame; empty when it cannot be read. Ids are those of the prompt (`display_node_id`). */
export function parseProgressState(bytes: Buffer): NodeProgress[] {
  const parsed = progressStateSchema.safeParse(parseOrUndefined(bytes))
  if (!parsed.success) return []
  return Object.entries(parsed.data.data.nodes).map(([id, node]) => ({
    nodeId: node.display_node_id ?? id,
    value: node.value,
    max: node.max,
    state: node.state,
  }))
}

/** How many prompts wait or run on the server, by its `status` message. */
export function readQueueRemaining(bytes: Buffer): number | undefined {
  const parsed = statusSchema.safeParse(parseOrUndefined(bytes))
  return parsed.success ? parsed.data.data.status.exec_info.queue_remaining : undefined
}

/** Event numbers at the start of binary frames, as ComfyUI's `protocol.py` has them. */
const previewImage = 1
const previewImageWithMetadata = 4

/** Decodes a binary frame: previews with and without metadata. All integers are big-endian. `undefined` for the rest. */
export function decodeBinaryFrame(bytes: Buffer): ComfyuiEvent | undefined {
  if (bytes.length < 8) return undefined
  switch (bytes.readUInt32BE(0)) {
    case previewImage:
      return preview(bytes.subarray(4), undefined, undefined)
    case previewImageWithMetadata: {
      const metadataEnd = 8 + bytes.readUInt32BE(4)
      if (metadataEnd > bytes.length) return undefined
      const metadata = previewMetadataSchema.safeParse(parseOrUndefined(bytes.subarray(8, metadataEnd)))
      if (!metadata.success) return undefined
      const { prompt_id, display_node_id, node_id } = metadata.data
      return preview(bytes.subarray(metadataEnd), prompt_id ?? undefined, display_node_id ?? node_id ?? undefined)
    }
    default:
      return undefined
  }
}

const jpegMagic = Buffer.from([0xff, 0xd8, 0xff])
const pngMagic = Buffer.from([0x89, 0x50, 0x4e, 0x47])
/** Some node packs put a header of their own before the picture. */
const longestForeignHeaderBytes = 64

function preview(bytes: Buffer, promptId: string | undefined, nodeId: string | undefined): ComfyuiEvent | undefined {
  const head = bytes.subarray(0, longestForeignHeaderBytes)
  const jpegAt = head.indexOf(jpegMagic)
  const pngAt = head.indexOf(pngMagic)
  if (jpegAt < 0 && pngAt < 0) return undefined
  const isJpeg = pngAt < 0 || (jpegAt >= 0 && jpegAt < pngAt)
  return {
    type: 'preview',
    promptId,
    nodeId,
    contentType: isJpeg ? 'image/jpeg' : 'image/png',
    image: bytes.subarray(isJpeg ? jpegAt : pngAt),
  }
}

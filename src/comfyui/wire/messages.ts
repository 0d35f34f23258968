import { z } from 'zod'

/*
 * WebSocket messages of ComfyUI, loosely: unknown keys are kept out of the way, unknown types never reach these schemas.
 * Custom nodes may emit any output, so outputs stay unknown until they are collected.
 */

export const nodeOutputSchema = z.record(z.string(), z.unknown())
/** What one node shows: key (`images`, `text`, …) → items. */
export type NodeOutput = z.infer<typeof nodeOutputSchema>

const nodeProgressSchema = z.looseObject({
  value: z.number(),
  max: z.number(),
  state: z.string(),
  display_node_id: z.string().nullish(),
})

export const progressStateSchema = z.looseObject({
  data: z.looseObject({ prompt_id: z.string(), nodes: z.record(z.string(), nodeProgressSchema) }),
})

export const progressSchema = z.looseObject({
  value: z.number(),
  max: z.number(),
  prompt_id: z.string().nullish(),
  node: z.string().nullish(),
})

export const executingSchema = z.looseObject({ node: z.string().nullish(), prompt_id: z.string().nullish() })

export const executionCachedSchema = z.looseObject({ prompt_id: z.string(), nodes: z.array(z.string()) })

export const executedSchema = z.looseObject({
  prompt_id: z.string(),
  node: z.string(),
  display_node: z.string().nullish(),
  output: nodeOutputSchema.nullish(),
})

export const promptEventSchema = z.looseObject({ prompt_id: z.string(), timestamp: z.number().nullish() })

/** What `execution_error` says of the node; the same object stands in history. */
export const nodeFailureSchema = z.looseObject({
  node_id: z.string().nullish(),
  node_type: z.string().nullish(),
  exception_message: z.string().nullish(),
  exception_type: z.string().nullish(),
  timestamp: z.number().nullish(),
})
export type NodeFailure = z.infer<typeof nodeFailureSchema>

export const executionErrorSchema = nodeFailureSchema.extend({ prompt_id: z.string() })

export const statusSchema = z.looseObject({
  data: z.looseObject({ status: z.looseObject({ exec_info: z.looseObject({ queue_remaining: z.int() }) }) }),
})

export const messageSchema = z.looseObject({ type: z.string(), data: z.unknown() })

export const previewMetadataSchema = z.looseObject({
  prompt_id: z.string().nullish(),
  node_id: z.string().nullish(),
  display_node_id: z.string().nullish(),
  image_type: z.string().nullish(),
})

import { z } from 'zod'
import { nodeFailureSchema, nodeOutputSchema } from './messages.ts'

/* Answers of ComfyUI's HTTP routes, loosely. */

const nodeErrorSchema = z.looseObject({
  class_type: z.string().nullish(),
  errors: z
    .array(
      z.looseObject({
        type: z.string(),
        message: z.string().nullish(),
        details: z.string().nullish(),
        extra_info: z.looseObject({ input_name: z.unknown() }).nullish(),
      }),
    )
    .default([]),
})
/** Node id → what validation found. Null, absent, and the empty list of older servers all mean nothing. */
const nodeErrorsSchema = z
  .union([z.record(z.string(), nodeErrorSchema), z.array(z.unknown()).transform(() => undefined)])
  .nullish()
export type NodeErrors = z.infer<typeof nodeErrorsSchema>

/** The types of error by which ComfyUI says that it does not have the class of a node, new versions and old ones. */
const missingClassTypes: ReadonlySet<string> = new Set(['missing_node_type', 'invalid_prompt'])

export function isMissingClass(errorType: string): boolean {
  return missingClassTypes.has(errorType)
}

export const submitAcceptedSchema = z.looseObject({ prompt_id: z.string(), node_errors: nodeErrorsSchema })

export const submitRefusedSchema = z.looseObject({
  error: z.union([
    z.string(),
    z.looseObject({
      type: z.string(),
      message: z.string().nullish(),
      details: z.string().nullish(),
      extra_info: z.looseObject({}).nullish(),
    }),
  ]),
  node_errors: nodeErrorsSchema,
})

/** `[number, prompt_id, prompt, extra_data, outputs]`; only the id matters here. */
const queueItemSchema = z.tuple([z.unknown(), z.string()]).rest(z.unknown())
export const queueSchema = z.looseObject({
  queue_running: z.array(queueItemSchema),
  queue_pending: z.array(queueItemSchema),
})

const executionStatusSchema = z.looseObject({
  status_str: z.string().nullish(),
  completed: z.boolean().nullish(),
  messages: z.array(z.tuple([z.string(), z.unknown()])).default([]),
})
export type ExecutionStatus = z.infer<typeof executionStatusSchema>

const outputsSchema = z.record(z.string(), nodeOutputSchema)

export const historySchema = z.record(
  z.string(),
  z.looseObject({ outputs: outputsSchema.default({}), status: executionStatusSchema.nullish() }),
)

export const comfyuiJobSchema = z.looseObject({
  status: z.string(),
  outputs: outputsSchema.nullish(),
  execution_status: executionStatusSchema.nullish(),
  execution_error: nodeFailureSchema.nullish(),
})

export const uploadedSchema = z.looseObject({ name: z.string(), subfolder: z.string().default('') })

/** `GET /object_info` and `GET /object_info/{class}`: class → its definition, whatever custom nodes put into it. */
export const definitionsSchema = z.record(z.string(), z.unknown())

/** Of `/models` the folders, of `/models/{folder}` the files. */
export const namesSchema = z.array(z.string())

export const systemStatsSchema = z.looseObject({
  system: z.looseObject({ comfyui_version: z.string().nullish() }),
  devices: z
    .array(
      z.looseObject({
        name: z.string(),
        type: z.string().nullish(),
        vram_total: z.number().nullish(),
        vram_free: z.number().nullish(),
      }),
    )
    .default([]),
})
export type SystemStats = z.infer<typeof systemStatsSchema>

import { z } from 'zod'
import { promptSchema } from '../../comfyui/wire/prompt.ts'
import { errorCodes } from '../../errors/error-catalogue.ts'
import { imageConversionSchema } from '../../outputs/image-conversion.ts'
import { jobStates, type Job, type JobPayload } from '../job.ts'

/** Codes and kinds that another version wrote and this one does not know are read as the general ones. */
const errorCodeSchema = z.enum(errorCodes).catch('internal_error')
const outputKindSchema = z.enum(['image', 'video', 'audio', 'text', '3d', 'latent', 'file']).catch('file')

const failedNodeSchema = z.object({
  id: z.string(),
  classType: z.string(),
  exceptionType: z.string(),
  message: z.string(),
})

const fieldErrorSchema = z.object({
  pointer: z.string().exactOptional(),
  code: z.string(),
  message: z.string(),
  node: z.object({ id: z.string(), classType: z.string(), input: z.string().exactOptional() }).exactOptional(),
})

const jobErrorSchema = z.object({
  code: errorCodeSchema,
  message: z.string(),
  node: failedNodeSchema.exactOptional(),
  errors: z.array(fieldErrorSchema).exactOptional(),
})

const jobOutputSchema = z
  .object({
    index: z.int().nonnegative(),
    nodeId: z.string(),
    name: z.string().exactOptional(),
    kind: outputKindSchema,
    contentType: z.string(),
    sizeBytes: z.int().nonnegative(),
    filename: z.string(),
    isStripped: z.boolean().exactOptional(),
    isIntermediate: z.boolean().exactOptional(),
    isPassedOn: z.boolean().exactOptional(),
  })
  .transform((output) => ({ ...output, name: output.name }))

const jobSchema = z
  .object({
    id: z.string(),
    promptId: z.string(),
    workflow: z.string(),
    state: z.enum(jobStates),
    times: z.object({
      createdAtMs: z.number(),
      startedAtMs: z.number().exactOptional(),
      executedAtMs: z.number().exactOptional(),
      completedAtMs: z.number().exactOptional(),
    }),
    attempt: z.int().nonnegative(),
    instance: z.string().exactOptional(),
    outputs: z.array(jobOutputSchema),
    error: jobErrorSchema.exactOptional(),
    warnings: z.array(z.string()),
    nodeStartsMs: z.record(z.string(), z.number()),
    requestId: z.string(),
    tags: z.array(z.string()).default([]),
    deadlineAtMs: z.number().exactOptional(),
    retryOf: z.string().exactOptional(),
    isUnwanted: z.boolean().exactOptional(),
    traceparent: z.string().exactOptional(),
  })
  .transform((job): Job => ({ ...job, instance: job.instance, error: job.error }))

const payloadSchema = z
  .object({
    input: z.unknown(),
    prompt: promptSchema,
    inputFiles: z.array(
      z.object({ name: z.string(), sha256: z.string(), contentType: z.string(), sizeBytes: z.int().nonnegative() }),
    ),
    outputNames: z.record(z.string(), z.string()),
    pngInfo: z.record(z.string(), z.unknown()).exactOptional(),
    previews: z.boolean(),
    priority: z.int(),
    retry: z.boolean(),
    limits: z.object({
      queueTimeoutMs: z.number().exactOptional(),
      runTimeoutMs: z.number().exactOptional(),
      stallTimeoutMs: z.number().exactOptional(),
    }),
    convertOutput: imageConversionSchema.exactOptional(),
    outputMetadata: z.enum(['keep', 'strip']).exactOptional(),
    intermediateOutputs: z.boolean().exactOptional(),
    idFingerprint: z.string().exactOptional(),
    caller: z.string().exactOptional(),
  })
  .transform((payload): JobPayload => ({ ...payload, input: payload.input }))

export const jobRowSchema = z.object({ snapshot: z.string() })
export const payloadRowSchema = z.object({ body: z.string() })
export const openJobRowSchema = z.object({ seq: z.int(), snapshot: z.string(), body: z.string() })
export const seqRowSchema = z.object({ seq: z.int() })
export const placeRowSchema = z.object({ seq: z.int(), id: z.string(), created_at_ms: z.int() })
export const workflowRowSchema = z.object({ workflow: z.string() })
export const completedRowSchema = z.object({ seq: z.int(), id: z.string(), outputCount: z.int() })
export const claimRowSchema = z.object({ job_id: z.string(), fingerprint: z.string(), expires_at_ms: z.number() })

/** @throws Error when the text is no snapshot of a job */
export function parseJob(text: string): Job {
  return jobSchema.parse(JSON.parse(text))
}

/** @throws Error when the text is no payload of a job */
export function parsePayload(text: string): JobPayload {
  return payloadSchema.parse(JSON.parse(text))
}

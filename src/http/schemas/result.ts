import { z } from 'zod'
import type { Job } from '../../jobs/job.ts'
import { jobSchema } from './job.ts'

export const runStatsSchema = z
  .object({
    comfy_execution: z.object({
      start: z.number().nullable(),
      end: z.number().nullable(),
      duration: z.number().nullable(),
      nodes: z.record(z.string(), z.object({ start: z.number() })),
    }),
    preprocess_time: z.number().describe('From the arrival of the request until the job was accepted.'),
    comfy_round_trip_time: z.number().describe('From acceptance until ComfyUI was done.'),
    postprocess_time: z.number().describe('From then until all outputs were stored.'),
    upload_time: z.number(),
    total_time: z.number().describe('From the arrival of the request until this answer.'),
  })
  .describe('Milliseconds; `start` and `end` are milliseconds since 1970.')

/** What a request that waited for its job gets. */
export const resultSchema = jobSchema.extend({
  filenames: z.array(z.string()).describe('Names of the images.'),
  stats: runStatsSchema,
  images: z.array(z.string()).describe('The image outputs as base64, in the order of `filenames`.'),
})

export type ResultResource = z.infer<typeof resultSchema>
export type RunStats = z.infer<typeof runStatsSchema>

export function runStats(job: Job, request: { receivedAtMs: number; acceptedAtMs: number; nowMs: number }): RunStats {
  const { startedAtMs, executedAtMs, completedAtMs } = job.times
  const executed = executedAtMs ?? completedAtMs ?? request.nowMs
  return {
    comfy_execution: {
      start: startedAtMs ?? null,
      end: executedAtMs ?? null,
      duration: startedAtMs === undefined || executedAtMs === undefined ? null : executedAtMs - startedAtMs,
      nodes: Object.fromEntries(Object.entries(job.nodeStartsMs).map(([id, start]) => [id, { start }])),
    },
    preprocess_time: request.acceptedAtMs - request.receivedAtMs,
    comfy_round_trip_time: Math.max(0, executed - job.times.createdAtMs),
    postprocess_time: Math.max(0, (completedAtMs ?? executed) - executed),
    upload_time: 0,
    total_time: request.nowMs - request.receivedAtMs,
  }
}

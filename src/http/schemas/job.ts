import { z } from 'zod'
import { errorCatalogue, errorCodes } from '../../errors/error-catalogue.ts'
import { jobStates, type Job, type JobProgress } from '../../jobs/job.ts'
import { traceIdOf } from '../../lib/traceparent.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { Links } from '../links.ts'
import { fieldErrorSchema, toFieldErrorResource } from './problem.ts'

export const jobStatusSchema = z.enum(jobStates).describe('`succeeded`, `failed`, `canceled` and `expired` are final.')

export const jobProgressSchema = z
  .object({
    value: z.number().describe('0 to 1, over the whole job.'),
    nodes_done: z.int(),
    nodes_total: z.int(),
    current_node: z.string().nullable(),
    current_node_class: z.string().nullable(),
    step: z.number().nullable().describe('Position inside the current node, such as a sampling step.'),
    steps: z.number().nullable(),
  })
  .describe('How far the job is. Never goes down.')

export const jobOutputSchema = z.object({
  id: z.string().describe('Id of the job and index of the output.'),
  index: z.int(),
  node_id: z.string(),
  name: z.string().nullable().describe('The name the workflow gives the output.'),
  type: z.enum(['image', 'video', 'audio', 'text', '3d', 'latent', 'file']),
  content_type: z.string(),
  size_bytes: z.int(),
  filename: z.string().describe('A name to save it under; no two outputs of a job have the same.'),
  metadata: z
    .enum(['kept', 'stripped'])
    .describe(
      '`kept`: as ComfyUI made it; `stripped`: without the texts that it writes into files, such as the prompt.',
    ),
  kept: z
    .boolean()
    .describe('False: it was sent to the caller who ran the job and not kept (`--outputs stream`); `url` answers 410.'),
  intermediate: z
    .boolean()
    .describe('A preview that a node showed beside what was saved, kept because `intermediate_outputs` asked for it.'),
  url: z.string().describe('Path of the bytes.'),
})

export const jobErrorSchema = z.object({
  code: z.enum(errorCodes),
  message: z.string(),
  node_id: z.string().nullable(),
  class_type: z.string().nullable(),
  exception_type: z.string().nullable(),
  retryable: z.boolean(),
  errors: z.array(fieldErrorSchema),
})

export const jobSchema = z.object({
  id: z.string(),
  object: z.literal('job'),
  status: jobStatusSchema,
  workflow: z.string(),
  created_at: z.iso.datetime(),
  started_at: z.iso.datetime().nullable(),
  completed_at: z.iso.datetime().nullable(),
  expires_at: z.iso.datetime().nullable().describe('When the job and its outputs are forgotten.'),
  queue_position: z.int().nullable().describe('Jobs that run before this one, while it is queued.'),
  expected_at: z.iso.datetime().nullable().describe('When it will probably end, learned from jobs like it.'),
  progress: jobProgressSchema.nullable(),
  outputs: z.array(jobOutputSchema),
  error: jobErrorSchema.nullable(),
  warnings: z.array(z.string()),
  metrics: z.object({
    queue_ms: z.number().nullable(),
    execution_ms: z.number().nullable(),
    total_ms: z.number().nullable(),
  }),
  instance: z.string().nullable(),
  attempt: z.int().describe('How often it was given to an instance.'),
  tags: z.array(z.string()),
  deadline_at: z.iso.datetime().nullable().describe('It expires when it has not ended by then.'),
  retry_of: z.string().nullable().describe('Id of the job that this one repeats.'),
  request_id: z.string().describe('Id of the request that made the job, as in its `X-Request-Id`.'),
  trace_id: z.string().nullable().describe('The trace of that request, where it had one.'),
  urls: z.object({
    self: z.string(),
    events: z.string(),
    cancel: z.string(),
    retry: z.string(),
    outputs: z.string(),
  }),
})

/** One job looked at alone. */
export const jobDetailSchema = jobSchema.extend({
  input: z
    .record(z.string(), z.unknown())
    .describe(
      'The parameters it was run with: all defaults filled in, a seed that was drawn among them, media by the names of ' +
        'their files. Empty for a graph of the caller.',
    ),
})

export type JobResource = z.infer<typeof jobSchema>
export type JobProgressResource = z.infer<typeof jobProgressSchema>
export type JobOutputResource = z.infer<typeof jobOutputSchema>

/** What is not part of a job's snapshot. */
export interface LiveFacts {
  readonly progress: JobProgress | undefined
  readonly queuePosition?: number
  readonly expectedEndMs?: number
  readonly retentionMs: number
}

export function toJobResource(job: Job, live: LiveFacts, links: Links): JobResource {
  const { createdAtMs, startedAtMs, executedAtMs, completedAtMs } = job.times
  const self = links.job(job.id)
  return {
    id: job.id,
    object: 'job',
    status: job.state,
    workflow: job.workflow,
    created_at: timestamp(createdAtMs),
    started_at: startedAtMs === undefined ? null : timestamp(startedAtMs),
    completed_at: completedAtMs === undefined ? null : timestamp(completedAtMs),
    expires_at: completedAtMs === undefined ? null : timestamp(completedAtMs + live.retentionMs),
    queue_position: live.queuePosition ?? null,
    expected_at: live.expectedEndMs === undefined ? null : timestamp(live.expectedEndMs),
    progress: live.progress === undefined ? null : toProgressResource(live.progress),
    outputs: job.outputs.map((output) => toOutputResource(job.id, output, links)),
    error: toErrorResource(job),
    warnings: [...job.warnings],
    metrics: {
      queue_ms: elapsed(createdAtMs, startedAtMs),
      execution_ms: elapsed(startedAtMs, executedAtMs),
      total_ms: elapsed(createdAtMs, completedAtMs),
    },
    instance: job.instance ?? null,
    attempt: job.attempt,
    tags: [...job.tags],
    deadline_at: job.deadlineAtMs === undefined ? null : timestamp(job.deadlineAtMs),
    retry_of: job.retryOf ?? null,
    request_id: job.requestId,
    trace_id: job.traceparent === undefined ? null : traceIdOf(job.traceparent),
    urls: {
      self,
      events: `${self}/events`,
      cancel: `${self}/cancel`,
      retry: `${self}/retry`,
      outputs: `${self}/outputs`,
    },
  }
}

export function toProgressResource(progress: JobProgress): JobProgressResource {
  return {
    value: progress.value,
    nodes_done: progress.nodesDone,
    nodes_total: progress.nodesTotal,
    current_node: progress.currentNode ?? null,
    current_node_class: progress.currentNodeClass ?? null,
    step: progress.step ?? null,
    steps: progress.steps ?? null,
  }
}

export function toOutputResource(jobId: string, output: JobOutput, links: Links): JobOutputResource {
  return {
    id: outputId(jobId, output.index),
    index: output.index,
    node_id: output.nodeId,
    name: output.name ?? null,
    type: output.kind,
    content_type: output.contentType,
    size_bytes: output.sizeBytes,
    filename: output.filename,
    metadata: output.isStripped === true ? 'stripped' : 'kept',
    kept: output.isPassedOn !== true,
    intermediate: output.isIntermediate === true,
    url: links.output(jobId, output.index),
  }
}

export function outputId(jobId: string, index: number): string {
  return `${jobId}.${index}`
}

function toErrorResource(job: Job): JobResource['error'] {
  const error = job.error
  if (error === undefined) return null
  return {
    code: error.code,
    message: error.message,
    node_id: error.node?.id ?? null,
    class_type: error.node?.classType ?? null,
    exception_type: error.node?.exceptionType ?? null,
    retryable: errorCatalogue[error.code].retryable,
    errors: (error.errors ?? []).map(toFieldErrorResource),
  }
}

function timestamp(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

function elapsed(fromMs: number | undefined, toMs: number | undefined): number | null {
  return fromMs === undefined || toMs === undefined ? null : Math.max(0, toMs - fromMs)
}

import type { FastifyReply } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isRecord } from '../../lib/json-record.ts'
import type { Job } from '../../jobs/job.ts'
import type { JobQuery } from '../../jobs/job-store.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import type { Waiting } from '../answers/waiting.ts'
import { parsePrefer } from '../negotiation/prefer.ts'
import { changeErrors, errorResponses, jsonResponse } from '../openapi/responses.ts'
import { jobDetailSchema, jobOutputSchema, jobSchema } from '../schemas/job.ts'
import { jobListQuerySchema, jobListSchema, jobParamsSchema, toJobFilter } from '../schemas/job-list.ts'
import { decodeCursor, encodeCursor } from '../schemas/job-cursor.ts'

export interface JobRoutesOptions {
  readonly jobs: Jobs
  readonly presenter: JobPresenter
  readonly waiting: Waiting
}

/** A deletion waits this long for ComfyUI to stop the job. */
const deletionHoldMs = 30_000

const waitHeadersSchema = z.looseObject({
  prefer: z.string().optional().describe('`wait=n`: hold the request until the job has ended, at most n seconds.'),
})

/** `/jobs` and what can be done with one job. */
export const jobRoutes: FastifyPluginAsyncZod<JobRoutesOptions> = async (app, { jobs, presenter, waiting }) => {
  app.get(
    '/jobs',
    {
      schema: {
        operationId: 'listJobs',
        tags: ['jobs'],
        summary: 'List jobs, newest first',
        querystring: jobListQuerySchema,
        response: { 200: jsonResponse('A page of jobs', jobListSchema), ...errorResponses('validation_error') },
      },
    },
    async (request, reply) => {
      const { limit } = request.query
      const found = jobs.list({ ...toJobQuery(request.query), limit: limit + 1 })
      const page = found.slice(0, limit)
      const last = page.at(-1)
      const hasMore = found.length > limit
      return reply.header('cache-control', 'no-store').send({
        data: presenter.presentAll(page),
        next_cursor: hasMore && last !== undefined ? encodeCursor(last) : null,
        has_more: hasMore,
      })
    },
  )

  app.get(
    '/jobs/:id',
    {
      schema: {
        operationId: 'getJob',
        tags: ['jobs'],
        summary: 'Get a job',
        description: 'As it is now; with `Prefer: wait=n` as it is when it has ended, or after n seconds.',
        params: jobParamsSchema,
        headers: waitHeadersSchema,
        response: { 200: jsonResponse('The job', jobDetailSchema), ...errorResponses('job_not_found') },
      },
    },
    async (request, reply) => {
      const job = requireJob(jobs, request.params.id)
      const { waitSeconds } = parsePrefer(request.headers.prefer)
      reply.header('cache-control', 'no-store').header('vary', 'Prefer')
      if (waitSeconds === undefined) return reply.send(detailOf(job))
      reply.header('preference-applied', `wait=${waitSeconds}`)
      return reply.send(detailOf(await hold(job, waitSeconds, reply)))
    },
  )

  function detailOf(job: Job): z.infer<typeof jobDetailSchema> {
    const input = jobs.getPayload(job.id)?.input
    return { ...presenter.present(job), input: isRecord(input) ? input : {} }
  }

  async function hold(job: Job, waitSeconds: number, reply: FastifyReply): Promise<Job> {
    const caller = waiting.watch(reply.raw)
    try {
      return await waiting.wait(job, { caller, timeoutMs: waitSeconds * 1000, canComeBack: true })
    } finally {
      caller.release()
    }
  }

  app.delete(
    '/jobs/:id',
    {
      schema: {
        operationId: 'deleteJob',
        tags: ['jobs'],
        summary: 'Forget a job and its files',
        description:
          'A job that has not ended is canceled first. Afterwards its id and its Idempotency-Key are free. Inputs stay ' +
          'while another job has them.',
        params: jobParamsSchema,
        response: {
          202: jsonResponse('ComfyUI has not stopped it yet: it is forgotten as soon as it has ended', jobSchema),
          204: z.null().describe('It is gone.'),
          ...errorResponses('job_not_found', 'storage_unavailable', ...changeErrors),
        },
      },
    },
    async (request, reply) => {
      const left = await jobs.delete(requireJob(jobs, request.params.id).id, { timeoutMs: deletionHoldMs })
      if (left === undefined) return reply.code(204).send(null)
      return reply.code(202).send(presenter.present(left))
    },
  )

  app.post(
    '/jobs/:id/cancel',
    {
      schema: {
        operationId: 'cancelJob',
        tags: ['jobs'],
        summary: 'Cancel a job',
        description: 'Asking again is no error, and neither is asking for a job that has ended, which stays as it is.',
        params: jobParamsSchema,
        response: {
          200: jsonResponse('The job after that', jobSchema),
          ...errorResponses('job_not_found', ...changeErrors),
        },
      },
    },
    async (request) => {
      const { id } = requireJob(jobs, request.params.id)
      return presenter.present(await jobs.cancel(id))
    },
  )

  app.get(
    '/jobs/:id/outputs',
    {
      schema: {
        operationId: 'listJobOutputs',
        tags: ['outputs'],
        summary: 'List the outputs of a job',
        params: jobParamsSchema,
        response: {
          200: jsonResponse('The outputs so far', z.object({ data: z.array(jobOutputSchema) })),
          ...errorResponses('job_not_found'),
        },
      },
    },
    async (request) => ({ data: presenter.present(requireJob(jobs, request.params.id)).outputs }),
  )
}

function toJobQuery({ cursor, ...query }: z.infer<typeof jobListQuerySchema>): Omit<JobQuery, 'limit'> {
  const { created_after: createdAfterMs, created_before: createdBeforeMs } = query
  return {
    ...toJobFilter(query),
    ...(createdAfterMs !== undefined && { createdAfterMs }),
    ...(createdBeforeMs !== undefined && { createdBeforeMs }),
    ...(cursor !== undefined && { after: decodeCursor(cursor) }),
  }
}

/** @throws GatewayError `job_not_found` */
export function requireJob(jobs: Pick<Jobs, 'get'>, id: string): Job {
  const job = jobs.get(id)
  if (job === undefined) throw new GatewayError('job_not_found', { detail: `There is no job ${id.slice(0, 100)}.` })
  return job
}

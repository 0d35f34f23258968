import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import { jobOutputSchema, jobSchema } from '../schemas/job.ts'
import { jobListQuerySchema, jobListSchema, jobParamsSchema } from '../schemas/job-list.ts'
import { decodeCursor, encodeCursor } from '../schemas/job-cursor.ts'

export interface JobRoutesOptions {
  readonly jobs: Jobs
  readonly presenter: JobPresenter
}

/** `/jobs` and what can be done with one job. */
export const jobRoutes: FastifyPluginAsyncZod<JobRoutesOptions> = async (app, { jobs, presenter }) => {
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
      const { limit, cursor, status, workflow } = request.query
      const found = jobs.list({
        limit: limit + 1,
        ...(status !== undefined && { states: status }),
        ...(workflow !== undefined && { workflow }),
        ...(cursor !== undefined && { after: decodeCursor(cursor) }),
      })
      const page = found.slice(0, limit)
      const last = page.at(-1)
      const hasMore = found.length > limit
      return reply.header('cache-control', 'no-store').send({
        data: page.map((job) => presenter.present(job)),
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
        summary: 'Get a job as it is now',
        params: jobParamsSchema,
        response: { 200: jsonResponse('The job', jobSchema), ...errorResponses('job_not_found') },
      },
    },
    async (request, reply) => {
      const job = requireJob(jobs, request.params.id)
      return reply.header('cache-control', 'no-store').send(presenter.present(job))
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
        response: { 200: jsonResponse('The job after that', jobSchema), ...errorResponses('job_not_found') },
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

/** @throws GatewayError `job_not_found` */
export function requireJob(jobs: Pick<Jobs, 'get'>, id: string): Job {
  const job = jobs.get(id)
  if (job === undefined) throw new GatewayError('job_not_found', { detail: `There is no job ${id.slice(0, 100)}.` })
  return job
}

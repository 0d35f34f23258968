import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Waiting } from '../answers/waiting.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { errorResponses, textResponse } from '../openapi/responses.ts'
import { jobParamsSchema } from '../schemas/job-list.ts'
import { queryNumber, queryParameters } from '../schemas/query-parameters.ts'
import { requireJob } from './jobs.ts'

export interface JobEventRoutesOptions {
  readonly jobs: Pick<Jobs, 'get'>
  readonly streams: EventStreams
  readonly waiting: Waiting
}

const querySchema = queryParameters({
  after: queryNumber(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe('Id of the last event already known, where `Last-Event-ID` cannot be sent.'),
  previews: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe('Send previews too, if the job makes them.'),
})

const headersSchema = z.looseObject({
  'last-event-id': z.string().optional().describe('Id of the last event already known; the ones after it follow.'),
})

/** `GET /jobs/{id}/events`. */
export const jobEventRoutes: FastifyPluginAsyncZod<JobEventRoutesOptions> = async (app, options) => {
  const { jobs, streams, waiting } = options
  app.get(
    '/jobs/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'followJob',
        tags: ['jobs'],
        summary: 'Follow a job by server-sent events',
        description:
          'Events are `status`, `progress`, `preview`, `output` and, as the last one, `end`, whose data is the job. ' +
          'Every event has an id: a client that was cut off goes on where it was. Close the connection on `end`.',
        params: jobParamsSchema,
        querystring: querySchema,
        headers: headersSchema,
        response: {
          200: textResponse('The events', 'text/event-stream'),
          ...errorResponses('job_not_found', 'invalid_header', 'validation_error', 'overloaded'),
        },
      },
    },
    (request, reply) => {
      const { id } = requireJob(jobs, request.params.id)
      const afterId = parseEventId(request.headers['last-event-id']) ?? request.query.after
      streams.requireRoom()
      const unfollow = waiting.follow(id)
      const previews = request.query.previews === 'true'
      streams.open(reply, { jobId: id, afterId, previews, onClose: unfollow })
    },
  )
}

function parseEventId(header: string | undefined): number | undefined {
  if (header === undefined || header === '') return undefined
  if (!/^\d{1,15}$/.test(header)) {
    throw new GatewayError('invalid_header', { detail: 'Last-Event-ID must be the id of an event, a whole number.' })
  }
  return Number(header)
}

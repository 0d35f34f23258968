import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Waiting } from '../answers/waiting.ts'
import { openEventResponse } from '../events/event-channel.ts'
import { parseLastEventId } from '../events/event-ids.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { createSocketChannel } from '../events/socket-channel.ts'
import type { WebSocketUpgrades } from '../events/websocket-upgrades.ts'
import { jobEventsExample } from '../openapi/event-stream.ts'
import { errorResponses, eventStreamResponse, socketDescription, socketResponse } from '../openapi/responses.ts'
import { callerOf } from '../plugins/api-keys.ts'
import { jobEventFrameSchema, lastEventHeadersSchema, lastEventIdSchema } from '../schemas/event-frame.ts'
import { jobParamsSchema } from '../schemas/job-list.ts'
import { queryFlag, queryParameters } from '../schemas/query-parameters.ts'
import { requireJob } from './jobs.ts'

export interface JobEventRoutesOptions {
  readonly jobs: Pick<Jobs, 'get'>
  readonly streams: EventStreams
  readonly upgrades: WebSocketUpgrades
  readonly waiting: Waiting
}

const querySchema = queryParameters({
  last_event_id: lastEventIdSchema,
  previews: queryFlag().describe('Send previews too, if the job makes them.'),
})

const events =
  'Events are `status`, `progress`, `preview`, `output` and, as the last one, `end`, whose data is the job. ' +
  'Every event has an id: a client that was cut off goes on where it was. After an id that is not known any more, as ' +
  'when the server was restarted, a `status` event with the job as it is comes first.'

const errors = ['job_not_found', 'invalid_header', 'validation_error', 'too_many_streams', 'overloaded'] as const

/** `GET /jobs/{id}/events`, and the same events over a WebSocket at `/jobs/{id}/ws`. */
export const jobEventRoutes: FastifyPluginAsyncZod<JobEventRoutesOptions> = async (app, options) => {
  const { jobs, streams, upgrades, waiting } = options

  app.get(
    '/jobs/:id/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'followJob',
        tags: ['events'],
        summary: 'Follow a job by server-sent events',
        description: `${events} Close the connection on \`end\`.`,
        params: jobParamsSchema,
        querystring: querySchema,
        headers: lastEventHeadersSchema,
        response: {
          200: eventStreamResponse('The events', jobEventsExample),
          ...errorResponses(...errors),
        },
      },
    },
    (request, reply) => {
      const job = requireJob(jobs, request.params.id)
      const lastEventId = parseLastEventId(request.headers['last-event-id']) ?? request.query.last_event_id
      const place = streams.reserve(callerOf(request))
      const { previews } = request.query
      const onClose = waiting.follow(job.id)
      streams.followJob(openEventResponse(reply), { place, job, lastEventId, previews, onClose })
    },
  )

  app.get(
    '/jobs/:id/ws',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'followJobBySocket',
        tags: ['events'],
        summary: 'Follow a job by WebSocket',
        description: `${events} ${socketDescription}`,
        params: jobParamsSchema,
        querystring: querySchema,
        response: {
          101: socketResponse(jobEventFrameSchema),
          ...errorResponses(...errors, 'upgrade_required', 'origin_not_allowed'),
        },
      },
    },
    (request, reply) => {
      const job = requireJob(jobs, request.params.id)
      const place = streams.reserve(callerOf(request))
      try {
        const socket = upgrades.accept(request, reply)
        if (socket === undefined) return
        const { last_event_id: lastEventId, previews } = request.query
        const onClose = waiting.follow(job.id)
        streams.followJob(createSocketChannel(socket), { place, job, lastEventId, previews, onClose })
      } finally {
        place.releaseUnused()
      }
    },
  )
}

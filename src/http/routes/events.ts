import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { z } from 'zod'
import { openEventResponse, type EventChannel } from '../events/event-channel.ts'
import type { EventFeed } from '../events/event-feed.ts'
import { parseLastEventId } from '../events/event-ids.ts'
import type { EventStreams, StreamPlace } from '../events/event-streams.ts'
import { createSocketChannel } from '../events/socket-channel.ts'
import type { WebSocketUpgrades } from '../events/websocket-upgrades.ts'
import { allEventsExample } from '../openapi/event-stream.ts'
import { errorResponses, eventStreamResponse, socketDescription, socketResponse } from '../openapi/responses.ts'
import { callerOf } from '../plugins/api-keys.ts'
import { feedFrameSchema, feedQuerySchema } from '../schemas/event-feed.ts'
import { lastEventHeadersSchema } from '../schemas/event-frame.ts'
import { toJobFilter } from '../schemas/job-list.ts'

export interface EventRoutesOptions {
  readonly feed: EventFeed
  readonly streams: EventStreams
  readonly upgrades: WebSocketUpgrades
}

const events =
  'Everything that happens to all jobs, for dashboards. Events are `status` with every new state of a job, `progress` ' +
  '(of one job at most twice a second), `output`, `end`, and `instance` with every new state of an instance. Their ' +
  'data has `job_id`, `workflow` and the part that changed. First comes a `snapshot` of the newest open jobs and of ' +
  'the instances, unless the client goes on after an id and nothing since then is missing: the last 4096 events are ' +
  'kept, up to a minute after the last client left. A `snapshot` stands in place of all that was known before.'

const errors = ['invalid_header', 'validation_error', 'too_many_streams', 'overloaded'] as const

/** `GET /events`, and the same events over a WebSocket at `/events/ws`. */
export const eventRoutes: FastifyPluginAsyncZod<EventRoutesOptions> = async (app, { feed, streams, upgrades }) => {
  app.get(
    '/events',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'followAll',
        tags: ['events'],
        summary: 'Follow all jobs by server-sent events',
        description: events,
        querystring: feedQuerySchema,
        headers: lastEventHeadersSchema,
        response: { 200: eventStreamResponse('The events', allEventsExample), ...errorResponses(...errors) },
      },
    },
    (request, reply) => {
      const lastEventId = parseLastEventId(request.headers['last-event-id']) ?? request.query.last_event_id
      const place = streams.reserve(callerOf(request))
      follow(openEventResponse(reply), place, { ...request.query, last_event_id: lastEventId })
    },
  )

  app.get(
    '/events/ws',
    {
      exposeHeadRoute: false,
      schema: {
        operationId: 'followAllBySocket',
        tags: ['events'],
        summary: 'Follow all jobs by WebSocket',
        description: `${events} ${socketDescription}`,
        querystring: feedQuerySchema,
        response: {
          101: socketResponse(feedFrameSchema),
          ...errorResponses(...errors, 'upgrade_required', 'origin_not_allowed'),
        },
      },
    },
    (request, reply) => {
      const place = streams.reserve(callerOf(request))
      try {
        const socket = upgrades.accept(request, reply)
        if (socket !== undefined) follow(createSocketChannel(socket), place, request.query)
      } finally {
        place.releaseUnused()
      }
    },
  )

  function follow(channel: EventChannel, place: StreamPlace, query: z.infer<typeof feedQuerySchema>): void {
    const reader = { filter: toJobFilter(query), lastEventId: query.last_event_id }
    streams.follow(channel, { place }, (deliver) => feed.follow(reader, (event) => deliver(event)))
  }
}

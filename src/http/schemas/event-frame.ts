import { z } from 'zod'
import { eventIdPattern } from '../events/event-ids.ts'
import { jobOutputSchema, jobProgressSchema, jobSchema } from './job.ts'
import { problemSchema } from './problem.ts'

const eventIdSchema = z
  .string()
  .regex(eventIdPattern, 'must be the id of an event, as it was received')
  .describe('Opaque. Ids of an earlier process of the server are known as such.')

/** A query parameter for those who cannot send `Last-Event-ID`. */
export const lastEventIdSchema = eventIdSchema
  .optional()
  .describe('Id of the last event already known, where `Last-Event-ID` cannot be sent; the ones after it follow.')

/** The header in which browsers and other readers of event streams send it by themselves. */
export const lastEventHeadersSchema = z.looseObject({
  'last-event-id': z.string().optional().describe('Id of the last event already known; the ones after it follow.'),
})

export const endedJobSchema = jobSchema.extend({
  problem: problemSchema.optional().describe('Why there is no result, where the job did not succeed.'),
})

const previewSchema = z.object({
  content_type: z.string(),
  node_id: z.string().nullable(),
  data: z.string().describe('The picture as base64.'),
})

/** A text frame of a WebSocket with one event. */
export function eventFrameSchema<Event extends string, Data extends z.ZodType>(event: Event, data: Data) {
  return z.object({ id: eventIdSchema, event: z.literal(event), data })
}

/** One text frame of `/jobs/{id}/ws`. As server-sent events these are the fields `id`, `event` and `data`. */
export const jobEventFrameSchema = z.discriminatedUnion('event', [
  eventFrameSchema('status', jobSchema),
  eventFrameSchema('progress', jobProgressSchema),
  eventFrameSchema('preview', previewSchema),
  eventFrameSchema('output', jobOutputSchema),
  eventFrameSchema('end', endedJobSchema),
])

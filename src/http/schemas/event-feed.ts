import { z } from 'zod'
import { endedJobSchema, eventFrameSchema, lastEventIdSchema } from './event-frame.ts'
import { instanceSchema } from './instance.ts'
import { jobOutputSchema, jobProgressSchema, jobSchema } from './job.ts'
import { jobListQuerySchema } from './job-list.ts'
import { queryParameters } from './query-parameters.ts'

const { status, workflow, tag } = jobListQuerySchema.shape

export const feedQuerySchema = queryParameters({ last_event_id: lastEventIdSchema, workflow, tag, status })

const about = { job_id: z.string(), workflow: z.string() }

const snapshotSchema = z.object({
  jobs: z.array(jobSchema).describe('The open jobs, newest first.'),
  has_more: z.boolean().describe('There are more than these; `GET /jobs` lists them all.'),
  instances: z.array(instanceSchema),
})

/** One text frame of `/events/ws`. As server-sent events these are the fields `id`, `event` and `data`. */
export const feedFrameSchema = z.discriminatedUnion('event', [
  eventFrameSchema('snapshot', snapshotSchema),
  eventFrameSchema('status', z.object({ ...about, job: jobSchema })),
  eventFrameSchema('progress', z.object({ ...about, progress: jobProgressSchema })),
  eventFrameSchema('output', z.object({ ...about, output: jobOutputSchema })),
  eventFrameSchema('end', z.object({ ...about, job: endedJobSchema })),
  eventFrameSchema('instance', instanceSchema),
])

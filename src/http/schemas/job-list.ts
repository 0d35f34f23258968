import { z } from 'zod'
import { jobStates, maxJobTags } from '../../jobs/job.ts'
import type { JobFilter } from '../../jobs/job-filter.ts'
import { jobSchema } from './job.ts'
import { queryList, queryNumber, queryParameters, queryTime } from './query-parameters.ts'

export const jobParamsSchema = z.object({ id: z.string().describe('Id of the job.') })

export const jobListQuerySchema = queryParameters({
  limit: queryNumber(1, 100).default(20).describe('Jobs on a page.'),
  cursor: z
    .string('must be given once')
    .max(200, 'is not a cursor of this server')
    .optional()
    .describe('`next_cursor` of the page before.'),
  status: queryList(z.enum(jobStates, `must be one of ${jobStates.join(', ')}`)).describe(
    'Only jobs in this state, or one of several.',
  ),
  workflow: z
    .string('must be given once')
    .max(500, 'is too long')
    .optional()
    .describe('Only jobs of this workflow; with a `*` at the end, of those whose name begins like that: `qwen/*`.'),
  tag: queryList(z.string().min(1, 'must not be empty').max(64, 'is no tag'))
    .refine((tags) => (tags?.length ?? 0) <= maxJobTags, `can be given ${maxJobTags} times`)
    .describe('Only jobs with this tag, or with all of several.'),
  created_after: queryTime().optional().describe('Only jobs accepted after this time.'),
  created_before: queryTime().optional().describe('Only jobs accepted before this time.'),
})

export const jobListSchema = z.object({
  data: z.array(jobSchema),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
})

/** The jobs that a query asks for, by what it says of their state, workflow and tags. */
export function toJobFilter({
  status,
  workflow,
  tag,
}: Pick<z.infer<typeof jobListQuerySchema>, 'status' | 'workflow' | 'tag'>): JobFilter {
  return {
    ...(status !== undefined && { states: status }),
    ...(workflow?.endsWith('*') === true && { workflowPrefix: workflow.slice(0, -1) }),
    ...(workflow?.endsWith('*') === false && { workflow }),
    ...(tag !== undefined && { tags: tag }),
  }
}

import { z } from 'zod'
import { jobSchema, jobStatuses, jobStatusSchema } from './job.ts'
import { queryNumber, queryParameters } from './query-parameters.ts'

const knownStatuses = new Set<string>(jobStatuses)

export const jobParamsSchema = z.object({ id: z.string().describe('Id of the job.') })

export const jobListQuerySchema = queryParameters({
  limit: queryNumber(1, 100).default(20).describe('Jobs on a page.'),
  cursor: z
    .string('must be given once')
    .max(200, 'is not a cursor of this server')
    .optional()
    .describe('`next_cursor` of the page before.'),
  status: z
    .string('must be given once; several states are separated by commas')
    .refine((text) => text.split(',').every((status) => knownStatuses.has(status)), {
      error: `must be one of ${jobStatuses.join(', ')}, or several separated by commas`,
    })
    .transform((text) => z.array(jobStatusSchema).parse(text.split(',')))
    .optional()
    .describe('Only jobs in this state; several are separated by commas.'),
  workflow: z.string('must be given once').max(500, 'is too long').optional().describe('Only jobs of this workflow.'),
})

export const jobListSchema = z.object({
  data: z.array(jobSchema),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
})

import { z } from 'zod'
import { jobSchema, jobStatuses, jobStatusSchema } from './job.ts'

const knownStatuses = new Set<string>(jobStatuses)

export const jobParamsSchema = z.object({ id: z.string().describe('Id of the job.') })

export const jobListQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20).describe('Jobs on a page.'),
  cursor: z.string().max(200).optional().describe('`next_cursor` of the page before.'),
  status: z
    .string()
    .refine((text) => text.split(',').every((status) => knownStatuses.has(status)), {
      error: `must be one of ${jobStatuses.join(', ')}, or several separated by commas`,
    })
    .transform((text) => z.array(jobStatusSchema).parse(text.split(',')))
    .optional()
    .describe('Only jobs in this state; several are separated by commas.'),
  workflow: z.string().max(500).optional().describe('Only jobs of this workflow.'),
})

export const jobListSchema = z.object({
  data: z.array(jobSchema),
  next_cursor: z.string().nullable(),
  has_more: z.boolean(),
})

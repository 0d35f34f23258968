import { z } from 'zod'

/**
 * What a model may say about a workflow. Limits are left to the check of a proposal: services understand few of them,
 * and refuse forms with fields that may be absent.
 */
export const proposalSchema = z.object({
  summary: z.string().describe('What the workflow does, in one line'),
  description: z.string().describe('What callers should know, in plain text; may be empty'),
  parameters: z
    .array(
      z.object({
        name: z.string().describe('Name as it is now'),
        new_name: z.string().describe('Better name in snake_case, or the same'),
        description: z.string().describe('What it means to callers, in one line'),
      }),
    )
    .describe('Every parameter that stays'),
  expose: z
    .array(
      z.object({
        input: z.string().describe('node.input, one of those that can be exposed'),
        name: z.string().describe('Name in snake_case'),
        description: z.string().describe('What it means to callers, in one line'),
      }),
    )
    .describe('Inputs that should be parameters too; mostly none'),
  hide: z.array(z.string()).describe('Names of parameters that should be none; mostly none'),
})

export type Proposal = z.infer<typeof proposalSchema>

/** Without the address of its dialect, which not all services take. */
const { $schema: _, ...schema } = z.toJSONSchema(proposalSchema)

export const proposalForm = { name: 'workflow_description', schema }

/** The proposal, or what is wrong with its form, in words for the model. */
export function readProposal(answer: unknown): Proposal | readonly string[] {
  const parsed = proposalSchema.safeParse(answer)
  if (parsed.success) return parsed.data
  return parsed.error.issues.map(({ path, message }) => `${path.length === 0 ? 'answer' : path.join('.')}: ${message}`)
}

import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { rawPromptName } from '../../workflows/graph/raw-prompt.ts'
import { mintFilenamePrefix, withFilenamePrefix } from '../../workflows/graph/filename-prefix.ts'
import type { JobCalls } from '../answers/job-calls.ts'
import { readGivenOptions } from '../body/call-options.ts'
import type { PreparedJob } from '../body/prepare-job.ts'
import { requireJsonObject, type ReceivedBody } from '../body/received-body.ts'
import { givenHeaderSchemas, givenProperties } from '../openapi/call-option-schemas.ts'
import { optionalBody } from '../openapi/optional-bodies.ts'
import { errorResponses, jsonResponse, outcomeResponse } from '../openapi/responses.ts'
import { runErrors } from '../openapi/run-operation.ts'
import { jobSchema } from '../schemas/job.ts'
import { jobParamsSchema } from '../schemas/job-list.ts'
import { resultSchema } from '../schemas/result.ts'
import { requireJob } from './jobs.ts'
import { rawPromptsOff } from './prompt.ts'

export interface RetryJobOptions {
  readonly jobs: Pick<Jobs, 'get' | 'getPayload' | 'hasInputs'>
  readonly calls: JobCalls
  /** Off: a graph that a caller sent earlier is not run once more either. */
  readonly takesRawPrompts: boolean
}

/** Read by `readGivenOptions`; here it is only documented. */
const bodySchema = z
  .unknown()
  .optional()
  .meta({
    type: 'object',
    description: 'Options that differ from those of the job.',
    properties: givenProperties(),
    additionalProperties: false,
    examples: [{ priority: 10 }],
    ...optionalBody,
  })

const headersSchema = z.looseObject({
  prefer: z.string().optional().describe('`wait=n`: hold the request for n seconds, then answer 202.'),
  'idempotency-key': z.string().optional().describe('The same key with the same body is the same job, for 24 hours.'),
  ...givenHeaderSchemas(),
})

/** `POST /jobs/{id}/retry`: another job of the same prompt. */
export const retryJobRoute: FastifyPluginAsyncZod<RetryJobOptions> = async (app, { jobs, calls, takesRawPrompts }) => {
  app.post(
    '/jobs/:id/retry',
    {
      config: { startsJobs: true },
      schema: {
        operationId: 'retryJob',
        tags: ['jobs'],
        summary: 'Run a job again',
        description:
          'Once it has ended: makes another job of the same prompt, with the same inputs and options but for those that are given here. ' +
          'What the workflow makes of the parameters now does not matter.',
        consumes: ['application/json'],
        params: jobParamsSchema,
        headers: headersSchema,
        body: bodySchema,
        response: {
          200: outcomeResponse('The new job succeeded while the request waited', resultSchema),
          202: jsonResponse('The new job. `Location` is its address.', jobSchema),
          ...errorResponses('job_not_found', 'job_not_retryable', 'input_expired', 'raw_prompts_off', ...runErrors),
        },
      },
    },
    (request, reply) => {
      const { id } = request.params
      calls.answer(request, reply, {
        name: `jobs/${id}/retry`,
        isAsync: true,
        prepare: async (body) => {
          const job = requireJob(jobs, id)
          if (job.workflow === rawPromptName && !takesRawPrompts) throw rawPromptsOff()
          return repeat(job, body, request.headers, jobs)
        },
      })
    },
  )
}

/** @throws GatewayError `job_not_retryable`, `input_expired`, and what is wrong with the options */
function repeat(
  job: Job,
  body: ReceivedBody,
  headers: Readonly<IncomingHttpHeaders>,
  jobs: RetryJobOptions['jobs'],
): PreparedJob {
  const given = readGivenOptions(
    requireJsonObject(body, 'Send options as application/json, or no body.'),
    headers,
    'nothing',
  )
  const payload = jobs.getPayload(job.id)
  if (!isTerminal(job.state) || payload === undefined) {
    throw new GatewayError('job_not_retryable', { detail: `The job ${job.id} is ${job.state}.` })
  }
  if (!jobs.hasInputs(payload)) throw new GatewayError('input_expired')
  const { idFingerprint: _itsOwn, ...same } = payload
  const { workflow, tags, deadlineAtMs, times } = job
  return {
    ...same,
    prompt: withFilenamePrefix(payload.prompt, mintFilenamePrefix()),
    workflow,
    tags,
    retryOf: job.id,
    ...(deadlineAtMs !== undefined && { deadline: deadlineAtMs - times.createdAtMs }),
    ...given,
  }
}

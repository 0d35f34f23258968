import type { ErrorCode } from '../../errors/error-catalogue.ts'
import { problemContentType } from '../schemas/problem.ts'
import { jobEventsExample } from './event-stream.ts'
import { commonErrors, describeErrors } from './responses.ts'

/* What all operations have in common that start a job: those of workflows, of graphs and of retries. */

/** What every route that starts a job can answer with. */
export const runErrors = [
  'malformed_body',
  'validation_error',
  'too_complex',
  'invalid_header',
  'origin_not_allowed',
  'not_acceptable',
  'id_conflict',
  'idempotency_conflict',
  'job_canceled',
  'output_expired',
  'body_too_large',
  'unsupported_media_type',
  'invalid_workflow',
  'unsafe_prompt',
  'unsupported_input',
  'url_unreachable',
  'idempotency_key_reuse',
  'rate_limited',
  'too_many_queued',
  'execution_error',
  'conversion_failed',
  'conversion_unavailable',
  'out_of_memory',
  'workflow_failed',
  'upstream_error',
  'instance_lost',
  'canceled_upstream',
  'no_healthy_instance',
  'queue_full',
  'draining',
  'overloaded',
  'storage_unavailable',
  'workflow_unavailable',
  'deadline_exceeded',
] as const satisfies ErrorCode[]

export const runParameters = [
  {
    name: 'Prefer',
    in: 'header',
    description: '`respond-async`: answer 202 at once. `wait=n`: hold the request for n seconds, then answer 202.',
    schema: { type: 'string' },
  },
  {
    name: 'Idempotency-Key',
    in: 'header',
    description: 'The same key with the same body is the same job, for 24 hours.',
    schema: { type: 'string', maxLength: 255 },
  },
  {
    name: 'previews',
    in: 'query',
    description: 'Make previews while sampling, and send them as events.',
    schema: { type: 'string', enum: ['true', 'false'] },
  },
]

const bytes = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } }

const jobIdHeader = header('Id of the job.')

const rateHeaders = {
  'RateLimit-Policy': header(
    'Requests (`q`) of a caller in seconds (`w`) that may start jobs or upload assets, where they are limited.',
  ),
  RateLimit: header('How many are left (`r`), and the seconds until all are back (`t`).'),
}

const resultResponse = {
  description: 'The job succeeded.',
  headers: {
    'Job-Id': jobIdHeader,
    'Idempotency-Replayed': header('`true` when the job is that of an earlier request.'),
    'Content-Location': header('Address of the output, where the answer is one as it is stored.'),
    'Output-Count': header('Outputs the job has, where the answer is one of them.', 'integer'),
    ETag: header('Names the output, where the answer is one; another one for each format that it is converted to.'),
    ...rateHeaders,
  },
  content: {
    'image/*': bytes,
    'video/*': bytes,
    'audio/*': bytes,
    'text/event-stream': {
      schema: {
        type: 'string',
        description:
          'Events `status`, `progress`, `preview`, `output` and, as the last one, `end`, whose data is the job. See ' +
          '`GET /jobs/{id}/events`.',
      },
      example: jobEventsExample,
    },
  },
}

/** @param schema of the answer in JSON */
export function resultResponseOf(schema: object = { $ref: refTo('Result') }): object {
  return { ...resultResponse, content: { 'application/json': { schema }, ...resultResponse.content } }
}

export const acceptedResponse = {
  description: 'The job goes on. Ask for it at `Location`.',
  headers: {
    Location: header('Address of the job.'),
    'Retry-After': header('Seconds after which to ask.', 'integer'),
    'Preference-Applied': header('What of `Prefer` was heeded.'),
    'Job-Id': jobIdHeader,
    ...rateHeaders,
  },
  content: { 'application/json': { schema: { $ref: refTo('Job') } } },
}

/** Error answers of an operation that is no route of its own, by status. */
export function problemResponses(codes: readonly ErrorCode[]): Record<string, object> {
  const schema = { $ref: refTo('Problem') }
  return Object.fromEntries(
    [...describeErrors([...codes, ...commonErrors])].map(([status, description]) => [
      status,
      { description, content: { [problemContentType]: { schema } } },
    ]),
  )
}

/** A reference to a component of the document. */
export function refTo(schema: string): string {
  return `#/components/schemas/${schema}`
}

function header(description: string, type: 'string' | 'integer' = 'string'): object {
  return { description, schema: { type } }
}

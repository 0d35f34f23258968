import type { ErrorCode } from '../../errors/error-catalogue.ts'
import type { ServedWorkflow } from '../../workflows/served-workflow.ts'
import { envelopeProperties, headerParameters } from '../body/call-options.ts'
import { problemContentType } from '../schemas/problem.ts'
import { embedSchema } from './embed-schema.ts'
import { jobEventsExample } from './event-stream.ts'
import { exampleBodies } from './example-body.ts'
import { formSchema } from './form-schema.ts'
import { commonErrors, describeErrors } from './responses.ts'

/** What one workflow adds to the OpenAPI document. */
export interface WorkflowFragment {
  readonly path: string
  readonly item: Record<string, unknown>
  readonly schemas: Record<string, unknown>
}

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

/**
 * Documents one workflow.
 *
 * @param name its name among the components, unique
 */
export function workflowFragment(workflow: ServedWorkflow, name: string): WorkflowFragment {
  const input = `${name}Input`
  const { definition } = workflow
  const summary = definition.summary ?? workflow.name
  const tags = [workflow.name.split('/')[0] ?? workflow.name]
  return {
    path: `/${workflow.name}`,
    schemas: {
      [input]: {
        description: `Parameters of \`${workflow.name}\`.`,
        ...embedSchema(workflow.inputJsonSchema, refTo(input)),
      },
    },
    item: {
      post: {
        operationId: `run${name}`,
        summary,
        description: runDescription(workflow),
        tags,
        parameters: [...runParameters, ...headerParameters()],
        requestBody: requestBody(workflow, input),
        responses: { 200: resultResponse, 202: acceptedResponse, ...problemResponses(runErrors) },
      },
      get: {
        operationId: `describe${name}`,
        summary: 'Describe this workflow',
        description: `The parameters, examples and requirements of \`${workflow.name}\`, and which instances have what it needs.`,
        tags,
        responses: { 200: describedResponse, ...problemResponses(['not_found']) },
      },
    },
  }
}

function runDescription({ definition, warnings }: ServedWorkflow): string {
  const models = definition.metadata?.requiredModels ?? []
  const packs = definition.metadata?.requiredNodes ?? []
  const paragraphs = [
    definition.description ?? '',
    models.length === 0
      ? ''
      : `Needs ${models.map(({ directory, name }) => `\`${directory === undefined ? '' : `${directory}/`}${name}\``).join(', ')}.`,
    packs.length === 0
      ? ''
      : `Node packs: ${packs.map(({ pack, url }) => (url === undefined ? `\`${pack}\`` : `[${pack}](${url})`)).join(', ')}.`,
    ...warnings.map((warning) => `Note: ${warning}`),
  ]
  return paragraphs.filter((paragraph) => paragraph !== '').join('\n\n')
}

function summaryOf(name: string): string {
  if (name === 'minimal') return 'What is needed'
  return name === 'full' ? 'Every parameter' : name.replace('example', 'Example ')
}

const formNote = 'As a form: media are files, and empty fields of optional parameters are left out.'

function requestBody(workflow: ServedWorkflow, input: string): object {
  const examples = Object.entries(exampleBodies(workflow))
  const flat = { $ref: refTo(input) }
  const envelope = {
    type: 'object',
    title: 'With options',
    properties: { input: flat, ...envelopeProperties() },
    required: ['input'],
    additionalProperties: false,
  }
  const takesEnvelope = !workflow.parameterNames.includes('input')
  return {
    required: true,
    description: takesEnvelope
      ? `The parameters, or \`{ "input": parameters, …options }\`. ${formNote}`
      : `The parameters. ${formNote}`,
    content: {
      'application/json': {
        schema: takesEnvelope ? { anyOf: [flat, envelope] } : flat,
        ...(examples.length > 0 && {
          examples: Object.fromEntries(examples.map(([name, value]) => [name, { summary: summaryOf(name), value }])),
        }),
      },
      'multipart/form-data': {
        schema: formSchema(
          workflow,
          refTo(input),
          examples.map(([, body]) => body),
        ),
      },
    },
  }
}

function refTo(schema: string): string {
  return `#/components/schemas/${schema}`
}

function header(description: string, type: 'string' | 'integer' = 'string'): object {
  return { description, schema: { type } }
}

export function problemResponses(codes: readonly ErrorCode[]): Record<string, object> {
  const schema = { $ref: refTo('Problem') }
  return Object.fromEntries(
    [...describeErrors([...codes, ...commonErrors])].map(([status, description]) => [
      status,
      { description, content: { [problemContentType]: { schema } } },
    ]),
  )
}

const bytes = { schema: { type: 'string', contentMediaType: 'application/octet-stream' } }

const jobIdHeader = header('Id of the job.')

const rateHeaders = {
  'RateLimit-Policy': header(
    'Requests (`q`) of a caller in seconds (`w`) that may start jobs, where they are limited.',
  ),
  RateLimit: header('How many are left (`r`), and the seconds until all are back (`t`).'),
}

export const resultResponse = {
  description: 'The job succeeded.',
  headers: {
    'Job-Id': jobIdHeader,
    'Idempotency-Replayed': header('`true` when the job is that of an earlier request.'),
    'Content-Location': header('Address of the output, where the answer is one.'),
    'Output-Count': header('Outputs the job has, where the answer is one of them.', 'integer'),
    ETag: header('Names the output, where the answer is one.'),
    ...rateHeaders,
  },
  content: {
    'application/json': { schema: { $ref: refTo('Result') } },
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

const describedResponse = {
  description: 'The workflow',
  content: { 'application/json': { schema: { $ref: refTo('WorkflowDescription') } } },
}

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

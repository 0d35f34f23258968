import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs, Submission } from '../../jobs/jobs.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../../workflows/served-workflow.ts'
import { answerCall, type AnswerTools } from '../answers/answer-call.ts'
import type { Waiting } from '../answers/waiting.ts'
import { prepareJob } from '../body/prepare-job.ts'
import { emptyBody, ReceivedBody } from '../body/received-body.ts'
import type { MediaStorage } from '../body/store-media.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { answerForms, parseAccept, type AnswerForm } from '../negotiation/accept.ts'
import { parseIdempotencyKey } from '../negotiation/idempotency-key.ts'
import { parsePrefer, type Preferences } from '../negotiation/prefer.ts'
import { pathOf } from '../plugins/errors.ts'
import { workflowPathPattern, type KnownRoutes } from '../plugins/known-routes.ts'
import { jobPath } from '../schemas/job.ts'

export interface RunWorkflowOptions {
  readonly jobs: Pick<Jobs, 'submit'>
  readonly registry: Pick<WorkflowRegistry, 'get'>
  readonly storage: MediaStorage
  readonly streams: EventStreams
  readonly waiting: Waiting
  readonly tools: AnswerTools
  readonly routes: KnownRoutes
  readonly syncHoldMs: number
}

/** What a request wants, read and checked before anything is done for it. */
interface Call {
  readonly workflow: ServedWorkflow
  readonly forms: readonly AnswerForm[]
  readonly preferences: Preferences
  readonly idempotencyKey: string | undefined
  readonly wantsEvents: boolean
  readonly receivedAtMs: number
}

/** `POST /{workflow}`: one route for all of them, which looks into the registry. */
export function runWorkflowRoute(app: FastifyInstance, options: RunWorkflowOptions): void {
  // No async handler: Fastify would watch each reply a second time.
  app.post('/*', { schema: { hide: true } }, (request, reply) => {
    run(request, reply, options).catch((error: unknown) => {
      reply.send(error instanceof Error ? error : new GatewayError('internal_error', { cause: error }))
    })
  })
}

async function run(request: FastifyRequest, reply: FastifyReply, options: RunWorkflowOptions): Promise<void> {
  const { streams, waiting, tools, syncHoldMs } = options
  const call = readCall(request, options)
  if (call.wantsEvents) streams.requireRoom()
  const caller = waiting.watch(reply.raw)
  try {
    const { job, replayed, previews } = await submit(request, call, options)
    const acceptedAtMs = tools.now()
    if (replayed) reply.header('idempotency-replayed', 'true')
    if (call.wantsEvents) {
      const headers = { location: jobPath(job.id), 'job-id': job.id, vary: 'Accept, Prefer' }
      streams.open(reply, { jobId: job.id, afterId: undefined, previews, headers })
      return
    }
    const canComeBack = call.idempotencyKey !== undefined
    const timeoutMs = holdMs(call.preferences, syncHoldMs)
    const latest = timeoutMs === 0 ? job : await waiting.wait(job, { caller, timeoutMs, canComeBack })
    await answerCall(reply, { ...call, job: latest, acceptedAtMs }, tools)
  } finally {
    caller.release()
  }
}

function readCall(request: FastifyRequest, { registry, routes, tools }: RunWorkflowOptions): Call {
  const path = pathOf(request.url)
  const workflow = workflowPathPattern.test(path) ? registry.get(path.slice(1)) : undefined
  if (workflow === undefined) throw routes.explainMiss('POST', path)
  const forms = answerForms(parseAccept(request.headers.accept))
  if (forms.length === 0) {
    throw new GatewayError('not_acceptable', {
      detail: 'Accept must allow application/json, text/event-stream or a media type of an output, such as image/*.',
    })
  }
  const preferences = parsePrefer(request.headers['prefer'])
  return {
    workflow,
    forms,
    preferences,
    idempotencyKey: parseIdempotencyKey(request.headers['idempotency-key']),
    wantsEvents: forms[0]?.kind === 'events' && !preferences.respondAsync,
    receivedAtMs: tools.now(),
  }
}

async function submit(
  request: FastifyRequest,
  { workflow, idempotencyKey }: Call,
  { jobs, storage }: RunWorkflowOptions,
): Promise<Submission & { previews: boolean }> {
  const body = request.body instanceof ReceivedBody ? request.body : emptyBody
  const fingerprint = idempotencyKey === undefined ? undefined : body.fingerprint()
  const prepared = await prepareJob(workflow, body, storage)
  const previews = prepared.previews || asksForPreviews(request)
  const submission = await jobs.submit({
    ...prepared,
    previews,
    requestId: request.id,
    ...(idempotencyKey !== undefined &&
      fingerprint !== undefined && {
        idempotency: { key: `${request.callerId} ${workflow.name} ${idempotencyKey}`, fingerprint },
      }),
  })
  return { ...submission, previews }
}

function asksForPreviews(request: FastifyRequest): boolean {
  const { query } = request
  return typeof query === 'object' && query !== null && 'previews' in query && query.previews === 'true'
}

function holdMs({ respondAsync, waitSeconds }: Preferences, syncHoldMs: number): number {
  if (waitSeconds !== undefined) return waitSeconds * 1000
  return respondAsync ? 0 : syncHoldMs
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { NodeLookup } from '../../comfyui/wire/object-info.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs, Submission } from '../../jobs/jobs.ts'
import { chooseOutputMetadata, type OutputMetadataPolicy } from '../body/output-metadata.ts'
import type { FetchControl } from '../body/fetch-urls.ts'
import type { PreparedJob } from '../body/prepare-job.ts'
import { receivedBody, type ReceivedBody } from '../body/received-body.ts'
import { openEventResponse } from '../events/event-channel.ts'
import type { EventStreams } from '../events/event-streams.ts'
import { answerForms, parseAccept, type AnswerForm } from '../negotiation/accept.ts'
import { parseIdempotencyKey } from '../negotiation/idempotency-key.ts'
import { parsePrefer, type Preferences } from '../negotiation/prefer.ts'
import { callerOf } from '../plugins/api-keys.ts'
import { queryFlag, queryParameters, readQuery } from '../schemas/query-parameters.ts'
import { answerCall, type AnswerTools, type CallAnswer } from './answer-call.ts'
import { mayBeOutput } from './choose-form.ts'
import { createRawAnswer } from './raw-answer.ts'
import { refuseUnconvertible } from './refuse-unconvertible.ts'
import { varyBy } from './vary-by.ts'
import type { Waiting, WaitOptions } from './waiting.ts'

export interface JobCallsOptions {
  readonly jobs: Pick<Jobs, 'submit' | 'isRepeat' | 'tapOutput'>
  readonly streams: EventStreams
  readonly waiting: Waiting
  readonly tools: AnswerTools
  /** What is known of node classes, those of custom nodes included. */
  readonly nodes: NodeLookup
  readonly syncHoldMs: number
  /** An output that a caller took whole, as it is, is stored as well. */
  readonly storesRawAnswers: boolean
  /** What becomes of the texts in outputs. */
  readonly outputMetadata: OutputMetadataPolicy
}

/** What is a route's own about a request that starts a job. */
export interface JobSource {
  /** Name of the workflow; keys of callers count for each one apart. */
  readonly name: string
  /** Makes the job of the body. @throws GatewayError */
  prepare(body: ReceivedBody, fetching: FetchControl): Promise<PreparedJob>
  /** The caller is answered at once unless it asks to wait. */
  readonly isAsync?: boolean
}

/** Requests that start a job. */
export interface JobCalls {
  /**
   * Reads what the caller wants, submits the job, waits for it as asked, and answers. Errors are sent, not thrown: a
   * handler that is not async keeps Fastify from watching the reply a second time.
   */
  answer(request: FastifyRequest, reply: FastifyReply, source: JobSource): void
}

const querySchema = queryParameters({ previews: queryFlag() })

/** What a request wants, read and checked before anything is done for it. */
interface Call {
  readonly forms: readonly AnswerForm[]
  readonly preferences: Preferences
  readonly idempotencyKey: string | undefined
  readonly asksForPreviews: boolean
  readonly wantsEvents: boolean
  readonly receivedAtMs: number
}

export function createJobCalls(options: JobCallsOptions): JobCalls {
  return {
    answer(request, reply, source) {
      run(request, reply, source, options).catch((error: unknown) => {
        reply.send(error instanceof Error ? error : new GatewayError('internal_error', { cause: error }))
      })
    },
  }
}

async function run(
  request: FastifyRequest,
  reply: FastifyReply,
  source: JobSource,
  options: JobCallsOptions,
): Promise<void> {
  const { streams, waiting, tools, syncHoldMs } = options
  const call = readCall(request, tools.now())
  const place = call.wantsEvents ? streams.reserve(callerOf(request)) : undefined
  const caller = waiting.watch(reply.raw)
  try {
    const timeoutMs = holdMs(call.preferences, source.isAsync === true ? 0 : syncHoldMs)
    const { job, replayed, previews, hasId } = await submit(
      request,
      { ...call, signal: caller.signal, mayGetResult: timeoutMs > 0 },
      source,
      options,
    )
    const acceptedAtMs = tools.now()
    if (replayed) reply.header('idempotency-replayed', 'true')
    if (place !== undefined) {
      varyBy(reply, 'Accept', 'Prefer')
      const headers = { location: tools.presenter.links.job(job.id), 'job-id': job.id }
      streams.followJob(openEventResponse(reply, headers), { place, job, previews })
      return
    }
    const canComeBack = hasId || call.idempotencyKey !== undefined
    const answered = { ...call, job, acceptedAtMs }
    if (timeoutMs === 0) return await answerCall(reply, answered, tools)
    const wait = { caller, timeoutMs, canComeBack }
    if (!replayed && call.preferences.waitSeconds === undefined && mayBeOutput(call.forms)) {
      return await answerRaw(reply, answered, wait, options)
    }
    await answerCall(reply, { ...answered, job: await waiting.wait(job, wait) }, tools)
  } finally {
    place?.releaseUnused()
    caller.release()
  }
}

/** With an output as it is, from the instance where that can be. */
async function answerRaw(
  reply: FastifyReply,
  call: CallAnswer,
  wait: WaitOptions,
  { jobs, waiting, tools, storesRawAnswers }: JobCallsOptions,
): Promise<void> {
  const raw = createRawAnswer(reply, {
    job: call.job,
    forms: call.forms,
    links: tools.presenter.links,
    isStored: storesRawAnswers || wait.canComeBack,
    stalledReaderTimeoutMs: tools.stalledReaderTimeoutMs,
  })
  const untap = jobs.tapOutput(call.job.id, raw)
  try {
    const job = await waiting.wait(call.job, { ...wait, hasBegun: () => raw.hasBegun })
    if (raw.hasBegun) raw.conclude(job)
    else await answerCall(reply, { ...call, job, held: raw.held }, tools)
  } finally {
    untap()
  }
}

function readCall(request: FastifyRequest, receivedAtMs: number): Call {
  const forms = answerForms(parseAccept(request.headers.accept))
  if (forms.length === 0) {
    throw new GatewayError('not_acceptable', {
      detail: 'Accept must allow application/json, text/event-stream or a media type of an output, such as image/*.',
    })
  }
  const preferences = parsePrefer(request.headers['prefer'])
  return {
    forms,
    preferences,
    idempotencyKey: parseIdempotencyKey(request.headers['idempotency-key']),
    asksForPreviews: readQuery(querySchema, request.query).previews,
    wantsEvents: forms[0]?.kind === 'events' && !preferences.respondAsync,
    receivedAtMs,
  }
}

async function submit(
  request: FastifyRequest,
  call: Call & { readonly signal: AbortSignal; readonly mayGetResult: boolean },
  source: JobSource,
  { jobs, outputMetadata, nodes, tools }: JobCallsOptions,
): Promise<Submission & { previews: boolean; hasId: boolean }> {
  const { idempotencyKey, asksForPreviews, signal } = call
  const body = receivedBody(request)
  const scope = `${request.callerId} ${source.name}`
  const key = idempotencyKey === undefined ? undefined : `${scope} ${idempotencyKey}`
  const isRepeated = (id: string | undefined) => jobs.isRepeat({ key, id })
  const {
    id,
    deadline,
    convert_output: convertOutput,
    output_metadata: given,
    intermediate_outputs: intermediateOutputs,
    ...prepared
  } = await source.prepare(body, { signal, isRepeat: isRepeated })
  if (call.mayGetResult && convertOutput === undefined && !isRepeated(id)) {
    await refuseUnconvertible(call.forms, prepared, { nodes, images: tools.images })
  }
  const previews = prepared.previews || asksForPreviews
  const fingerprint = id === undefined && key === undefined ? '' : body.fingerprint()
  const submission = await jobs.submit({
    ...prepared,
    previews,
    outputMetadata: chooseOutputMetadata(outputMetadata, { given, before: prepared.outputMetadata }),
    ...(deadline !== undefined && { deadlineMs: deadline }),
    ...(convertOutput !== undefined && { convertOutput }),
    ...(intermediateOutputs !== undefined && { intermediateOutputs }),
    requestId: request.id,
    caller: callerOf(request),
    ...(request.traceparent !== undefined && { traceparent: request.traceparent }),
    ...(key !== undefined && { idempotency: { key, fingerprint } }),
    ...(id !== undefined && { chosenId: { id, fingerprint: `${scope} ${fingerprint}` } }),
  })
  return { ...submission, previews, hasId: id !== undefined }
}

function holdMs({ respondAsync, waitSeconds }: Preferences, syncHoldMs: number): number {
  if (waitSeconds !== undefined) return waitSeconds * 1000
  return respondAsync ? 0 : syncHoldMs
}

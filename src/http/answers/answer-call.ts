import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import type { ImageConverter } from '../../outputs/image-converter.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { AnswerForm } from '../negotiation/accept.ts'
import type { Preferences } from '../negotiation/prefer.ts'
import { JobFailure } from '../plugins/errors.ts'
import { runStats } from '../schemas/result.ts'
import { rankForms, type ChosenForm } from './choose-form.ts'
import { jobErrorOf, type JobPresenter } from './job-presenter.ts'
import type { RawAnswer } from './raw-answer.ts'
import { sendConverted } from './send-converted.ts'
import { outcomeHeaders, rawHeaders, sendOutput } from './send-output.ts'
import { sendResult } from './send-result.ts'
import { varyBy } from './vary-by.ts'

export interface CallAnswer {
  readonly job: Job
  readonly forms: readonly AnswerForm[]
  readonly preferences: Preferences
  readonly receivedAtMs: number
  readonly acceptedAtMs: number
  /** An output that is in memory as a whole. */
  readonly held?: RawAnswer['held']
}

export interface AnswerTools {
  readonly presenter: JobPresenter
  readonly outputs: Pick<OutputStore, 'read' | 'open' | 'scan' | 'pin'>
  readonly images: Pick<ImageConverter, 'requireAvailable' | 'convert'>
  /** A caller who takes nothing for this long is dropped. */
  readonly stalledReaderTimeoutMs: number
  readonly now: () => number
}

/** Seconds after which it is worth asking again for a job that is not done. */
const pollAfterSeconds = 1

/**
 * Answers a request that started a job, with what there is of it now: the result in the best acceptable form, the
 * problem of a job that failed, or 202 and the address of one that goes on.
 * @throws JobFailure | GatewayError `not_acceptable`, `output_expired`
 */
export async function answerCall(reply: FastifyReply, call: CallAnswer, tools: AnswerTools): Promise<void> {
  const { job, preferences } = call
  reply.header('job-id', job.id)
  varyBy(reply, 'Accept', 'Prefer')
  if (!isTerminal(job.state)) return sendAccepted(reply, job, preferences, tools.presenter)
  if (job.state !== 'succeeded') throw new JobFailure(jobErrorOf(job), job.id)
  if (preferences.waitSeconds !== undefined) reply.header('preference-applied', `wait=${preferences.waitSeconds}`)
  return sendBest(reply, call, tools)
}

function sendAccepted(
  reply: FastifyReply,
  job: Job,
  { respondAsync, waitSeconds }: Preferences,
  presenter: JobPresenter,
): void {
  const applied = [respondAsync && 'respond-async', waitSeconds !== undefined && `wait=${waitSeconds}`].filter(Boolean)
  if (applied.length > 0) reply.header('preference-applied', applied.join(', '))
  reply
    .code(202)
    .header('location', presenter.links.job(job.id))
    .header('retry-after', String(pollAfterSeconds))
    .send(presenter.present(job))
}

/** In the best form; where that takes a conversion which cannot be done, in the next one. */
async function sendBest(reply: FastifyReply, call: CallAnswer, tools: AnswerTools): Promise<void> {
  const { job, forms } = call
  let failure: GatewayError | undefined
  for (const chosen of rankForms(forms, job.outputs)) {
    try {
      return await send(reply, chosen, call, tools)
    } catch (error) {
      if (!(error instanceof GatewayError) || !error.code.startsWith('conversion_')) throw error
      failure ??= error
    }
  }
  if (failure?.code === 'conversion_failed') throw new JobFailure(failure, job.id)
  const advice = failure === undefined ? '' : ` ${failure.detail}`
  const detail = `The job has ${describeOutputs(job)}. Get them below ${tools.presenter.links.job(job.id)}/outputs, or send Accept: application/json.${advice}`
  throw new JobFailure(new GatewayError('not_acceptable', { detail }), job.id)
}

async function send(
  reply: FastifyReply,
  chosen: ChosenForm<JobOutput>,
  { job, receivedAtMs, acceptedAtMs, held }: CallAnswer,
  tools: AnswerTools,
): Promise<void> {
  const { outputs, presenter } = tools
  switch (chosen.kind) {
    case 'json': {
      const stats = runStats(job, { receivedAtMs, acceptedAtMs, nowMs: tools.now() })
      const stalledTimeoutMs = tools.stalledReaderTimeoutMs
      return sendResult(reply, { job, resource: presenter.present(job), stats, outputs, stalledTimeoutMs })
    }
    case 'output': {
      const { output } = chosen
      reply.headers(rawHeaders({ job, output, outputCount: job.outputs.length, links: presenter.links }))
      const bytes = held?.index === output.index ? held.bytes : undefined
      return sendOutput(reply, { method: 'POST', outputs, job, output, bytes })
    }
    case 'converted': {
      const headers = outcomeHeaders({ job, outputCount: job.outputs.length, links: presenter.links })
      return sendConverted(reply, { ...chosen, method: 'POST', job, headers }, tools)
    }
    default:
      return chosen satisfies never
  }
}

function describeOutputs(job: Job): string {
  if (job.outputs.length === 0) return 'no outputs'
  return `outputs of type ${[...new Set(job.outputs.map((output) => output.contentType))].join(', ')}`
}

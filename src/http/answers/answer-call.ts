import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { JobOutput } from '../../outputs/job-output.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import { covers, type AnswerForm } from '../negotiation/accept.ts'
import type { Preferences } from '../negotiation/prefer.ts'
import { JobFailure } from '../plugins/errors.ts'
import { runStats } from '../schemas/result.ts'
import { jobErrorOf, type JobPresenter } from './job-presenter.ts'
import { sendOutput } from './send-output.ts'
import { sendResult } from './send-result.ts'
import { varyBy } from './vary-by.ts'

export interface CallAnswer {
  readonly job: Job
  readonly forms: readonly AnswerForm[]
  readonly preferences: Preferences
  readonly receivedAtMs: number
  readonly acceptedAtMs: number
}

export interface AnswerTools {
  readonly presenter: JobPresenter
  readonly outputs: Pick<OutputStore, 'read' | 'open'>
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

async function sendBest(
  reply: FastifyReply,
  { job, forms, receivedAtMs, acceptedAtMs }: CallAnswer,
  tools: AnswerTools,
): Promise<void> {
  for (const form of forms) {
    if (form.kind === 'json') {
      const stats = runStats(job, { receivedAtMs, acceptedAtMs, nowMs: tools.now() })
      return sendResult(reply, { job, resource: tools.presenter.present(job), stats, outputs: tools.outputs })
    }
    if (form.kind !== 'output') continue
    const output = job.outputs.find((candidate) => covers(form.range, candidate.contentType))
    if (output !== undefined) return sendRaw(reply, job, output, tools)
  }
  throw new JobFailure(
    new GatewayError('not_acceptable', {
      detail: `The job has ${describeOutputs(job)}. Get them below ${tools.presenter.links.job(job.id)}/outputs, or send Accept: application/json.${conversionHint(job, forms)}`,
    }),
    job.id,
  )
}

function sendRaw(reply: FastifyReply, job: Job, output: JobOutput, { outputs, presenter }: AnswerTools): Promise<void> {
  const { links } = presenter
  reply.header('content-location', links.output(job.id, output.index))
  reply.header('output-count', String(job.outputs.length))
  reply.header('link', `<${links.job(job.id)}>; rel="describedby"`)
  return sendOutput(reply, { method: 'POST', outputs, job, output })
}

/** What would have made the images that were asked for. */
function conversionHint(job: Job, forms: readonly AnswerForm[]): string {
  if (!job.outputs.some(({ kind }) => kind === 'image')) return ''
  const wanted = forms.flatMap((form) => (form.kind === 'output' && form.range.type === 'image' ? [form.range] : []))
  const format = ['webp', 'jpeg', 'png'].find((name) => wanted.some(({ subtype }) => subtype === name))
  return format === undefined ? '' : ` For images of that type, run it with Job-Convert-Output: ${format}.`
}

function describeOutputs(job: Job): string {
  if (job.outputs.length === 0) return 'no outputs'
  return `outputs of type ${[...new Set(job.outputs.map((output) => output.contentType))].join(', ')}`
}

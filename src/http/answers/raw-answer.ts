import type { FastifyReply } from 'fastify'
import type { Job } from '../../jobs/job.ts'
import type { OutputTap } from '../../jobs/outputs/output-tap.ts'
import type { Links } from '../links.ts'
import type { AnswerForm } from '../negotiation/accept.ts'
import { BegunAnswer } from './begun-answer.ts'
import { chooseForm } from './choose-form.ts'
import { rawHeaders } from './send-output.ts'
import { varyBy } from './vary-by.ts'

export interface RawAnswerOptions {
  readonly job: Job
  readonly forms: readonly AnswerForm[]
  readonly links: Links
  /** False: what the caller takes whole is not stored. */
  readonly isStored: boolean
  /** A caller who takes nothing for this long is dropped. */
  readonly stalledReaderTimeoutMs: number
}

/** The answer of a caller who gets an output as it is, from the instance where that can be. */
export interface RawAnswer extends OutputTap {
  /** The status is out: there is no other answer any more. */
  readonly hasBegun: boolean
  /** A short output that was given whole; the answer has not begun. */
  readonly held: { readonly index: number; readonly bytes: Buffer } | undefined
  /** Ends an answer that has begun: whole if the job succeeded, else the connection breaks. */
  conclude(job: Job): void
}

/**
 * Listens to a job for the caller who started it. The last bytes go out only when all of the result stands: until then
 * the answer can be told from a whole one.
 */
export function createRawAnswer(reply: FastifyReply, options: RawAnswerOptions): RawAnswer {
  const { job, forms, links, isStored } = options
  let held: RawAnswer['held']
  let response: BegunAnswer | undefined

  return {
    isStored,
    get hasBegun() {
      return response !== undefined
    },
    get held() {
      return held
    },
    choose(outputs) {
      if (response !== undefined) return undefined
      const chosen = chooseForm(forms, outputs)
      return chosen?.kind === 'output' ? chosen.output.index : undefined
    },
    hold(output, bytes) {
      held = { index: output.index, bytes }
    },
    open(output, { outputCount, sizeBytes }) {
      if (response !== undefined || !canStream(reply, sizeBytes)) return undefined
      reply.header('job-id', job.id)
      varyBy(reply, 'Accept', 'Prefer')
      reply.headers(rawHeaders({ job, output, outputCount, links }))
      response = new BegunAnswer(reply, { sizeBytes, stalledTimeoutMs: options.stalledReaderTimeoutMs })
      return response
    },
    fail() {
      held = undefined
      response?.destroy()
    },
    conclude({ state }) {
      if (state === 'succeeded') response?.end()
      else response?.destroy()
    },
  }
}

/** Not where another answer goes out first, nor where an end that breaks off looks like any other. */
function canStream({ raw, request }: FastifyReply, sizeBytes: number | undefined): boolean {
  if (raw.destroyed || raw.socket === null || raw.socket.destroyed) return false
  return sizeBytes !== undefined || request.raw.httpVersion !== '1.0'
}

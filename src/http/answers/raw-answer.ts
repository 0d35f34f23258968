import type { FastifyReply } from 'fastify'
import type { Job } from '../../jobs/job.ts'
import type { OutputReader, OutputTap } from '../../jobs/output-tap.ts'
import { definedHeaders } from '../defined-headers.ts'
import type { Links } from '../links.ts'
import type { AnswerForm } from '../negotiation/accept.ts'
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
  let response: RawResponse | undefined

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
      response = new RawResponse(reply, sizeBytes, options.stalledReaderTimeoutMs)
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

/** More than this is not left unsent. */
const maxUnsentBytes = 128 * 1024

/** The connection of a caller who is being answered with bytes that are not all there yet. */
class RawResponse implements OutputReader {
  readonly #response: FastifyReply['raw']
  /** What is still to come, where that is known. */
  #leftBytes: number | undefined
  /** The last bytes of an answer whose length is known. */
  #last: Buffer | undefined
  #isSent = false
  #wake = () => {}

  constructor(reply: FastifyReply, sizeBytes: number | undefined, stalledTimeoutMs: number) {
    reply.hijack()
    const response = reply.raw
    this.#response = response
    this.#leftBytes = sizeBytes
    response.writeHead(200, {
      ...definedHeaders(reply),
      ...(sizeBytes !== undefined && { 'content-length': sizeBytes }),
    })
    this.#listen(stalledTimeoutMs)
  }

  /** Counts from when bytes were last sent or taken, as the socket does. */
  #listen(stalledTimeoutMs: number): void {
    const response = this.#response
    const { socket } = response
    const onTimeout = () => {
      if (response.writableLength > 0) response.destroy()
    }
    const onDrain = () => this.#wake()
    response.setTimeout(stalledTimeoutMs, onTimeout)
    response.on('drain', onDrain)
    response.once('finish', () => {
      // Pending writes of a connection that broke are told of in the same way.
      this.#isSent = socket?.destroyed === false
      // With the next request waiting already, Node does not set the time for an idle connection.
      if (socket?.timeout === stalledTimeoutMs) socket.setTimeout(0)
      this.#wake()
    })
    response.once('close', () => {
      response.removeListener('drain', onDrain)
      response.removeListener('timeout', onTimeout)
      this.#last = undefined
      this.#wake()
    })
  }

  get isGone(): boolean {
    return this.#response.destroyed && !this.#isSent
  }

  write(bytes: Buffer, onSent?: () => void): Promise<void> | undefined {
    const response = this.#response
    if (response.destroyed) {
      onSent?.()
      return undefined
    }
    if (this.#leftBytes !== undefined) {
      this.#leftBytes -= bytes.length
      if (this.#leftBytes <= 0) {
        this.#last = bytes
        return undefined
      }
    }
    if (response.write(bytes, onSent) || response.writableLength < maxUnsentBytes) return undefined
    return this.#event()
  }

  async finish(): Promise<boolean> {
    this.end()
    while (!this.#isSent && !this.#response.destroyed) await this.#event()
    return this.#isSent
  }

  /** Sends what was held back. An answer that is not as long as it said is broken off. */
  end(): void {
    const response = this.#response
    if (response.destroyed || response.writableEnded) return
    if (this.#leftBytes === undefined || this.#leftBytes === 0) response.end(this.#last)
    else response.destroy()
  }

  /** What was sent to its end stands. */
  destroy(): void {
    if (!this.#isSent) this.#response.destroy()
  }

  /** The next change of the connection. */
  #event(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#wake = () => resolve(undefined)
    return promise
  }
}

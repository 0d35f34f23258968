import type { FastifyReply } from 'fastify'
import type { OutputReader } from '../../jobs/outputs/output-tap.ts'
import { definedHeaders } from '../defined-headers.ts'
import { watchReader } from './reader-pace.ts'

/** More than this is not left unsent. */
const maxUnsentBytes = 128 * 1024
/** One who takes next to nothing is dropped after so many times the time of one who takes nothing. */
const slowReaderPeriods = 10

/**
 * An answer whose status is out while its bytes are not all there yet. It is written by hand, past the streams of Node:
 * nothing is copied, and whoever writes waits for the caller. Nobody takes it for whole before `end`.
 */
export class BegunAnswer implements OutputReader {
  readonly #response: FastifyReply['raw']
  /** What is still to come, where that is known. */
  #leftBytes: number | undefined
  /** The last bytes of an answer whose length is known. */
  #last: Buffer | string | undefined
  #isSent = false
  #wake = () => {}

  /** @param options.stalledTimeoutMs a caller who takes nothing for this long is dropped */
  constructor(reply: FastifyReply, options: { sizeBytes: number | undefined; stalledTimeoutMs: number }) {
    const { sizeBytes, stalledTimeoutMs } = options
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
    const reader = {
      get sentBytes() {
        return socket?.bytesWritten ?? 0
      },
      get isBehind() {
        return response.writableLength > 0
      },
    }
    const unwatch = watchReader(reader, slowReaderPeriods * stalledTimeoutMs, () => response.destroy())
    response.on('drain', onDrain)
    response.once('finish', () => {
      // Pending writes of a connection that broke are told of in the same way.
      this.#isSent = socket?.destroyed === false
      // With the next request waiting already, Node does not set the time for an idle connection.
      if (socket?.timeout === stalledTimeoutMs) socket.setTimeout(0)
      this.#wake()
    })
    response.once('close', () => {
      unwatch()
      response.removeListener('drain', onDrain)
      response.removeListener('timeout', onTimeout)
      this.#last = undefined
      this.#wake()
    })
  }

  get isGone(): boolean {
    return this.#response.destroyed && !this.#isSent
  }

  /** A text has no characters beyond latin1. */
  write(bytes: Buffer | string, onSent?: () => void): Promise<void> | undefined {
    const response = this.#response
    if (response.destroyed || bytes.length === 0) {
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
    if (response.write(bytes, 'latin1', onSent) || response.writableLength < maxUnsentBytes) return undefined
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
    if (this.#leftBytes === undefined || this.#leftBytes === 0) response.end(this.#last, 'latin1')
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

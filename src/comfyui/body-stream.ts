import type { Dispatcher } from 'undici'
import { ComfyuiError } from './comfyui-error.ts'

/** Bytes on their way from a server, in the pieces in which they come. To be iterated once, or destroyed. */
export interface BodyStream extends AsyncIterable<Buffer> {
  /** Ends the transfer. Harmless when it is over. */
  destroy(): unknown
  /**
   * Gives a piece back whose bytes nobody will look at any more, in it or in a part of it: where it can be, its memory is
   * free at once. Otherwise it is freed when V8 finds it, which takes a look at everything.
   */
  release?(chunk: Buffer): void
}

/** The server is told to wait while this much is not taken, and to go on when it has fallen to the lower mark. */
const pauseAtBytes = 128 * 1024
const resumeAtBytes = 64 * 1024

/** Smaller ones may lie in memory that `Buffer` shares among them. */
const minReleasedBytes = 16 * 1024

/**
 * The body of one answer. A queue and nothing else: no piece is copied, joined or delayed, and whoever iterates slowly
 * holds up the server.
 */
export class AnswerBody implements BodyStream, AsyncIterator<Buffer, undefined> {
  readonly #controller: Dispatcher.DispatchController
  readonly #ownsMemory: boolean
  #chunks: Buffer[] = []
  #heldBytes = 0
  #next: PromiseWithResolvers<IteratorResult<Buffer, undefined>> | undefined
  /** All of it came, or nothing more will be taken. */
  #isOver = false
  #failure: Error | undefined

  /** @param ownsMemory each piece is all that lies in its memory: one read, of a body without frames in it */
  constructor(controller: Dispatcher.DispatchController, ownsMemory: boolean) {
    this.#controller = controller
    this.#ownsMemory = ownsMemory
  }

  push(chunk: Buffer): void {
    if (this.#isOver || chunk.length === 0) return
    if (this.#next) {
      this.#settle({ done: false, value: chunk })
      return
    }
    this.#chunks.push(chunk)
    this.#heldBytes += chunk.length
    if (this.#heldBytes >= pauseAtBytes) this.#controller.pause()
  }

  end(): void {
    this.#isOver = true
    if (this.#next) this.#settle({ done: true, value: undefined })
  }

  fail(error: Error): void {
    if (this.#isOver) return
    this.#close(error)
    const waiting = this.#next
    this.#next = undefined
    waiting?.reject(error)
  }

  destroy(): void {
    if (!this.#isOver) {
      const error = new ComfyuiError('interrupted', 'The transfer was given up')
      this.fail(error)
      this.#controller.abort(error)
    }
    this.#chunks = []
  }

  release({ buffer, byteLength }: Buffer): void {
    const isAlone = this.#ownsMemory && byteLength >= minReleasedBytes && byteLength * 2 > buffer.byteLength
    if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0)
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#failure) return Promise.reject(this.#failure)
    const value = this.#chunks.shift()
    if (value !== undefined) {
      this.#heldBytes -= value.length
      if (this.#heldBytes <= resumeAtBytes && this.#controller.paused && !this.#isOver) this.#controller.resume()
      return Promise.resolve({ done: false, value })
    }
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined })
    this.#next ??= Promise.withResolvers()
    return this.#next.promise
  }

  /** The end of a loop that was left early. */
  return(): Promise<IteratorResult<Buffer, undefined>> {
    this.destroy()
    return Promise.resolve({ done: true, value: undefined })
  }

  #settle(result: IteratorResult<Buffer, undefined>): void {
    const waiting = this.#next
    this.#next = undefined
    waiting?.resolve(result)
  }

  #close(error: Error): void {
    this.#isOver = true
    this.#failure = error
    this.#chunks = []
    this.#heldBytes = 0
  }
}

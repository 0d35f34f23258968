import type { Dispatcher } from 'undici'
import { ComfyuiError } from './comfyui-error.ts'

/** Bytes on their way from a server, in the pieces in which they come. To be iterated once, or destroyed. */
export interface BodyStream extends AsyncIterable<Buffer> {
  /** Ends the transfer. Harmless when it is over. */
  destroy(): unknown
}

/** The server is told to wait while this much is not taken, and to go on when it has fallen to the lower mark. */
const pauseAtBytes = 128 * 1024
const resumeAtBytes = 64 * 1024

/**
 * The body of one answer. A queue and nothing else: no piece is copied, joined or delayed, and whoever iterates slowly
 * holds up the server.
 */
export class AnswerBody implements BodyStream, AsyncIterator<Buffer, undefined> {
  readonly #controller: Dispatcher.DispatchController
  #chunks: Buffer[] = []
  #heldBytes = 0
  #next: PromiseWithResolvers<IteratorResult<Buffer, undefined>> | undefined
  /** All of it came, or nothing more will be taken. */
  #isOver = false
  #failure: Error | undefined

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller
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

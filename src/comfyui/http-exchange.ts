import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import { AnswerBody, type BodyStream } from './body-stream.ts'
import { ComfyuiError } from './comfyui-error.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | Readable
  /** The longest silence before the answer's headers, and between chunks of its body. */
  readonly timeoutMs: number
  /** Bodies of at most this many bytes come as one buffer, longer ones as a stream. */
  readonly bufferUpToBytes: number
  /** Told how many bytes came, as they come. */
  readonly onReceived?: ((bytes: number) => void) | undefined
  /** Cuts the exchange, also while the body streams. */
  readonly signal?: AbortSignal
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** A stream must be consumed or destroyed. */
  readonly body: Buffer | BodyStream
}

/** Errors that occur before a connection stands: nothing of the request was sent. */
const connectErrorCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

function toComfyuiError(error: unknown): ComfyuiError {
  if (error instanceof ComfyuiError) return error
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const message = error instanceof Error ? error.message : String(error)
  const reason = code !== undefined && connectErrorCodes.has(code) ? 'unreachable' : 'interrupted'
  return new ComfyuiError(reason, code === undefined ? message : `${message} (${code})`, { cause: error })
}

/**
 * One request and its answer, straight on the dispatcher: a job makes two of these, so what undici's `request` and
 * `fetch` build around them is left out. Resolves when a short body is complete, or a long one has begun.
 *
 * @throws ComfyuiError `unreachable` | `interrupted`
 */
export function exchange(dispatcher: Dispatcher, request: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    if (request.signal?.aborted) {
      reject(new ComfyuiError('unreachable', 'The call was given up before it was sent'))
      return
    }
    const handler = new ExchangeHandler(request, resolve, reject)
    dispatcher.dispatch(
      {
        method: request.method,
        path: request.path,
        headers: request.headers ?? {},
        body: request.body ?? null,
        headersTimeout: request.timeoutMs,
        bodyTimeout: request.timeoutMs,
      },
      handler,
    )
  })
}

class ExchangeHandler implements Dispatcher.DispatchHandler {
  readonly #request: HttpRequest
  readonly #resolve: (answer: HttpAnswer) => void
  readonly #reject: (error: ComfyuiError) => void
  #status = 0
  #headers: HttpAnswer['headers'] = {}
  #chunks: Buffer[] = []
  #bufferedBytes = 0
  #stream: AnswerBody | undefined
  #removeAbort: (() => void) | undefined

  constructor(request: HttpRequest, resolve: (answer: HttpAnswer) => void, reject: (error: ComfyuiError) => void) {
    this.#request = request
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    const { signal } = this.#request
    if (!signal) return
    const abort = () => controller.abort(new ComfyuiError('interrupted', 'The call was given up'))
    if (signal.aborted) {
      abort()
      return
    }
    signal.addEventListener('abort', abort, { once: true })
    this.#removeAbort = () => signal.removeEventListener('abort', abort)
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    statusCode: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (statusCode < 200) return
    this.#status = statusCode
    this.#headers = headers
    const length = Number(headers['content-length'] ?? Number.NaN)
    if (length > this.#request.bufferUpToBytes) this.#startStream(controller)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#request.onReceived?.(chunk.length)
    if (this.#stream) {
      this.#stream.push(chunk)
      return
    }
    this.#chunks.push(chunk)
    this.#bufferedBytes += chunk.length
    if (this.#bufferedBytes > this.#request.bufferUpToBytes) this.#startStream(controller)
  }

  onResponseEnd(): void {
    this.#removeAbort?.()
    if (this.#stream) {
      this.#stream.end()
      return
    }
    const only = this.#chunks[0]
    const body = this.#chunks.length === 1 && only ? only : Buffer.concat(this.#chunks)
    this.#resolve({ status: this.#status, headers: this.#headers, body })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#removeAbort?.()
    const failure = toComfyuiError(error)
    if (this.#stream) this.#stream.fail(failure)
    else this.#reject(failure)
  }

  #startStream(controller: Dispatcher.DispatchController): void {
    // Pieces of a body in frames may lie side by side in what was read at once.
    const isInFrames = this.#headers['transfer-encoding'] !== undefined
    const stream = new AnswerBody(controller, !isInFrames)
    this.#stream = stream
    for (const chunk of this.#chunks) stream.push(chunk)
    this.#chunks = []
    this.#resolve({ status: this.#status, headers: this.#headers, body: stream })
  }
}

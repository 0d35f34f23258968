import { type ErrorCode, type ErrorKind, errorCatalogue } from './error-catalogue.ts'

/** One thing that is wrong with the request, as told to the caller. */
export interface FieldError {
  /** JSON pointer (RFC 6901) into the parameters of the request, such as `/width`. Absent where no parameter is behind it. */
  readonly pointer?: string
  /** Machine-readable reason, such as `unknown_parameter` or ComfyUI's own `value_bigger_than_max`. */
  readonly code: string
  /** What is wrong and what would be right, for a person. */
  readonly message: string
  /** Node and input of the prompt, where ComfyUI named them. */
  readonly node?: { readonly id: string; readonly classType: string; readonly input?: string }
}

/** The node that failed, as ComfyUI reported it; no server path and no traceback. */
export interface FailedNode {
  readonly id: string
  readonly classType: string
  readonly exceptionType: string
  readonly message: string
}

export interface GatewayErrorOptions {
  /** What happened here, with the names and values involved, and what to do. Defaults to the title. */
  readonly detail?: string
  readonly errors?: readonly FieldError[]
  readonly node?: FailedNode
  readonly retryAfterSeconds?: number
  /** Headers that an HTTP answer with this error carries, such as `Allow`. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** The only error class that leaves a module on purpose. Its `code` is an entry of the catalogue. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly detail: string
  readonly errors: readonly FieldError[]
  readonly node: FailedNode | undefined
  readonly retryAfterSeconds: number | undefined
  readonly headers: Readonly<Record<string, string>>

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    const detail = options.detail ?? errorCatalogue[code].title
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.detail = detail
    this.errors = options.errors ?? []
    this.node = options.node
    this.retryAfterSeconds = options.retryAfterSeconds
    this.headers = options.headers ?? {}
  }

  get kind(): ErrorKind {
    return errorCatalogue[this.code]
  }
}

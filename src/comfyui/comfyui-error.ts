/**
 * Why a call to a ComfyUI instance gave no usable answer.
 *
 * - `unreachable`: no connection could be made, so nothing was sent.
 * - `interrupted`: the connection broke or timed out after sending: the instance may or may not have acted.
 * - `bad_answer`: it answered with a status or body that the route does not have.
 */
export type ComfyuiErrorReason = 'unreachable' | 'interrupted' | 'bad_answer'

export class ComfyuiError extends Error {
  override readonly name = 'ComfyuiError'
  readonly reason: ComfyuiErrorReason
  readonly status: number | undefined

  constructor(reason: ComfyuiErrorReason, message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.reason = reason
    this.status = options.status
  }
}

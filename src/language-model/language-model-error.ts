/** Why a language model gave no answer that can be used. */
export type LanguageModelFault =
  /** No connection, or one that broke off. */
  | 'unreachable'
  | 'timeout'
  /** The service sends callers elsewhere, where nobody has agreed to send anything. */
  | 'redirect'
  | 'wrong_key'
  | 'no_credit'
  | 'unknown_model'
  /** By moderation, by a filter, or by the model itself. */
  | 'refused'
  /** Too many requests. */
  | 'busy'
  /** The service says that it failed, or that the request is wrong. */
  | 'failed'
  | 'bad_answer'
  | 'too_large'

/** The message is for whoever runs the command. It never holds the key. */
export class LanguageModelError extends Error {
  override readonly name = 'LanguageModelError'
  readonly fault: LanguageModelFault

  constructor(fault: LanguageModelFault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

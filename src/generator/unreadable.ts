import { GatewayError } from '../errors/gateway-error.ts'

/** Throws in terms of the file that a person named. */
export function unreadable(file: string): (error: unknown) => never {
  return (cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('validation_error', { detail: `${file} cannot be read: ${reason}.`, cause })
  }
}

import { GatewayError } from '../errors/gateway-error.ts'
import { errnoOf } from '../lib/errno-of.ts'

/** The error for a file that cannot be written, read or removed. `what` is the sentence without its end. */
export function storageError(what: string, cause: unknown): GatewayError {
  return new GatewayError('storage_unavailable', { detail: `${what} (${errnoOf(cause) ?? 'unknown reason'}).`, cause })
}

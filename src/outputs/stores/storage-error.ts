import { GatewayError } from '../../errors/gateway-error.ts'
import { errnoOf } from '../../lib/errno-of.ts'

export function storageError(what: string, cause: unknown): GatewayError {
  return new GatewayError('storage_unavailable', { detail: `${what} (${errnoOf(cause) ?? 'unknown reason'}).`, cause })
}

export function refuseWrite(cause: unknown): never {
  throw storageError('An output cannot be stored', cause)
}

import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'

/** Does nothing when there is nothing to refuse. @throws GatewayError `validation_error` */
export function refuseFields(errors: readonly FieldError[]): void {
  const [first] = errors
  if (first === undefined) return
  if (errors.length === 1) throw fieldRefusal(first)
  throw new GatewayError('validation_error', { detail: `${errors.length} things are wrong.`, errors })
}

/** The error for one thing that is wrong in a body. */
export function fieldRefusal(error: FieldError): GatewayError {
  const { pointer = '', message } = error
  return new GatewayError('validation_error', { detail: `${pointer} ${message}`.trim(), errors: [error] })
}

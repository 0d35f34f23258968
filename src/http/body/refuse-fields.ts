import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'

/** Does nothing when there is nothing to refuse. @throws GatewayError `validation_error` */
export function refuseFields(errors: readonly FieldError[]): void {
  const [first] = errors
  if (first === undefined) return
  throw new GatewayError('validation_error', {
    detail:
      errors.length === 1 ? `${first.pointer ?? ''} ${first.message}`.trim() : `${errors.length} things are wrong.`,
    errors,
  })
}

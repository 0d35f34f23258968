import { GatewayError } from '../../errors/gateway-error.ts'

/** The error for an id that no instance has. @param known the ids that there are */
export function missingInstance(id: string, known: readonly string[]): GatewayError {
  return new GatewayError('instance_not_found', {
    detail: `There is no instance ${id.slice(0, 200)}. There are: ${known.join(', ') || 'none'}.`,
  })
}

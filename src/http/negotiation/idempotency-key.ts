import { GatewayError } from '../../errors/gateway-error.ts'

const keyPattern = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/

/**
 * The caller's `Idempotency-Key`; quotes around it, which the structured form of the header has, do not count.
 * @throws GatewayError `invalid_header`
 */
export function parseIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const value = String(header)
  const key = /^"(.*)"$/.exec(value)?.[1] ?? value
  if (!keyPattern.test(key)) {
    throw new GatewayError('invalid_header', {
      detail: 'Idempotency-Key must have 1 to 255 printable ASCII characters.',
    })
  }
  return key
}

import { GatewayError } from '../errors/gateway-error.ts'

/** The error for a media parameter that cannot be used. `message` goes on after the pointer: `is empty`. */
export function refuseInput(pointer: string, code: string, message: string): GatewayError {
  return new GatewayError('unsupported_input', {
    detail: `${pointer} ${message}`,
    errors: [{ pointer, code, message }],
  })
}

export function refuseTooLarge(pointer: string, maxBytes: number): GatewayError {
  return refuseInput(pointer, 'too_large', `is larger than ${Math.floor(maxBytes / 1024)} KiB, the most that is taken.`)
}

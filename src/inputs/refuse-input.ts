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

/** The error for a file that is more than a file may be. An empty pointer means the body as a whole. */
export function refuseFileTooLarge(pointer: string, maxFileBytes: number): GatewayError {
  const message = `is larger than ${Math.floor(maxFileBytes / 1024)} KiB, the most that a file may have (--max-file-mb).`
  return new GatewayError('body_too_large', {
    detail: `${pointer === '' ? 'The file' : pointer} ${message}`,
    errors: [{ pointer, code: 'too_large', message }],
  })
}

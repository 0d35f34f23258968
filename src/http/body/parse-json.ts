import { isUtf8 } from 'node:buffer'
import secureJson from 'secure-json-parse'
import { GatewayError } from '../../errors/gateway-error.ts'
import { findJsonError } from './find-json-error.ts'

/**
 * Parses a request body. Keys that would change the prototype of an object are refused.
 * @throws GatewayError `malformed_body`, naming the line and column where the text stops being JSON
 */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) {
    throw new GatewayError('malformed_body', { detail: 'The body is not text in UTF-8, which JSON has to be.' })
  }
  const text = bytes.toString('utf8')
  try {
    return secureJson.parse(text, { protoAction: 'error', constructorAction: 'error' })
  } catch (cause) {
    throw new GatewayError('malformed_body', { detail: explain(text), cause })
  }
}

function explain(text: string): string {
  const withoutMark = text.replace(/^\ufeff/, '')
  const at = findJsonError(withoutMark)
  if (at === undefined)
    return 'The body has a key that is not allowed in any object: `__proto__`, or `constructor` with a `prototype`.'
  if (at >= withoutMark.length) return 'The body is not valid JSON: it ends too early.'
  const before = withoutMark.slice(0, at)
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  const found = JSON.stringify(String.fromCodePoint(withoutMark.codePointAt(at) ?? 0))
  return `The body is not valid JSON: ${found} is unexpected at line ${line}, column ${column}.`
}

import { refuseInput, refuseTooLarge } from './refuse-input.ts'

/** Used where the caller of this module sets no limit of its own; the limit of the request body is the first one. */
const defaultMaxBytes = 256 * 1024 * 1024

const forms =
  'Send an https URL, a data URI (data:image/png;base64,…), base64, a part of a multipart form, or {"asset": id}.'

/**
 * The bytes of a media parameter given as text: a data URI with base64, or bare base64, in the standard or the URL-safe
 * alphabet, with or without padding, with white space anywhere. What the text claims about its type is ignored.
 *
 * @param pointer names the parameter in the error
 * @param maxBytes checked before anything is decoded
 * @throws GatewayError `unsupported_input` for everything else, paths and URLs included; never repeats the text
 */
export function decodeMedia(text: string, pointer: string, maxBytes: number = defaultMaxBytes): Buffer {
  const trimmed = text.trim()
  if (trimmed === '') throw refuseInput(pointer, 'empty', `is empty. ${forms}`)
  const scheme = schemeOf(trimmed)
  if (scheme === 'data') return decodeDataUri(trimmed, pointer, maxBytes)
  if (scheme !== undefined) {
    throw refuseInput(pointer, 'url_not_supported', `is a URL of a kind that is not fetched. ${forms}`)
  }
  return decodeBase64(trimmed, pointer, maxBytes)
}

const longestScheme = 32

/** The scheme of a URL; the empty text for one that takes the scheme of its page (`//host/…`). */
function schemeOf(text: string): string | undefined {
  const scheme = /^[a-z][a-z0-9+.-]*(?=:)/i.exec(text.slice(0, longestScheme))?.[0]
  if (scheme !== undefined) return scheme.toLowerCase()
  // Two slashes are the begin of some base64, too; a host has a dot or a port.
  return /^[/\\]{2}[^/\\]*[.:[]/.test(text.slice(0, longestHost)) ? '' : undefined
}

const longestHost = 256

/** RFC 2397, of which only base64 makes sense for media. */
function decodeDataUri(uri: string, pointer: string, maxBytes: number): Buffer {
  const comma = uri.slice(0, longestHeader).indexOf(',')
  const header = comma === -1 ? '' : uri.slice(0, comma)
  if (!/;\s*base64\s*$/i.test(header)) {
    throw refuseInput(pointer, 'not_base64', `is a data URI without base64. ${forms}`)
  }
  const body = uri.slice(comma + 1)
  return decodeBase64(body.includes('%') ? unescapeBase64(body) : body, pointer, maxBytes)
}

const longestHeader = 1024

/** Some clients escape what may not stand in a query. Anything else is left alone, and refused as no base64. */
function unescapeBase64(text: string): string {
  return text.replace(/%(2B|2F|3D|0A|0D|20)/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function decodeBase64(text: string, pointer: string, maxBytes: number): Buffer {
  let decoded = decodeDense(text, maxBytes)
  if (!Buffer.isBuffer(decoded)) decoded = decodeDense(text.replace(/\s+/g, ''), maxBytes)
  if (decoded === 'too_large') throw refuseTooLarge(pointer, maxBytes)
  if (decoded === 'not_base64') {
    throw refuseInput(pointer, 'not_base64', `is neither a data URI nor base64. ${forms}`)
  }
  if (decoded.length === 0) throw refuseInput(pointer, 'empty', `is empty. ${forms}`)
  return decoded
}

/** Takes base64 without white space. Node leaves out what is no digit, so the length of the result tells bad texts. */
function decodeDense(text: string, maxBytes: number): Buffer | 'too_large' | 'not_base64' {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digits = text.length - padding
  const sizeBytes = Math.floor((digits * 3) / 4)
  if (sizeBytes > maxBytes) return 'too_large'
  if (padding === 0 ? digits % 4 === 1 : text.length % 4 !== 0) return 'not_base64'
  const bytes = Buffer.from(text, 'base64')
  return bytes.length === sizeBytes ? bytes : 'not_base64'
}

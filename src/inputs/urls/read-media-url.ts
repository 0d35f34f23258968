import type { GatewayError } from '../../errors/gateway-error.ts'
import { refuseInput } from '../refuse-input.ts'
import type { UrlRules } from './url-rules.ts'

/**
 * Reads the URL that a media parameter is; `undefined` when it is none of the web. Nobody is asked for anything.
 * @throws GatewayError `unsupported_input` when it is not fetched, whatever its host has
 */
export type ReadMediaUrl = (text: string, pointer: string) => URL | undefined

export function createMediaUrlReader(rules: Pick<UrlRules, 'read'>): ReadMediaUrl {
  return (text, pointer) => {
    const trimmed = text.trim()
    if (!isWebUrl(trimmed)) return undefined
    const url = rules.read(trimmed)
    if (typeof url === 'string') throw refuseUrl(pointer, url, 'is')
    return url
  }
}

/** Where nothing is fetched at all. */
export const refuseMediaUrl: ReadMediaUrl = (text, pointer) => {
  if (isWebUrl(text.trim())) throw refuseUrl(pointer, 'this server fetches nothing (--url-inputs off)', 'is')
  return undefined
}

/** @param how whether the URL itself is refused, or one that it leads to */
export function refuseUrl(pointer: string, reason: string, how: 'is' | 'leads to'): GatewayError {
  const what =
    how === 'is' ? 'is a URL that is not fetched' : 'is a URL that leads to another one, which is not fetched'
  return refuseInput(pointer, 'url_not_allowed', `${what}: ${reason}.`)
}

function isWebUrl(text: string): boolean {
  return /^https?:/i.test(text)
}

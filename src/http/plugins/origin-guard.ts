import type { IncomingHttpHeaders } from 'node:http'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * Whether a request that changes something may come from where it says it comes. Programs send no `Origin`; a browser
 * always does, so a page of another origin is refused, and so is one that hides its origin (`null`).
 */
export function isOriginAllowed(method: string, headers: IncomingHttpHeaders): boolean {
  if (safeMethods.has(method)) return true
  if (headers['sec-fetch-site'] === 'cross-site') return false
  const { origin, host } = headers
  return origin === undefined || (host !== undefined && sameHost(origin, host))
}

function sameHost(origin: string, host: string): boolean {
  const url = URL.parse(origin)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // Both through the same parser: the default port of the scheme falls away on either side.
  return url.host === URL.parse(`${url.protocol}//${host}`)?.host
}

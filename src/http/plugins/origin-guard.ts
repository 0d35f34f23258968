import type { IncomingHttpHeaders } from 'node:http'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Whether it matters which page sends a request: one that changes something, or that opens a WebSocket. */
export function asksForOrigin(method: string, headers: IncomingHttpHeaders): boolean {
  return !safeMethods.has(method) || headers.upgrade !== undefined
}

/**
 * Whether a page may have sent these headers. Programs send no `Origin`; a browser always does where it matters, so a
 * page of another origin is refused, and so is one that hides its origin (`null`).
 *
 * @param host the caller asked for, with its port
 * @param allowedOrigins such as `https://app.example.com`, allowed besides pages of that host; `*` for any
 */
export function isOriginAllowed(
  headers: IncomingHttpHeaders,
  { host, allowedOrigins }: { host: string; allowedOrigins: ReadonlySet<string> },
): boolean {
  const { origin } = headers
  if (origin !== undefined && (allowedOrigins.has('*') || allowedOrigins.has(origin))) return true
  if (headers['sec-fetch-site'] === 'cross-site') return false
  return origin === undefined || sameHost(origin, host)
}

function sameHost(origin: string, host: string): boolean {
  const url = URL.parse(origin)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return false
  // Both through the same parser: the default port of the scheme falls away on either side.
  return url.host === URL.parse(`${url.protocol}//${host}`)?.host
}

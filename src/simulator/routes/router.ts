import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  HttpStatusError,
  sendEmpty,
  sendText,
  serverTrouble,
  type HttpExchange,
  type RouteHandler,
} from './http-exchange.ts'

export type Method = 'GET' | 'POST'

export interface Route {
  method: Method
  /** A segment `*` is handed to the handler; `**` at the end takes the rest. */
  path: string
  /** Where it is found: with and without `/api` (default), or only one of them. */
  only?: 'prefixed' | 'bare'
  handle: RouteHandler
}

export interface RouterOptions {
  routes: readonly Route[]
  /** Whether any request with `Sec-Fetch-Site: cross-site` is refused. */
  refusesCrossSite: boolean
  /** Asked before anything is done about a request of this path; where it answers, that is waited for. */
  hold: (path: string) => Promise<void> | undefined
}

const prefix = '/api'

/** Answers requests as aiohttp with these routes does, its odd statuses included. */
export function createRouter({ routes, refusesCrossSite, hold }: RouterOptions) {
  const exact = new Map<string, Route>()
  const patterns: { route: Route; expression: RegExp }[] = []
  for (const route of routes) {
    if (route.path.includes('*')) patterns.push({ route, expression: toExpression(route.path) })
    else exact.set(`${route.method} ${route.path}`, route)
  }

  function find(method: string, path: string, isPrefixed: boolean): { route: Route; params: string[] } | undefined {
    const fits = (route: Route | undefined): route is Route =>
      route !== undefined && (route.only === undefined || route.only === (isPrefixed ? 'prefixed' : 'bare'))
    const route = exact.get(`${method} ${path}`)
    if (fits(route)) return { route, params: [] }
    for (const pattern of patterns) {
      const match = pattern.route.method === method && fits(pattern.route) ? pattern.expression.exec(path) : null
      if (match !== null) return { route: pattern.route, params: match.slice(1).map(decodeSegment) }
    }
    return undefined
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET'
    if (isForeign(request, refusesCrossSite)) return sendEmpty(response, 403)
    if (method === 'OPTIONS') return sendEmpty(response, 200)
    const url = request.url ?? '/'
    const mark = url.indexOf('?')
    const whole = mark === -1 ? url : url.slice(0, mark)
    const isPrefixed = whole.startsWith(`${prefix}/`)
    const path = isPrefixed ? whole.slice(prefix.length) : whole
    const lookedUp = method === 'HEAD' ? 'GET' : method
    const found = find(lookedUp, path, isPrefixed)
    if (found === undefined) {
      const isKnown = lookedUp === 'GET' && find('POST', path, isPrefixed) !== undefined
      return sendUnknown(response, lookedUp === 'GET' && !isKnown ? 404 : 405)
    }
    const query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1))
    const exchange: HttpExchange = { request, response, path, query, params: found.params }
    const held = hold(path)
    if (held !== undefined) await held
    await found.route.handle(exchange)
  }

  return (request: IncomingMessage, response: ServerResponse): void => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) return void response.destroy()
      if (!(error instanceof HttpStatusError)) sendText(response, 500, serverTrouble)
      else if (error.message === '') sendEmpty(response, error.status)
      else sendText(response, error.status, error.message)
    })
  }
}

function toExpression(path: string): RegExp {
  const source = path
    .split('/')
    .map((segment) => (segment === '**' ? '(.+)' : segment === '*' ? '([^/]+)' : segment))
    .join('/')
  return new RegExp(`^${source}$`)
}

function decodeSegment(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}

function sendUnknown(response: ServerResponse, status: number): void {
  response.writeHead(status, {
    'Content-Type': status === 404 ? 'application/octet-stream' : 'text/plain; charset=utf-8',
  })
  response.end(status === 405 ? '405: Method Not Allowed' : undefined)
}

/** A browser page of another origin, as far as the server looks: it guards only its loopback names. */
function isForeign({ headers }: IncomingMessage, refusesCrossSite: boolean): boolean {
  if (refusesCrossSite && headers['sec-fetch-site'] === 'cross-site') return true
  const { host, origin } = headers
  if (host === undefined || origin === undefined || origin === 'null') return false
  const isLoopback = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$/.test(host)
  return isLoopback && origin.replace(/^[a-z]+:\/\//i, '').toLowerCase() !== host.toLowerCase()
}

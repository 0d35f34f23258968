import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { HttpSecurity } from '../app-options.ts'
import { hostOfTarget, pathOf, type Links } from '../links.ts'
import { anonymous, createKeyCheck, type CallerId } from './api-keys.ts'
import { createHostCheck, hasSeveralHosts } from './host-guard.ts'
import { asksForOrigin, isOriginAllowed } from './origin-guard.ts'

declare module 'fastify' {
  interface FastifyRequest {
    callerId: CallerId
  }
  interface FastifyContextConfig {
    /** The route answers without a key. */
    isOpen?: boolean
  }
}

export interface GuardOptions {
  readonly security: Omit<HttpSecurity, 'openDocs' | 'corsOrigins'>
  /** Pages of these origins may change something, besides those of the host asked for; `*` for any. */
  readonly allowedOrigins: ReadonlySet<string>
  readonly links: Links
  readonly isClosing: () => boolean
}

/** One synchronous hook in front of everything: is the host ours, may this origin, is the server up, whose key is it. */
export function guardRequests(app: FastifyInstance, options: GuardOptions): void {
  const { security, allowedOrigins, links, isClosing } = options
  const isOurHost = createHostCheck(security)
  const checkKey = createKeyCheck(security.apiKeys)
  app.decorateRequest('callerId', anonymous)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    const { host } = request
    const { headers, rawHeaders } = request.raw
    const named = hostOfTarget(request.originalUrl)
    if (hasSeveralHosts(rawHeaders) || (named !== undefined && named !== headers.host)) return done(severalHosts())
    if (!isOurHost(host)) return done(hostRefused(host))
    if (asksForOrigin(request.method, headers) && !isOriginAllowed(headers, { host, allowedOrigins }))
      return done(originRefused(headers.origin))
    if (isClosing()) return done(new GatewayError('draining', { retryAfterSeconds: 5 }))
    if (links.routeOf(request.originalUrl) === undefined) return done(outside(request.originalUrl, links))
    if (request.routeOptions.config.isOpen !== true) {
      try {
        request.callerId = checkKey(headers)
      } catch (error) {
        return done(error instanceof GatewayError ? error : new GatewayError('internal_error', { cause: error }))
      }
    }
    done()
  })
}

function severalHosts(): GatewayError {
  return new GatewayError('malformed_request', {
    detail: 'The request names more than one host.',
    headers: { connection: 'close' },
  })
}

function outside(target: string, links: Links): GatewayError {
  return new GatewayError('not_found', {
    detail: `There is nothing at ${pathOf(target).slice(0, 200)}. This server answers below ${links.path('/')}.`,
  })
}

function hostRefused(host: string): GatewayError {
  const sent =
    host === ''
      ? 'The request has no Host header.'
      : `This server does not answer to ${JSON.stringify(host.slice(0, 100))}.`
  return new GatewayError('host_not_allowed', { detail: `${sent} Names are added with --allowed-hosts.` })
}

function originRefused(origin: string | undefined): GatewayError {
  return new GatewayError('origin_not_allowed', {
    detail: `Pages of ${JSON.stringify((origin ?? 'another site').slice(0, 100))} may not change anything here.`,
  })
}

import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { HttpSecurity } from '../app-options.ts'
import { anonymous, createKeyCheck, type CallerId } from './api-keys.ts'
import { createHostCheck } from './host-guard.ts'
import { isOriginAllowed } from './origin-guard.ts'

declare module 'fastify' {
  interface FastifyRequest {
    callerId: CallerId
  }
  interface FastifyContextConfig {
    /** The route answers without a key. */
    isOpen?: boolean
  }
}

/** One synchronous hook in front of everything: is the server up, is the host ours, may this origin, whose key is it. */
export function guardRequests(app: FastifyInstance, security: HttpSecurity, isClosing: () => boolean): void {
  const isOurHost = createHostCheck(security)
  const checkKey = createKeyCheck(security.apiKeys)
  app.decorateRequest('callerId', anonymous)
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id)
    reply.header('x-content-type-options', 'nosniff')
    const { headers } = request.raw
    if (!isOurHost(headers.host)) return done(hostRefused(headers.host))
    if (!isOriginAllowed(request.raw.method ?? '', headers)) return done(originRefused(headers.origin))
    if (isClosing())
      return done(new GatewayError('draining', { headers: { connection: 'close' }, retryAfterSeconds: 5 }))
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

function hostRefused(host: string | undefined): GatewayError {
  const sent =
    host === undefined || host === ''
      ? 'The request has no Host header.'
      : `This server does not answer to ${JSON.stringify(host.slice(0, 100))}.`
  return new GatewayError('host_not_allowed', { detail: `${sent} Names are added with --allowed-hosts.` })
}

function originRefused(origin: string | undefined): GatewayError {
  return new GatewayError('origin_not_allowed', {
    detail: `Pages of ${JSON.stringify((origin ?? 'another site').slice(0, 100))} may not change anything here.`,
  })
}

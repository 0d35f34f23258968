import type { FastifyInstance } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import { callerOf } from './api-keys.ts'
import { createRequestRates, type RateLimit } from './request-rates.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Requests to the route count against the rate of their caller. */
    startsJobs?: boolean
  }
}

/** Headers of draft-ietf-httpapi-ratelimit-headers-10. */
export const rateLimitHeaders = ['RateLimit-Policy', 'RateLimit'] as const

/** Counts the requests of each caller to routes that start jobs or store files, says so in headers, and refuses those beyond the rate. */
export function limitRate(app: FastifyInstance, limit: RateLimit, now: () => number): void {
  const rates = createRequestRates(limit, now)
  const policy = `"default";q=${limit.requests};w=${limit.windowSeconds}`
  app.addHook('onRequest', (request, reply, done) => {
    if (request.routeOptions.config.startsJobs !== true) return done()
    const { isAllowed, remaining, resetSeconds, retryAfterSeconds } = rates.take(callerOf(request))
    reply.header('ratelimit-policy', policy).header('ratelimit', `"default";r=${remaining};t=${resetSeconds}`)
    if (isAllowed) return done()
    const detail = `${limit.requests} requests in ${limit.windowSeconds} seconds may start jobs or upload assets. One more may in ${retryAfterSeconds}.`
    done(new GatewayError('rate_limited', { detail, retryAfterSeconds }))
  })
}

import cors from '@fastify/cors'
import type { FastifyInstance } from 'fastify'
import { rateLimitHeaders } from './rate-limit.ts'

/** What scripts of other origins may read beside the body and the few headers that every script may. */
const exposedHeaders = [
  'Accept-Ranges',
  'Allow',
  'Content-Disposition',
  'Content-Location',
  'Content-Range',
  'ETag',
  'Idempotency-Replayed',
  'Job-Id',
  'Link',
  'Location',
  'Output-Count',
  'Preference-Applied',
  ...rateLimitHeaders,
  'Retry-After',
  'X-Request-Id',
]

const preflightMaxAgeSeconds = 600

/**
 * Lets pages of these origins read answers, errors included, and answers what their browsers ask before a request. To be
 * registered before the guards: browsers ask without a key. Credentials of the browser are never allowed, so a page has
 * to have a key of its own where one is needed.
 */
export async function allowOrigins(app: FastifyInstance, allowedOrigins: readonly string[]): Promise<void> {
  if (allowedOrigins.length === 0) return
  const allowed = new Set(allowedOrigins)
  await app.register(cors, {
    origin(origin, decide) {
      if (origin === undefined) decide(null, false)
      else decide(null, allowed.has('*') ? '*' : allowed.has(origin))
    },
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    exposedHeaders,
    maxAge: preflightMaxAgeSeconds,
    strictPreflight: false,
  })
}

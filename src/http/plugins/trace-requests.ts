import type { FastifyInstance } from 'fastify'
import { readTraceparent } from '../../lib/traceparent.ts'
import type { TraceRequest } from '../app-options.ts'
import { pathOf } from '../links.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's place in a trace, where it has one. Nothing is decided by it: callers may send what they like. */
    traceparent: string | undefined
  }
}

/** Asked again and again by machines, and never the reason of anything. */
const unremarkableRoutes: ReadonlySet<string | undefined> = new Set(['/health', '/ready', '/metrics'])

/** Takes up the trace that the caller sends. Where a tracing system listens, it is told of each request. */
export function traceRequests(app: FastifyInstance, trace: TraceRequest | undefined): void {
  app.decorateRequest('traceparent', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    const { headers } = request.raw
    const sent = headers['traceparent']
    if (typeof sent === 'string') request.traceparent = readTraceparent(sent)
    const route = request.routeOptions.url
    // A connection that becomes a WebSocket has no answer that could end.
    if (trace === undefined || unremarkableRoutes.has(route) || headers.upgrade !== undefined) return done()
    const traced = trace({
      requestId: request.id,
      method: request.method,
      route,
      path: pathOf(request.url),
      parent: request.traceparent,
    })
    request.traceparent = traced.traceparent
    const { raw } = reply
    raw.once('close', () => traced.end({ status: raw.headersSent ? raw.statusCode : undefined }))
    done()
  })
}

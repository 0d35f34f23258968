import type { FastifyInstance } from 'fastify'
import { traceIdOf } from '../../lib/traceparent.ts'
import type { HttpMetrics, LogRequest } from '../app-options.ts'
import { pathOf } from '../links.ts'

/** Reports every request that was answered to the end, where somebody wants to know. */
export function observeRequests(app: FastifyInstance, metrics: HttpMetrics, log: LogRequest | undefined): void {
  if (metrics.observeRequest !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      metrics.observeRequest?.({
        route: request.routeOptions.url ?? 'none',
        method: request.method,
        status: reply.statusCode,
        seconds: reply.elapsedTime / 1000,
      })
      done()
    })
  }
  if (log !== undefined) {
    app.addHook('onResponse', (request, reply, done) => {
      const { traceparent } = request
      log({
        requestId: request.id,
        ...(traceparent !== undefined && { traceId: traceIdOf(traceparent) }),
        method: request.method,
        // Without the query, in which callers put what they should not.
        path: pathOf(request.originalUrl),
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime * 1000) / 1000,
        ip: request.ip,
      })
      done()
    })
  }
}

import type { FastifyInstance } from 'fastify'
import type { HttpMetrics } from '../app-options.ts'

/** Reports every finished request, where somebody wants to know. */
export function observeRequests(app: FastifyInstance, metrics: HttpMetrics): void {
  if (metrics.observeRequest === undefined) return
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

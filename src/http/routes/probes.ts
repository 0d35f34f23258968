import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { About, HttpMetrics, Readiness } from '../app-options.ts'
import { demoNotice } from '../demo-notice.ts'
import { errorResponses, jsonResponse, textResponse } from '../openapi/responses.ts'

export interface ProbeRoutesOptions {
  readonly about: About
  readonly ready: () => Readiness
  readonly metrics: HttpMetrics
}

const healthSchema = z.object({
  status: z.literal('healthy'),
  version: z.string(),
  demo: z.boolean().describe('A simulator stands in for ComfyUI.'),
  notice: z.string().nullable(),
})

const readySchema = z.object({ status: z.enum(['ready', 'not ready']), reason: z.string().nullable() })

const notReady = jsonResponse('They cannot, and why', readySchema)

/** For load balancers and operators. */
export const probeRoutes: FastifyPluginAsyncZod<ProbeRoutesOptions> = async (app, { about, ready, metrics }) => {
  app.get(
    '/health',
    {
      config: { isOpen: true },
      schema: {
        operationId: 'getHealth',
        tags: ['server'],
        summary: 'Is the process alive?',
        description: 'Asks no instance. Needs no key.',
        security: [],
        response: { 200: jsonResponse('It is', healthSchema), ...errorResponses() },
      },
    },
    () => ({ status: 'healthy' as const, ...about, notice: about.demo ? demoNotice : null }),
  )

  app.get(
    '/ready',
    {
      schema: {
        operationId: 'getReadiness',
        tags: ['server'],
        summary: 'Can jobs be taken and run now?',
        response: {
          200: jsonResponse('They can', readySchema),
          ...errorResponses(),
          503: { ...notReady, content: { ...notReady.content, ...errorResponses()[503]?.content } },
        },
      },
    },
    async (_request, reply) => {
      const { ready: isReady, reason = null } = ready()
      if (isReady) return reply.send({ status: 'ready', reason })
      return reply.code(503).send({ status: 'not ready', reason })
    },
  )

  app.get(
    '/metrics',
    {
      schema: {
        operationId: 'getMetrics',
        tags: ['server'],
        summary: 'Metrics for Prometheus',
        response: { 200: textResponse('Prometheus text format', 'text/plain'), ...errorResponses() },
      },
    },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  )
}

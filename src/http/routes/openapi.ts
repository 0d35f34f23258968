import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { answerUnchanged } from '../answers/answer-unchanged.ts'
import { matchesEtag } from '../negotiation/preconditions.ts'
import type { RenderedDocument } from '../openapi/document.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'

/** `GET /openapi.json`. */
export const openApiRoute: FastifyPluginAsyncZod<{ render: () => RenderedDocument; isOpen: boolean }> = async (
  app,
  { render, isOpen },
) => {
  app.get(
    '/openapi.json',
    {
      config: { isOpen },
      schema: {
        operationId: 'getOpenApi',
        tags: ['server'],
        summary: 'This document',
        response: {
          200: jsonResponse('OpenAPI 3.1', z.unknown()),
          304: z.null().describe('The document is the one in `If-None-Match`.'),
          ...errorResponses(),
        },
      },
    },
    async (request, reply) => {
      const { json, etag } = render()
      reply.header('etag', etag).header('cache-control', 'no-cache')
      if (matchesEtag(request.headers['if-none-match'], etag)) {
        answerUnchanged(reply, etag)
        return reply
      }
      return reply.type('application/json; charset=utf-8').send(json)
    },
  )
}

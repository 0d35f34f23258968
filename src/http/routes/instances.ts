import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { InstanceView } from '../../instances/instance.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import { instanceListSchema, toInstanceResource } from '../schemas/instance.ts'

export interface InstanceRoutesOptions {
  readonly instances: () => readonly InstanceView[]
}

/** `GET /instances`. */
export const instanceRoutes: FastifyPluginAsyncZod<InstanceRoutesOptions> = async (app, { instances }) => {
  app.get(
    '/instances',
    {
      schema: {
        operationId: 'listInstances',
        tags: ['server'],
        summary: 'List the ComfyUI instances and their state',
        response: { 200: jsonResponse('All instances', instanceListSchema), ...errorResponses() },
      },
    },
    () => ({ data: instances().map(toInstanceResource) }),
  )
}

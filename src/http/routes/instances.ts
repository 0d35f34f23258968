import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { InstanceControl } from '../app-options.ts'
import { changeErrors, errorResponses, jsonResponse } from '../openapi/responses.ts'
import { instanceListSchema, instanceSchema, toInstanceResource } from '../schemas/instance.ts'
import { missingInstance } from './missing-instance.ts'

export interface InstanceRoutesOptions {
  readonly instances: InstanceControl
}

const actions = {
  drain: {
    operationId: 'drainInstance',
    summary: 'Give an instance no more jobs',
    description: 'The jobs that it has go on. For taking it down without losing any.',
  },
  resume: { operationId: 'resumeInstance', summary: 'Give an instance jobs again', description: 'Undoes `drain`.' },
} as const

/** `GET /instances`, and what an operator does with one. */
export const instanceRoutes: FastifyPluginAsyncZod<InstanceRoutesOptions> = async (app, { instances }) => {
  app.get(
    '/instances',
    {
      schema: {
        operationId: 'listInstances',
        tags: ['server'],
        summary: 'List ComfyUI instances',
        response: { 200: jsonResponse('All instances', instanceListSchema), ...errorResponses() },
      },
    },
    () => ({ data: instances.views().map(toInstanceResource) }),
  )
  for (const action of ['drain', 'resume'] as const) {
    app.post(
      `/instances/:id/${action}`,
      {
        schema: {
          ...actions[action],
          tags: ['server'],
          params: z.object({ id: z.string().describe('As `GET /instances` has it.') }),
          response: {
            200: jsonResponse('The instance', instanceSchema),
            ...errorResponses('instance_not_found', ...changeErrors),
          },
        },
      },
      ({ params: { id } }) => {
        const view = instances[action](id)
        if (view) return toInstanceResource(view)
        throw missingInstance(
          id,
          instances.views().map((instance) => instance.id),
        )
      },
    )
  }
}

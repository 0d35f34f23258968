import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { InstanceModels } from '../../instances/instance.ts'
import { nearestName } from '../../lib/nearest-name.ts'
import type { InstanceInventory } from '../app-options.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import { modelListSchema, toModelList } from '../schemas/models.ts'
import { queryParameters, queryRefusal } from '../schemas/query-parameters.ts'
import { missingInstance } from './missing-instance.ts'

export interface ModelRoutesOptions {
  readonly inventory: Pick<InstanceInventory, 'models'>
}

const querySchema = queryParameters({
  instance: z.string('must be given once').optional().describe('Only of this one; its id as `GET /instances` has it.'),
  type: z.string('must be given once').optional().describe('Only of this type, such as `checkpoints`.'),
})

/** `GET /models`. */
export const modelRoutes: FastifyPluginAsyncZod<ModelRoutesOptions> = async (app, { inventory }) => {
  app.get(
    '/models',
    {
      schema: {
        operationId: 'listModels',
        tags: ['models'],
        summary: 'List models',
        description:
          'Those of all instances, and who has which, by type: the folder below `models` where the files lie. Instances are asked now and then, not for each ' +
          'request: a new file is seen within a minute. `instances` says which of them have not told theirs.',
        querystring: querySchema,
        response: {
          200: jsonResponse('The models', modelListSchema),
          ...errorResponses('validation_error', 'instance_not_found'),
        },
      },
    },
    async (request, reply) => {
      const { instance, type } = request.query
      const chosen = choose(await inventory.models(), instance)
      return reply
        .header('cache-control', 'no-store')
        .send(toModelList(type === undefined ? chosen : only(type, chosen)))
    },
  )
}

function choose(instances: readonly InstanceModels[], id: string | undefined): readonly InstanceModels[] {
  if (id === undefined) return instances
  const chosen = instances.filter((instance) => instance.id === id)
  if (chosen.length > 0) return chosen
  throw missingInstance(
    id,
    instances.map((instance) => instance.id),
  )
}

/** @throws GatewayError `validation_error` for a type that no instance knows, once all have told theirs */
function only(type: string, instances: readonly InstanceModels[]): readonly InstanceModels[] {
  const types = [...new Set(instances.flatMap(({ files }) => [...(files?.keys() ?? [])]))]
  if (!types.includes(type) && instances.length > 0 && instances.every(({ files }) => files !== undefined)) {
    const near = nearestName(type, types)
    const hint = near === undefined ? `there are ${types.join(', ')}` : `did you mean \`${near}\`?`
    const message = `must be one of which an instance has models, not ${JSON.stringify(type.slice(0, 100))}; ${hint}`
    throw queryRefusal([{ pointer: '/type', code: 'invalid_value', message }])
  }
  return instances.map((instance) => ({
    ...instance,
    files: instance.files && new Map([...instance.files].filter(([name]) => name === type)),
  }))
}

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../../workflows/served-workflow.ts'
import type { InstanceInventory } from '../app-options.ts'
import { formPartsOf } from '../body/body-form.ts'
import { prepareJob } from '../body/prepare-job.ts'
import { receivedBody } from '../body/received-body.ts'
import type { MediaStorage } from '../body/store-media.ts'
import { answerForms, parseAccept } from '../negotiation/accept.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import type { Links } from '../links.ts'
import type { KnownRoutes } from '../plugins/known-routes.ts'
import { queryParameters } from '../schemas/query-parameters.ts'
import { promptGraphSchema, renderedWorkflowSchema, toRenderedWorkflow } from '../schemas/render.ts'
import { workflowParamsSchema } from '../schemas/workflow.ts'
import { findWorkflow, namedWorkflow, renderSuffix } from './named-workflow.ts'

export interface RenderWorkflowOptions {
  readonly registry: Pick<WorkflowRegistry, 'get'>
  readonly routes: KnownRoutes
  readonly links: Links
  readonly inventory: Pick<InstanceInventory, 'readiness'>
  /** Checks media, and keeps nothing. */
  readonly trialStorage: MediaStorage
}

const querySchema = queryParameters({
  format: z
    .enum(['full', 'prompt'], 'must be full or prompt')
    .default('full')
    .describe('`prompt`: the graph alone, as ComfyUI and its editor open it.'),
})

/** Read as the body of a run is; here it is only documented. */
const bodySchema = z.unknown().meta({
  type: 'object',
  description: 'The parameters, or `{ "input": parameters, …options }`: the body of a run.',
  examples: [{ prompt: 'a lighthouse at dusk' }],
})

/** What files of the graph are called when somebody has ComfyUI run it. */
const filenamePrefix = 'comfyui-api/render'

/** `POST /workflows/{workflow}/render`: what a run would submit. */
export const renderWorkflowRoutes: FastifyPluginAsyncZod<RenderWorkflowOptions> = async (app, options) => {
  const { registry, routes, links, inventory, trialStorage } = options

  async function render(workflow: ServedWorkflow, request: FastifyRequest, format: 'full' | 'prompt') {
    requireJson(request)
    const { headers } = request
    const storage = trialStorage
    const prepared = await prepareJob(workflow, { body: receivedBody(request), headers, storage, filenamePrefix })
    if (format === 'prompt') return prepared.prompt
    const uploads = new Set(prepared.inputFiles.map(({ name }) => name))
    const again = await workflow.build(prepared.input, { uploads, filenamePrefix })
    return toRenderedWorkflow({ workflow, prepared, again, instances: inventory.readiness(prepared.prompt) })
  }

  const formParts = (request: FastifyRequest) => {
    const path = namedWorkflow(request.url)
    const workflow = path.endsWith(renderSuffix)
      ? findWorkflow(registry, path.slice(0, -renderSuffix.length))
      : undefined
    return workflow && formPartsOf(workflow)
  }

  function requireWorkflow(request: FastifyRequest): ServedWorkflow {
    const path = namedWorkflow(request.url)
    if (!path.endsWith(renderSuffix)) {
      if (findWorkflow(registry, path) === undefined) throw routes.explainNoWorkflow(path)
      throw new GatewayError('method_not_allowed', {
        detail: `POST ${links.path(`/${path}`)} runs it, POST ${links.path(`/workflows/${path}${renderSuffix}`)} shows its graph.`,
        headers: { allow: 'GET, HEAD' },
      })
    }
    const name = path.slice(0, -renderSuffix.length)
    const workflow = findWorkflow(registry, name)
    if (workflow === undefined) throw routes.explainNoWorkflow(name)
    return workflow
  }

  /** Before the body is read, in which other things may be wrong. */
  const refuseMiss = async (request: FastifyRequest) => void requireWorkflow(request)

  const answer = async (request: FastifyRequest, reply: FastifyReply, format: 'full' | 'prompt') => {
    const rendered = await render(requireWorkflow(request), request, format)
    return reply.header('cache-control', 'no-store').send(rendered)
  }

  app.post(
    '/workflows/:name/render',
    {
      config: { formParts },
      onRequest: refuseMiss,
      schema: {
        operationId: 'renderWorkflow',
        tags: ['workflows'],
        summary: 'Show the graph that a request would run',
        description:
          'Takes what the workflow takes, makes of it what a run would submit, and queues nothing: media are checked ' +
          'and forgotten. Random defaults are drawn and shown in `parameters`.',
        consumes: ['application/json', 'multipart/form-data'],
        params: workflowParamsSchema,
        querystring: querySchema,
        body: bodySchema,
        response: {
          200: jsonResponse('What would run', z.union([renderedWorkflowSchema, promptGraphSchema])),
          ...errorResponses(
            'malformed_body',
            'validation_error',
            'too_complex',
            'invalid_header',
            'origin_not_allowed',
            'not_found',
            'not_acceptable',
            'body_too_large',
            'unsupported_media_type',
            'invalid_workflow',
            'unsafe_prompt',
            'unsupported_input',
            'workflow_failed',
            'workflow_unavailable',
            'storage_unavailable',
            'draining',
          ),
        },
      },
    },
    (request, reply) => answer(request, reply, request.query.format),
  )
  app.post(
    '/workflows/*',
    { config: { formParts }, onRequest: refuseMiss, schema: { hide: true, querystring: querySchema } },
    (request, reply) => answer(request, reply, request.query.format),
  )
}

function requireJson(request: FastifyRequest): void {
  if (answerForms(parseAccept(request.headers.accept)).some(({ kind }) => kind === 'json')) return
  throw new GatewayError('not_acceptable', { detail: 'Accept must allow application/json.' })
}

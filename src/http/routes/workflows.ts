import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { WorkflowRegistry } from '../../workflows/served-workflow.ts'
import { exampleBodies } from '../openapi/example-body.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import { pathOf, type Links } from '../links.ts'
import { workflowPathPattern, type KnownRoutes } from '../plugins/known-routes.ts'
import { toWorkflowDescription, toWorkflowProblem, toWorkflowSummary, workflowListSchema } from '../schemas/workflow.ts'

export interface WorkflowRoutesOptions {
  readonly registry: Pick<WorkflowRegistry, 'get' | 'list' | 'problems'>
  readonly routes: KnownRoutes
  readonly links: Links
}

/** `GET /workflows`, and `GET /{workflow}` for each of them. */
export const workflowRoutes: FastifyPluginAsyncZod<WorkflowRoutesOptions> = async (app, options) => {
  const { registry, routes, links } = options
  app.get(
    '/workflows',
    {
      schema: {
        operationId: 'listWorkflows',
        tags: ['workflows'],
        summary: 'List the workflows that are served, and the files that are not',
        response: { 200: jsonResponse('All workflows', workflowListSchema), ...errorResponses() },
      },
    },
    () => ({
      data: registry.list().map((workflow) => toWorkflowSummary(workflow, links)),
      problems: registry.problems().map(toWorkflowProblem),
    }),
  )

  app.get('/*', { schema: { hide: true } }, (request) => {
    const path = pathOf(request.url)
    const workflow = workflowPathPattern.test(path) ? registry.get(path.slice(1)) : undefined
    if (workflow === undefined) throw routes.explainMiss(request.method, path)
    return toWorkflowDescription(workflow, exampleBodies(workflow), links)
  })
}

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ServedWorkflow, WorkflowRegistry } from '../../workflows/served-workflow.ts'
import type { LiveLists } from '../../readiness/live-lists.ts'
import type { WorkflowReadiness } from '../../readiness/workflow-readiness.ts'
import { createExampleTrials } from '../answers/try-examples.ts'
import type { MediaStorage } from '../body/store-media.ts'
import { describeLists } from '../openapi/describe-lists.ts'
import { withAssets } from '../openapi/embed-schema.ts'
import { errorResponses, jsonResponse } from '../openapi/responses.ts'
import { pathOf, type Links } from '../links.ts'
import type { KnownRoutes } from '../plugins/known-routes.ts'
import {
  toWorkflowDescription,
  toWorkflowProblem,
  toWorkflowSummary,
  workflowDescriptionSchema,
  workflowListSchema,
  workflowParamsSchema,
} from '../schemas/workflow.ts'
import { findWorkflow, namedWorkflow, renderSuffix } from './named-workflow.ts'

export interface WorkflowRoutesOptions {
  readonly registry: Pick<WorkflowRegistry, 'get' | 'list' | 'problems'>
  readonly routes: KnownRoutes
  readonly links: Links
  readonly readiness: Pick<WorkflowReadiness, 'of' | 'whenKnown'>
  readonly lists: Pick<LiveLists, 'names'>
  /** For trying examples: it keeps nothing. */
  readonly trialStorage: MediaStorage
}

/** `GET /workflows`, `GET /workflows/{workflow}`, and the same at the address of each of them. */
export const workflowRoutes: FastifyPluginAsyncZod<WorkflowRoutesOptions> = async (app, options) => {
  const { registry, routes, links, lists } = options
  const tryExamples = createExampleTrials(options.trialStorage)
  const readinessOf = ({ name }: ServedWorkflow) => options.readiness.of(name)

  async function describe(workflow: ServedWorkflow) {
    const examples = await tryExamples(workflow)
    await options.readiness.whenKnown(workflow.name)
    const input = describeLists(withAssets(workflow.inputJsonSchema), workflow, { lists })
    return toWorkflowDescription(workflow, { input, examples, readiness: readinessOf(workflow), links })
  }

  app.get(
    '/workflows',
    {
      schema: {
        operationId: 'listWorkflows',
        tags: ['workflows'],
        summary: 'List workflows',
        description: 'Those that are served, who can run them, and the files that are not served, with the reason.',
        response: { 200: jsonResponse('All workflows', workflowListSchema), ...errorResponses() },
      },
    },
    () => ({
      data: registry.list().map((workflow) => toWorkflowSummary(workflow, { readiness: readinessOf(workflow), links })),
      problems: registry.problems().map(toWorkflowProblem),
    }),
  )

  const describeNamed = async (request: { readonly url: string }) => {
    const name = namedWorkflow(request.url)
    const workflow = findWorkflow(registry, name)
    if (workflow !== undefined) return describe(workflow)
    if (name.endsWith(renderSuffix) && findWorkflow(registry, name.slice(0, -renderSuffix.length)) !== undefined) {
      throw new GatewayError('method_not_allowed', {
        detail: 'GET is not possible here; POST is, with the parameters of the workflow.',
        headers: { allow: 'POST' },
      })
    }
    throw routes.explainNoWorkflow(name)
  }
  app.get(
    '/workflows/:name',
    {
      schema: {
        operationId: 'describeWorkflow',
        tags: ['workflows'],
        summary: 'Describe a workflow',
        description: 'Its parameters, examples and requirements, and which instances have what it needs.',
        params: workflowParamsSchema,
        response: {
          200: jsonResponse('The workflow', workflowDescriptionSchema),
          ...errorResponses('not_found', 'workflow_unavailable'),
        },
      },
    },
    describeNamed,
  )
  app.get('/workflows/*', { schema: { hide: true } }, describeNamed)

  app.get('/*', { schema: { hide: true } }, (request) => {
    const path = pathOf(request.url)
    const workflow = findWorkflow(registry, path.slice(1))
    if (workflow === undefined) throw routes.explainMiss(request.method, path)
    return describe(workflow)
  })
}

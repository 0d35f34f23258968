import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { WorkflowRegistry } from '../../workflows/served-workflow.ts'
import type { JobCalls } from '../answers/job-calls.ts'
import { formPartsOf } from '../body/body-form.ts'
import { prepareJob } from '../body/prepare-job.ts'
import type { MediaStorage } from '../body/store-media.ts'
import { pathOf } from '../links.ts'
import type { KnownRoutes } from '../plugins/known-routes.ts'
import { findWorkflow } from './named-workflow.ts'

export interface RunWorkflowOptions {
  readonly calls: JobCalls
  readonly registry: Pick<WorkflowRegistry, 'get'>
  readonly storage: MediaStorage
  readonly routes: KnownRoutes
}

/** `POST /{workflow}`: one route for all of them, which looks into the registry. */
export function runWorkflowRoute(app: FastifyInstance, { calls, registry, storage, routes }: RunWorkflowOptions): void {
  const workflowOf = (request: FastifyRequest) => findWorkflow(registry, pathOf(request.url).slice(1))
  const formParts = (request: FastifyRequest) => {
    const workflow = workflowOf(request)
    return workflow && formPartsOf(workflow)
  }
  const explainMiss = (request: FastifyRequest) => routes.explainMiss('POST', pathOf(request.url))
  app.post(
    '/*',
    {
      config: { startsJobs: true, formParts },
      schema: { hide: true },
      // Asked before the body is read, and again after it: modules come and go.
      onRequest: (request, _reply, done) => done(workflowOf(request) === undefined ? explainMiss(request) : undefined),
    },
    (request, reply) => {
      const workflow = workflowOf(request)
      if (workflow === undefined) throw explainMiss(request)
      calls.answer(request, reply, {
        name: workflow.name,
        prepare: (body, fetching) => prepareJob(workflow, { body, headers: request.headers, storage, fetching }),
      })
    },
  )
}

import { $ZodRegistry, globalRegistry, type $ZodType } from 'zod/v4/core'
import { jobDetailExample, jobExample, problemExample, resultExample } from './examples.ts'
import {
  instanceExample,
  modelListExample,
  renderedWorkflowExample,
  workflowDescriptionExample,
  workflowListExample,
} from './workflow-examples.ts'
import { instanceSchema } from '../schemas/instance.ts'
import { jobDetailSchema, jobErrorSchema, jobOutputSchema, jobProgressSchema, jobSchema } from '../schemas/job.ts'
import { jobListSchema } from '../schemas/job-list.ts'
import { modelListSchema } from '../schemas/models.ts'
import { fieldErrorSchema, problemSchema } from '../schemas/problem.ts'
import { instanceReadinessSchema } from '../schemas/readiness.ts'
import { promptGraphSchema, renderedWorkflowSchema } from '../schemas/render.ts'
import { resultSchema, runStatsSchema } from '../schemas/result.ts'
import { workflowDescriptionSchema, workflowListSchema } from '../schemas/workflow.ts'

/** The schemas that have a name of their own in the OpenAPI document. */
const components = {
  Job: jobSchema,
  JobDetail: jobDetailSchema,
  JobError: jobErrorSchema,
  JobList: jobListSchema,
  JobOutput: jobOutputSchema,
  JobProgress: jobProgressSchema,
  Result: resultSchema,
  RunStats: runStatsSchema,
  Instance: instanceSchema,
  ModelList: modelListSchema,
  Problem: problemSchema,
  FieldError: fieldErrorSchema,
  InstanceReadiness: instanceReadinessSchema,
  PromptGraph: promptGraphSchema,
  RenderedWorkflow: renderedWorkflowSchema,
  WorkflowList: workflowListSchema,
  WorkflowDescription: workflowDescriptionSchema,
}

const examples = new Map<$ZodType, object>([
  [jobSchema, jobExample],
  [jobDetailSchema, jobDetailExample],
  [resultSchema, resultExample],
  [problemSchema, problemExample],
  [instanceSchema, instanceExample],
  [modelListSchema, modelListExample],
  [workflowListSchema, workflowListExample],
  [workflowDescriptionSchema, workflowDescriptionExample],
  [renderedWorkflowSchema, renderedWorkflowExample],
])

interface Meta {
  id?: string | undefined
  [key: string]: unknown
}

/** Finds descriptions in Zod's global registry, but no ids: workflow modules share that registry, and their names are not ours. */
class DescriptionsOfAll extends WeakMap<$ZodType, Meta> {
  override get(schema: $ZodType): Meta | undefined {
    const own = super.get(schema)
    if (own !== undefined) return own
    const { id: _id, ...shared } = globalRegistry.get(schema) ?? {}
    return Object.keys(shared).length === 0 ? undefined : shared
  }
}

/** The registry that fastify-type-provider-zod names components from. */
export function createComponentRegistry(): $ZodRegistry<Meta> {
  const registry = new $ZodRegistry<Meta>()
  registry._map = new DescriptionsOfAll()
  for (const [id, schema] of Object.entries(components)) {
    const example = examples.get(schema)
    registry.add(schema, { ...globalRegistry.get(schema), id, ...(example !== undefined && { examples: [example] }) })
  }
  return registry
}

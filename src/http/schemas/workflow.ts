import { z } from 'zod'
import type { ServedWorkflow, WorkflowProblem } from '../../workflows/served-workflow.ts'
import type { ReadinessOfWorkflow } from '../../readiness/readiness-verdict.ts'
import { mediaKinds } from '../../workflows/parameters/media.ts'
import type { Links } from '../links.ts'
import {
  readinessSchema,
  readinessSummarySchema,
  requiredModelSchema,
  requiredNodeSchema,
  toReadiness,
  toReadinessSummary,
  toRequiredModel,
  toRequiredNode,
} from './readiness.ts'

export const workflowParamsSchema = z.object({
  name: z.string().describe('As `GET /workflows` has it. Its slashes may be sent as they are, or as `%2F`.'),
})

const workflowFactsSchema = z.object({
  name: z.string(),
  url: z.string().describe('POST runs it, GET describes it.'),
  summary: z.string().nullable(),
  file: z.string().describe('The module, relative to its workflow folder.'),
  generation: z.int().describe('Counts up with every reload of the file.'),
  warnings: z.array(z.string()),
  links: z.object({
    self: z.string().describe('GET describes it.'),
    run: z.string().describe('POST runs it.'),
    render: z.string().describe('POST answers with the graph that would run.'),
    jobs: z.string().describe('GET lists its jobs.'),
    docs: z.string().describe('Page for people.'),
  }),
})

const workflowSummarySchema = workflowFactsSchema.extend({ readiness: readinessSummarySchema })

export const workflowProblemSchema = z.object({
  file: z.string(),
  name: z.string().nullable().describe('The route it would have.'),
  line: z.int().nullable(),
  column: z.int().nullable(),
  reason: z.string(),
  serving_previous: z.boolean().describe('The version before goes on serving.'),
})

export const workflowListSchema = z.object({
  data: z.array(workflowSummarySchema),
  problems: z.array(workflowProblemSchema).describe('Files that are not served as they stand.'),
})

export const workflowDescriptionSchema = workflowFactsSchema.extend({
  description: z.string().nullable(),
  input: z
    .record(z.string(), z.unknown())
    .describe(
      'JSON Schema (2020-12) of the parameters, with what the instances have for those that name a model, a sampler and the like.',
    ),
  media: z.array(z.object({ path: z.array(z.string()), kind: z.enum(mediaKinds) })),
  output: z.object({
    description: z.string(),
    names: z.record(z.string(), z.string()).describe('The names of outputs and the nodes that make them.'),
  }),
  examples: z
    .record(z.string(), z.record(z.string(), z.unknown()))
    .describe('Bodies that work: those of the author, `minimal` and `full`.'),
  requires: z.object({ models: z.array(requiredModelSchema), nodes: z.array(requiredNodeSchema) }),
  readiness: readinessSchema,
})

type WorkflowFacts = z.infer<typeof workflowFactsSchema>
type WorkflowSummary = z.infer<typeof workflowSummarySchema>
type WorkflowDescription = z.infer<typeof workflowDescriptionSchema>

const outputDescription =
  'POST answers with the job, and its images as base64 in `images`. Accept: image/* (video/*, audio/*) gets the first ' +
  'output of that type as it is, Accept: text/event-stream the progress, Prefer: respond-async the job at once.'

export function toWorkflowSummary(
  workflow: ServedWorkflow,
  { readiness, links }: { readonly readiness: ReadinessOfWorkflow | undefined; readonly links: Links },
): WorkflowSummary {
  return { ...toWorkflowFacts(workflow, links), readiness: toReadinessSummary(readiness) }
}

function toWorkflowFacts(workflow: ServedWorkflow, links: Links): WorkflowFacts {
  return {
    name: workflow.name,
    url: links.path(`/${workflow.name}`),
    summary: workflow.definition.summary ?? null,
    file: workflow.file,
    generation: workflow.generation,
    warnings: [...workflow.warnings],
    links: {
      self: links.path(`/workflows/${workflow.name}`),
      run: links.path(`/${workflow.name}`),
      render: links.path(`/workflows/${workflow.name}/render`),
      jobs: links.path(`/jobs?workflow=${encodeURIComponent(workflow.name)}`),
      docs: links.path('/docs'),
    },
  }
}

export function toWorkflowProblem(problem: WorkflowProblem): z.infer<typeof workflowProblemSchema> {
  return {
    file: problem.file,
    name: problem.name ?? null,
    line: problem.line ?? null,
    column: problem.column ?? null,
    reason: problem.reason,
    serving_previous: problem.servingPrevious,
  }
}

export function toWorkflowDescription(
  workflow: ServedWorkflow,
  facts: {
    /** JSON Schema of the parameters. */
    readonly input: Readonly<Record<string, unknown>>
    readonly examples: WorkflowDescription['examples']
    readonly readiness: ReadinessOfWorkflow | undefined
    readonly links: Links
  },
): WorkflowDescription {
  const { definition } = workflow
  return {
    ...toWorkflowFacts(workflow, facts.links),
    description: definition.description ?? null,
    input: { ...facts.input },
    media: workflow.mediaFields.map(({ path, kind }) => ({ path: [...path], kind })),
    output: { description: outputDescription, names: { ...definition.outputs } },
    examples: facts.examples,
    requires: {
      models: (definition.metadata?.requiredModels ?? []).map(toRequiredModel),
      nodes: (definition.metadata?.requiredNodes ?? []).map(toRequiredNode),
    },
    readiness: toReadiness(facts.readiness),
  }
}

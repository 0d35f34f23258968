import { z } from 'zod'
import type { ServedWorkflow, WorkflowProblem } from '../../workflows/served-workflow.ts'
import type { Links } from '../links.ts'

export const workflowSummarySchema = z.object({
  name: z.string(),
  url: z.string().describe('POST runs it, GET describes it.'),
  summary: z.string().nullable(),
  file: z.string().describe('The module, relative to its workflow folder.'),
  generation: z.int().describe('Counts up with every reload of the file.'),
  warnings: z.array(z.string()),
})

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

const requiredModelSchema = z.object({
  name: z.string(),
  directory: z.string().nullable().describe('Folder below `models/`; null where the module does not say.'),
  url: z.string().nullable(),
  sha256: z.string().nullable(),
})

const requiredNodeSchema = z.object({
  pack: z.string(),
  version: z.string().nullable(),
  url: z.string().nullable(),
  class_types: z.array(z.string()),
})

export const workflowDescriptionSchema = workflowSummarySchema.extend({
  description: z.string().nullable(),
  input: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of the parameters.'),
  media: z.array(z.object({ path: z.array(z.string()), kind: z.enum(['image', 'mask', 'video', 'audio']) })),
  output: z.object({
    description: z.string(),
    names: z.record(z.string(), z.string()).describe('The names of outputs and the nodes that make them.'),
  }),
  examples: z.array(z.unknown()).describe('Bodies that work.'),
  requires: z.object({ models: z.array(requiredModelSchema), nodes: z.array(requiredNodeSchema) }),
})

type WorkflowSummary = z.infer<typeof workflowSummarySchema>
type WorkflowDescription = z.infer<typeof workflowDescriptionSchema>

const outputDescription =
  'POST answers with the job, and its images as base64 in `images`. Accept: image/* (video/*, audio/*) gets the first ' +
  'output of that type as it is, Accept: text/event-stream the progress, Prefer: respond-async the job at once.'

export function toWorkflowSummary(workflow: ServedWorkflow, links: Links): WorkflowSummary {
  return {
    name: workflow.name,
    url: links.path(`/${workflow.name}`),
    summary: workflow.definition.summary ?? null,
    file: workflow.file,
    generation: workflow.generation,
    warnings: [...workflow.warnings],
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
  examples: readonly unknown[],
  links: Links,
): WorkflowDescription {
  const { definition } = workflow
  return {
    ...toWorkflowSummary(workflow, links),
    description: definition.description ?? null,
    input: { ...workflow.inputJsonSchema },
    media: workflow.mediaFields.map(({ path, kind }) => ({ path: [...path], kind })),
    output: { description: outputDescription, names: { ...definition.outputs } },
    examples: [...examples],
    requires: {
      models: (definition.metadata?.requiredModels ?? []).map((model) => ({
        name: model.name,
        directory: model.directory ?? null,
        url: model.url ?? null,
        sha256: model.sha256 ?? null,
      })),
      nodes: (definition.metadata?.requiredNodes ?? []).map((node) => ({
        pack: node.pack,
        version: node.version ?? null,
        url: node.url ?? null,
        class_types: [...(node.classTypes ?? [])],
      })),
    },
  }
}

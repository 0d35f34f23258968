import { z } from 'zod'
import type { InstanceReadiness } from '../../instances/instance-pool.ts'
import { describeLackedPart, describeLackedParts, type LackedPart, withSource } from '../../readiness/lacked-parts.ts'
import type { ReadinessOfWorkflow, ReadinessOnInstance } from '../../readiness/readiness-verdict.ts'
import type { CheckProblem } from '../../workflows/check/check-problem.ts'
import type { RequiredModel, RequiredNode, WorkflowMetadata } from '../../workflows/workflow-definition.ts'
import { instanceStatusSchema } from './instance.ts'

export const requiredModelSchema = z.object({
  name: z.string(),
  directory: z.string().nullable().describe('Folder below `models/`; null where the module does not say.'),
  url: z.string().nullable(),
  sha256: z.string().nullable(),
  size_bytes: z.int().nullable(),
})

export const requiredNodeSchema = z.object({
  pack: z.string(),
  version: z.string().nullable(),
  url: z.string().nullable(),
  class_types: z.array(z.string()),
})

const missingPartSchema = z.object({
  node_id: z.string(),
  class_type: z.string(),
  input: z.string().nullable().describe('Null: the class itself is missing.'),
  value: z.string().nullable().describe('What it has no such name for, such as a model file.'),
  message: z.string(),
  pack: requiredNodeSchema.nullable().describe('Where the class can be had, as far as the module says so.'),
  model: requiredModelSchema.nullable().describe('Where the file can be had, as far as the module says so.'),
})

export const instanceReadinessSchema = z.object({
  id: z.string(),
  status: instanceStatusSchema,
  can_run: z.boolean().nullable().describe('It has all classes and names; null while that is not known.'),
  reason: z.string().nullable().describe('Why it cannot.'),
  lacks: z.array(missingPartSchema),
})

export type InstanceReadinessResource = z.infer<typeof instanceReadinessSchema>

export const checkProblemSchema = z.object({
  severity: z.enum(['error', 'warning', 'note']),
  kind: z
    .enum(['refused', 'fatal', 'fails', 'flawed', 'broken_module'])
    .describe(
      '`refused` by ComfyUI; `fatal`: ends its worker; `fails`: the job fails; `flawed`: it runs, but not as written; ' +
        '`broken_module`: makes no graph.',
    ),
  code: z.string(),
  node: z.string().nullable().describe('Id of the node.'),
  class_type: z.string().nullable(),
  input: z.string().nullable(),
  parameter: z.string().nullable().describe('JSON pointer into the parameters.'),
  message: z.string(),
  fix: z.string().nullable().describe('What to do about it.'),
  when: z.string().nullable().describe('Which choice of parameters shows it; null where every graph does.'),
  line: z.int().nullable().describe('Of the module, from 1.'),
})

const isReadySchema = z
  .boolean()
  .nullable()
  .describe('An instance that takes jobs has what the smallest request needs. Null: not known yet.')
const reasonSchema = z.string().nullable().describe('Why it is not ready, or why that is not known.')

export const readinessSummarySchema = z.object({
  ready: isReadySchema,
  reason: reasonSchema,
  instances: z.array(instanceReadinessSchema.omit({ lacks: true })),
  errors: z.int().describe('Mistakes that the check found, on any instance: GET of the workflow tells them.'),
  warnings: z.int(),
})

export const readinessSchema = z.object({
  ready: isReadySchema,
  reason: reasonSchema,
  instances: z.array(instanceReadinessSchema).describe('What each has of the classes and models that are needed.'),
  checks: z
    .array(
      z.object({
        instances: z.array(z.string()).describe('They have the same nodes and models.'),
        verdict: z
          .enum(['accepted', 'partly', 'refused', 'broken'])
          .describe('What ComfyUI would say to the smallest request; `broken`: there is no graph to ask it about.'),
        problems: z.array(checkProblemSchema),
      }),
    )
    .describe('What a check of all that the module can make found.'),
})

export function toReadinessSummary(readiness: ReadinessOfWorkflow | undefined): z.infer<typeof readinessSummarySchema> {
  const severities = [
    ...new Map(
      (readiness?.checks ?? []).flatMap(({ check }) =>
        check.problems.map((problem) => [JSON.stringify(toCheckProblem(problem)), problem.severity] as const),
      ),
    ).values(),
  ]
  return {
    ready: readiness?.isReady ?? null,
    reason: readiness?.reason ?? null,
    instances: (readiness?.instances ?? []).map(({ id, state, canRun, reason }) => ({
      id,
      status: state,
      can_run: canRun ?? null,
      reason: reason ?? null,
    })),
    errors: severities.filter((severity) => severity === 'error').length,
    warnings: severities.filter((severity) => severity === 'warning').length,
  }
}

export function toReadiness(readiness: ReadinessOfWorkflow | undefined): z.infer<typeof readinessSchema> {
  return {
    ready: readiness?.isReady ?? null,
    reason: readiness?.reason ?? null,
    instances: (readiness?.instances ?? []).map(toInstanceReadiness),
    checks: (readiness?.checks ?? []).map(({ instances, check: { verdict, problems } }) => ({
      instances: [...instances],
      verdict,
      problems: problems.map(toCheckProblem),
    })),
  }
}

/** Of one prompt, with what the module says of what is missing. */
export function toPromptReadiness(
  { id, state, lacks }: InstanceReadiness,
  metadata: WorkflowMetadata | undefined,
): InstanceReadinessResource {
  const parts = (lacks ?? []).map((part) => withSource(part, metadata))
  const reason = parts.length === 0 ? undefined : describeLackedParts(parts)
  return toInstanceReadiness({
    id,
    state,
    canRun: lacks === undefined ? undefined : lacks.length === 0,
    reason,
    lacks: parts,
  })
}

export function toRequiredModel(model: RequiredModel): z.infer<typeof requiredModelSchema> {
  const { name, directory = null, url = null, sha256 = null, sizeBytes = null } = model
  return { name, directory, url, sha256, size_bytes: sizeBytes }
}

export function toRequiredNode({ pack, version, url, classTypes }: RequiredNode): z.infer<typeof requiredNodeSchema> {
  return { pack, version: version ?? null, url: url ?? null, class_types: [...(classTypes ?? [])] }
}

function toInstanceReadiness({ id, state, canRun, reason, lacks }: ReadinessOnInstance): InstanceReadinessResource {
  return {
    id,
    status: state,
    can_run: canRun ?? null,
    reason: reason ?? null,
    lacks: lacks.map(toMissingPart),
  }
}

function toMissingPart(part: LackedPart): z.infer<typeof missingPartSchema> {
  return {
    node_id: part.nodeId,
    class_type: part.classType,
    input: part.input ?? null,
    value: part.value ?? null,
    message: describeLackedPart(part),
    pack: part.pack === undefined ? null : toRequiredNode(part.pack),
    model: part.model === undefined ? null : toRequiredModel(part.model),
  }
}

function toCheckProblem(problem: CheckProblem): z.infer<typeof checkProblemSchema> {
  return {
    severity: problem.severity,
    kind: problem.kind,
    code: problem.code,
    node: problem.node ?? null,
    class_type: problem.classType ?? null,
    input: problem.input ?? null,
    parameter: problem.parameter ?? null,
    message: problem.message,
    fix: problem.fix ?? null,
    when: problem.when ?? null,
    line: problem.line ?? null,
  }
}

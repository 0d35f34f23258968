import type { InstanceState } from '../instances/instance-view.ts'
import type { WorkflowCheck } from '../workflows/check/module/check-workflow.ts'
import type { CheckReport } from './check-report.ts'
import { describeProblem } from './describe-problem.ts'
import { describeLackedParts, type LackedPart } from './lacked-parts.ts'

/** Whether an instance can run what the smallest request of a workflow would run. */
export interface ReadinessOnInstance {
  readonly id: string
  readonly state: InstanceState
  /** Undefined while that is not known. */
  readonly canRun: boolean | undefined
  readonly lacks: readonly LackedPart[]
  /** Why it cannot; undefined where it can, or where that is not known. */
  readonly reason: string | undefined
}

/** The check of a workflow against one set of nodes, and the instances that have exactly this one. */
export interface CheckedOnInstances {
  readonly instances: readonly string[]
  readonly check: WorkflowCheck
}

export interface ReadinessOfWorkflow {
  /** An instance that takes jobs can run it. Undefined while that is not known. */
  readonly isReady: boolean | undefined
  /** Why it is not ready, or why that is not known. */
  readonly reason: string | undefined
  readonly instances: readonly ReadinessOnInstance[]
  readonly checks: readonly CheckedOnInstances[]
}

/** What a check says of an instance. */
export function verdictOf(report: CheckReport | undefined): Pick<ReadinessOnInstance, 'canRun' | 'lacks' | 'reason'> {
  if (report === undefined) return { canRun: undefined, lacks: [], reason: undefined }
  const { lacks, check } = report
  if (lacks === undefined) return { canRun: undefined, lacks: [], reason: firstErrorOf(check) }
  if (lacks.length > 0) return { canRun: false, lacks, reason: describeLackedParts(lacks) }
  switch (check.verdict) {
    case 'accepted':
      return { canRun: true, lacks, reason: undefined }
    case 'broken':
      return { canRun: undefined, lacks, reason: firstErrorOf(check) }
    case 'partly':
    case 'refused':
      // Code of custom nodes may take what the rules do not.
      if (report.mayRun) return { canRun: true, lacks, reason: undefined }
      return { canRun: false, lacks, reason: firstErrorOf(check) ?? 'ComfyUI would refuse it.' }
  }
}

function firstErrorOf({ problems }: WorkflowCheck): string | undefined {
  const error = problems.find(({ severity }) => severity === 'error')
  return error && describeProblem(error)
}

/**
 * What all instances together say of a workflow.
 * @param whyOpen why nothing is known where there are instances
 */
export function summarize(
  onInstances: readonly ReadinessOnInstance[],
  whyOpen: string,
): Pick<ReadinessOfWorkflow, 'isReady' | 'reason'> {
  if (onInstances.some(({ state, canRun }) => state === 'ready' && canRun === true)) {
    return { isReady: true, reason: undefined }
  }
  const able = onInstances.filter(({ canRun }) => canRun === true)
  if (able.length > 0) {
    const states = able.map(({ id, state }) => `${id} is ${state}`).join(', ')
    return { isReady: false, reason: `No instance that could run it takes jobs now: ${states}.` }
  }
  const isOpen = onInstances.some(({ canRun }) => canRun === undefined)
  const why = onInstances.find(({ reason }) => reason !== undefined)
  if (why === undefined) {
    const reason = onInstances.length === 0 ? 'There is no instance.' : whyOpen
    return { isReady: isOpen ? undefined : false, reason }
  }
  return { isReady: isOpen ? undefined : false, reason: `${why.id}: ${why.reason ?? ''}` }
}

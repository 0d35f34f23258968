import { WorkerDeath } from '../node-cache.ts'
import { NodeFailure, type NodeResult } from '../nodes/node-run.ts'
import type { FaultPlan } from './fault-plan.ts'
import type { ReachMoment } from './moment-faults.ts'

/** What goes wrong while the worker has a prompt. */
export interface ExecutionFaults {
  /** Rejects the job at once when a fault of the moment ended the process. */
  reach: ReachMoment
  /** After the first messages of a prompt. @throws WorkerDeath */
  begin(): void
  /** Before a node is executed. @throws NodeFailure */
  beforeNode(isFirst: boolean): Promise<void> | void
  /** What a node gave, or something worse. */
  spoil(result: NodeResult): NodeResult
  /** Whether a part of this prompt, which succeeds, is to be told as blocked. */
  isBlocked(): boolean
  /** Between the last message of a prompt and its entry in the history. */
  beforeHistory(): Promise<void> | void
  /** Which entries of the history get lost after a prompt. */
  lostHistory(): 'none' | 'one' | 'all'
}

export interface ExecutionFaultsOptions {
  plan: FaultPlan
  reach: ReachMoment
  /** Rejects when the process ends. */
  sleep: (ms: number) => Promise<void>
  /** Aborted when the process ends. */
  signal: AbortSignal
}

export function createExecutionFaults({ plan, reach, sleep, signal }: ExecutionFaultsOptions): ExecutionFaults {
  return {
    reach(moment) {
      reach(moment)
      signal.throwIfAborted()
    },
    begin() {
      if (plan.strike('worker-death') !== undefined) throw new WorkerDeath('ended by a fault')
    },
    beforeNode(isFirst) {
      if (!plan.isArmed()) return undefined
      if (isFirst && plan.strike('oom') !== undefined) {
        throw new NodeFailure('torch.OutOfMemoryError', 'Allocation on device')
      }
      const slow = plan.strike('slow-node')
      return slow?.ms === undefined ? undefined : sleep(slow.ms)
    },
    spoil(result) {
      if (result.ui === undefined || plan.strike('nan') === undefined) return result
      return { ...result, ui: { ...result.ui, score: [Number.NaN, Number.POSITIVE_INFINITY] } }
    },
    isBlocked: () => plan.strike('blocked') !== undefined,
    beforeHistory() {
      const slow = plan.strike('slow-history')
      return slow?.ms === undefined ? undefined : sleep(slow.ms)
    },
    lostHistory() {
      const hit = plan.strike('history-lost')
      if (hit === undefined) return 'none'
      return hit.choice === 'all' ? 'all' : 'one'
    },
  }
}

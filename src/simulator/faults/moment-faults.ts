import type { FaultHit, FaultPlan } from './fault-plan.ts'
import type { FaultName, Moment } from './fault-table.ts'

/** Tells that a moment has come, so that what is armed for it strikes. */
export type ReachMoment = (moment: Moment) => void

/** A fault that strikes at moments, and what it does. */
export type MomentFault = readonly [name: FaultName, act: (hit: FaultHit) => void]

/** In the given order where several strike at one moment: what ends the process comes last. */
export function createMomentFaults(
  plan: Pick<FaultPlan, 'isArmed' | 'strike'>,
  faults: readonly MomentFault[],
): ReachMoment {
  return (moment) => {
    if (!plan.isArmed()) return
    for (const [name, act] of faults) {
      const hit = plan.strike(name, moment)
      if (hit !== undefined) act(hit)
    }
  }
}

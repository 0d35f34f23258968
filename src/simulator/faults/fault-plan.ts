import { createRandom } from '../drawing/random.ts'
import { formatFaultSpec, parseFaultSpec, type FaultSpec } from './fault-spec.ts'
import type { FaultName, Moment } from './fault-table.ts'

/** A fault that strikes now. */
export interface FaultHit {
  readonly name: FaultName
  /** One of the choices of the fault; '' where it has none. */
  readonly choice: string
  /** Undefined where the fault has no time, or one that lasts. */
  readonly ms: number | undefined
  /** Aborted when the fault is cleared. */
  readonly cleared: AbortSignal
}

/** An armed fault as it stands. */
export interface ArmedFault {
  /** As `set` takes it. */
  readonly spec: string
  /** Occasions since it was set. */
  readonly occasions: number
  readonly fired: number
}

/** What a person or a test does with the faults of a simulator. */
export interface FaultControls {
  /**
   * Arms faults, beside those that are armed already; one with the same name and choice starts anew.
   * @throws FaultSpecError when any of them is none; nothing is armed then
   */
  set(...specs: readonly string[]): void
  /** Disarms these faults, or all. What has happened stays, except for a stall, which ends. */
  clear(...names: readonly FaultName[]): void
  /** How often a fault has struck since the simulator was made. */
  fired(name: FaultName): number
  armed(): readonly ArmedFault[]
}

/** The armed faults of one simulator, asked wherever one may strike. */
export interface FaultPlan extends FaultControls {
  /** The fault of this name that strikes at this occasion; `subject` is what its choice must be, `all` is always right. */
  strike(name: FaultName, subject?: string): FaultHit | undefined
  /** Whether any fault is armed at all. */
  isArmed(): boolean
}

interface Armed {
  readonly spec: FaultSpec
  readonly clearing: AbortController
  occasions: number
  fired: number
}

/**
 * @param seed of what `chance` decides
 * @param onSetNow called for every fault that is set for the moment `now`
 */
export function createFaultPlan({ seed, onSetNow }: { seed: string; onSetNow: (moment: Moment) => void }): FaultPlan {
  const random = createRandom(seed)
  const counts = new Map<FaultName, number>()
  let armed: readonly Armed[] = []

  function disarm(matches: (fault: Armed) => boolean): void {
    const leaving = armed.filter(matches)
    armed = armed.filter((fault) => !leaving.includes(fault))
    for (const { clearing } of leaving) clearing.abort()
  }

  return {
    set(...texts) {
      const specs = texts.map(parseFaultSpec)
      for (const spec of specs) {
        disarm((fault) => fault.spec.name === spec.name && fault.spec.choice === spec.choice)
        armed = [...armed, { spec, clearing: new AbortController(), occasions: 0, fired: 0 }]
        if (spec.choice === 'now') onSetNow('now')
      }
    },
    clear(...names) {
      disarm(({ spec }) => names.length === 0 || names.includes(spec.name))
    },
    fired: (name) => counts.get(name) ?? 0,
    armed: () => armed.map(({ spec, occasions, fired }) => ({ spec: formatFaultSpec(spec), occasions, fired })),
    isArmed: () => armed.length > 0,
    strike(name, subject) {
      for (const fault of armed) {
        const { spec } = fault
        if (spec.name !== name) continue
        if (subject !== undefined && spec.choice !== subject && spec.choice !== 'all') continue
        fault.occasions += 1
        if (!isDue(fault, random)) continue
        fault.fired += 1
        counts.set(name, (counts.get(name) ?? 0) + 1)
        return { name, choice: spec.choice ?? '', ms: spec.ms, cleared: fault.clearing.signal }
      }
      return undefined
    },
  }
}

function isDue({ spec, occasions, fired }: Armed, random: () => number): boolean {
  if (spec.at !== undefined && occasions !== spec.at) return false
  if (spec.every !== undefined && occasions % spec.every !== 0) return false
  if (fired >= (spec.choice === 'now' ? 1 : (spec.times ?? Infinity))) return false
  return spec.chance === undefined || random() < spec.chance
}

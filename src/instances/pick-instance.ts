/** What the choice of an instance is made on. */
export interface InstanceLoad {
  readonly id: string
  /** Reachable, and may be given work. */
  readonly isUsable: boolean
  /** Prompts submitted and not yet let go. */
  readonly inFlight: number
  /** How many prompts it may hold. */
  readonly capacity: number
  /** Models that its last prompt loaded; see `modelsOf`. */
  readonly lastModels: string | undefined
  readonly lastPickedAtMs: number
}

/**
 * Chooses the instance for a prompt; `undefined` when none can take it now.
 *
 * The fewest prompts in flight wins, so that an idle instance never waits beside a busy one. Among equals the one whose
 * last prompt used the same models, because it need not load them; then the longest unused.
 */
export function pickInstance<Load extends InstanceLoad>(loads: readonly Load[], models: string): Load | undefined {
  let best: Load | undefined
  for (const load of loads) {
    if (!load.isUsable || load.inFlight >= load.capacity) continue
    if (!best || isBetter(load, best, models)) best = load
  }
  return best
}

function isBetter(left: InstanceLoad, right: InstanceLoad, models: string): boolean {
  if (left.inFlight !== right.inFlight) return left.inFlight < right.inFlight
  const leftHas = left.lastModels === models
  if (leftHas !== (right.lastModels === models)) return leftHas
  return left.lastPickedAtMs < right.lastPickedAtMs
}

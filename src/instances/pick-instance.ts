/** What the choice of an instance is made on. */
export interface InstanceLoad {
  readonly id: string
  /** Reachable, and may be given work. */
  readonly isUsable: boolean
  /** It is there, or may be back soon. */
  readonly isExpected: boolean
  /** Prompts submitted and not yet let go. */
  readonly inFlight: number
  /** How many prompts it may hold. */
  readonly capacity: number
  /** Models that its last prompt loaded; see `modelsOf`. */
  readonly lastModels: string | undefined
  readonly lastPickedAtMs: number
  /** Memory of its largest device; 0 when not known. */
  readonly vramBytes: number
}

/** What is asked of an instance for one prompt. */
export interface PromptNeeds<Load> {
  /** See `modelsOf`. */
  readonly models: string
  /**
   * False for an instance that is known to lack a node or a model of the prompt, undefined for one that is about to tell
   * what it has.
   */
  readonly canRun: (load: Load) => boolean | undefined
  /** It ran out of memory before: the largest first. */
  readonly wantsMemory: boolean
}

/**
 * Chooses the instance for a prompt; `undefined` when it has to wait.
 *
 * One that lacks a node or a model is never chosen while another has it, even one that is busy or away for a moment: the
 * prompt waits. When none has it, any will do, because its refusal says exactly what is missing. The fewest prompts in
 * flight wins, so that an idle instance never waits beside a busy one. Among equals the one whose last prompt used the
 * same models, because it need not load them; then the longest unused.
 */
export function pickInstance<Load extends InstanceLoad>(
  loads: readonly Load[],
  needs: PromptNeeds<Load>,
): Load | undefined {
  let best: Load | undefined
  for (const load of candidates(loads, needs.canRun)) {
    if (!load.isUsable || load.inFlight >= load.capacity) continue
    if (!best || isBetter(load, best, needs)) best = load
  }
  return best
}

/** Those of which one should have the prompt, now or later. */
function candidates<Load extends InstanceLoad>(
  loads: readonly Load[],
  canRun: PromptNeeds<Load>['canRun'],
): readonly Load[] {
  const expected = loads.filter(({ isExpected }) => isExpected)
  const able = expected.filter((load) => canRun(load) === true)
  if (able.length > 0) return able
  const undecided = expected.filter((load) => canRun(load) === undefined)
  return undecided.length > 0 ? undecided : loads
}

function isBetter(
  left: InstanceLoad,
  right: InstanceLoad,
  { models, wantsMemory }: Pick<PromptNeeds<InstanceLoad>, 'models' | 'wantsMemory'>,
): boolean {
  if (wantsMemory && left.vramBytes !== right.vramBytes) return left.vramBytes > right.vramBytes
  if (left.inFlight !== right.inFlight) return left.inFlight < right.inFlight
  const leftHas = left.lastModels === models
  if (leftHas !== (right.lastModels === models)) return leftHas
  return left.lastPickedAtMs < right.lastPickedAtMs
}

import { withinTime } from '../lib/within-time.ts'

/** Folder → names of the files in it, as loader nodes take them. */
export type ModelFiles = ReadonlyMap<string, readonly string[]>

export interface ToldModels {
  /** Undefined as long as it has not told any. */
  readonly files: ModelFiles | undefined
  readonly asOfMs: number | undefined
  /** Why the last question was not answered. */
  readonly failure: string | undefined
}

/** The model files of one instance: asked for when somebody wants to know, and not again while the answer is fresh. */
export interface ModelLists {
  /** What is known without asking. */
  readonly told: ToldModels
  /** As `told`, at most `maxAgeMs` old where the instance answers in time. Never throws. */
  latest(timeoutMs: number): Promise<ToldModels>
  /** The instance may have others now. */
  expire(): void
}

export interface ModelListsOptions {
  readonly ask: () => Promise<ModelFiles>
  /** Files that are put beside others are seen this soon. */
  readonly maxAgeMs?: number
  /** Time after which an instance that did not answer is asked again. */
  readonly retryMs?: number
  readonly now?: () => number
}

export function createModelLists({
  ask,
  maxAgeMs = 30_000,
  retryMs = 5_000,
  now = Date.now,
}: ModelListsOptions): ModelLists {
  let told: ToldModels = { files: undefined, asOfMs: undefined, failure: undefined }
  let askAgainAtMs = 0
  let asking: Promise<void> | undefined

  function askOnce(): Promise<void> {
    const mine: Promise<void> = ask().then(
      (files) => settle(mine, { files, asOfMs: now(), failure: undefined }, maxAgeMs),
      (error: unknown) => {
        settle(mine, { ...told, failure: error instanceof Error ? error.message : String(error) }, retryMs)
      },
    )
    return mine
  }

  /** Answers from before `expire` do not count. */
  function settle(mine: Promise<void>, next: ToldModels, forMs: number): void {
    if (asking !== mine) return
    asking = undefined
    told = next
    askAgainAtMs = now() + forMs
  }

  return {
    get told() {
      return told
    },
    async latest(timeoutMs) {
      if (now() >= askAgainAtMs) await withinTime((asking ??= askOnce()), timeoutMs)
      return told
    },
    expire() {
      asking = undefined
      askAgainAtMs = 0
    },
  }
}

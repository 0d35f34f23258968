import { uniteNames, type ToldNames } from './known-names.ts'
import type { LoadingRegistry } from '../workflow-registry.ts'

export interface FollowNamesOptions {
  readonly registry: Pick<LoadingRegistry, 'usesNames' | 'learnNames' | 'onChange'>
  /** Asks all instances. Never rejects. */
  readonly ask: () => Promise<readonly ToldNames[]>
  readonly intervalMs?: number
}

export interface FollowedNames {
  /** Instances may tell other names than before. */
  refresh(): void
  close(): void
}

/** Keeps the registry's names of samplers and models as the instances have them, as long as any module asks for them. */
export function followNames({ registry, ask, intervalMs = 30_000 }: FollowNamesOptions): FollowedNames {
  let isClosed = false
  let isAsking = false
  let isAskedAgain = false

  async function follow(): Promise<void> {
    isAskedAgain = true
    if (isAsking) return
    isAsking = true
    try {
      while (isAskedAgain && registry.usesNames) {
        isAskedAgain = false
        const told = await ask()
        if (isClosed) return
        await registry.learnNames(uniteNames(told))
      }
    } finally {
      isAsking = false
    }
  }

  const timer = setInterval(() => void follow(), intervalMs)
  timer.unref()
  registry.onChange(() => void follow())
  void follow()

  return {
    refresh: () => void follow(),
    close() {
      isClosed = true
      clearInterval(timer)
    },
  }
}

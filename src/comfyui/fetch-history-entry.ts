import { GatewayError } from '../errors/gateway-error.ts'
import { askOnce, type AskedInstance } from './ask-once.ts'

const historyTimeoutMs = 30_000

export interface HistoryEntry {
  readonly promptId: string
  /** As ComfyUI sent it: the graph that ran is the third of its `prompt`. */
  readonly entry: unknown
}

/**
 * What a ComfyUI remembers of a prompt that it has run.
 * @param options.promptId default: the newest of its history
 * @throws GatewayError `not_found` when it has not run it or does not remember it; what else `askOnce` throws
 */
export async function fetchHistoryEntry(
  instance: AskedInstance,
  { promptId, connectTimeoutMs }: { readonly promptId: string | undefined; readonly connectTimeoutMs: number },
): Promise<HistoryEntry> {
  const runs = await askOnce(instance, { connectTimeoutMs, timeoutMs: historyTimeoutMs }, (client) =>
    client.pastRuns(promptId),
  )
  const [found] = Object.entries(runs).slice(-1)
  if (found !== undefined) return { promptId: found[0], entry: found[1] }
  const detail =
    promptId === undefined
      ? `ComfyUI at ${instance.url} has run nothing since it was started.`
      : `ComfyUI at ${instance.url} has no prompt ${promptId} in its history: it has not ended, or is forgotten.`
  throw new GatewayError('not_found', { detail })
}

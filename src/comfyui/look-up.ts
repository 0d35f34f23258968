import type { ExecutionStatus } from './wire/answers.ts'
import { type NodeFailure, nodeFailureSchema, type NodeOutput, promptEventSchema } from './wire/messages.ts'

/** What an instance knows of a prompt, asked over HTTP. */
export type LookUp =
  /** Neither queued, nor running, nor in the history: not arrived yet, lost, deleted or pruned. */
  | { readonly state: 'absent' }
  | { readonly state: 'pending' }
  | { readonly state: 'running' }
  | { readonly state: 'ended'; readonly ending: Ending }

/** How a prompt ended. */
export type Ending =
  | {
      readonly outcome: 'success'
      readonly outputs: Readonly<Record<string, NodeOutput>>
      /** How long it ran, by the clock of the instance. */
      readonly ranMs: number | undefined
    }
  | { readonly outcome: 'error'; readonly error: NodeFailure }
  | { readonly outcome: 'interrupted' }

/**
 * Reads the outcome off a history entry. The messages decide, in this order, because `status_str` says `success` for a
 * dependency cycle that was found while running.
 */
export function readEnding(
  outputs: Readonly<Record<string, NodeOutput>>,
  status: ExecutionStatus | null | undefined,
): Ending {
  const messages = new Map(status?.messages ?? [])
  if (messages.has('execution_interrupted')) return { outcome: 'interrupted' }
  if (messages.has('execution_error')) {
    const error = nodeFailureSchema.safeParse(messages.get('execution_error'))
    return { outcome: 'error', error: error.success ? error.data : {} }
  }
  if (!messages.has('execution_success') && status?.status_str === 'error') return { outcome: 'error', error: {} }
  const startedAtMs = timestampOf(messages.get('execution_start'))
  const endedAtMs = timestampOf(messages.get('execution_success'))
  const ranMs = startedAtMs === undefined || endedAtMs === undefined ? undefined : Math.max(0, endedAtMs - startedAtMs)
  return { outcome: 'success', outputs, ranMs }
}

function timestampOf(message: unknown): number | undefined {
  const parsed = promptEventSchema.safeParse(message)
  return parsed.success ? (parsed.data.timestamp ?? undefined) : undefined
}

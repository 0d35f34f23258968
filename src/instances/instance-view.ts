import type { InstanceFailure } from './instance-health.ts'
import type { InstanceDevice } from './instance-stats.ts'

/**
 * - `connecting`: not reached yet since the start.
 * - `ready`: the socket is open and the server was probed after it opened.
 * - `reconnecting`: the socket went down a moment ago; prompts on it go on, new ones wait.
 * - `unreachable`: down for longer than a moment.
 * - `ejected`: reachable, but it failed jobs; it gets none for a while, then one to try.
 * - `stuck`: its worker died while its web server lives on; only a restart of ComfyUI helps.
 * - `draining`: an operator wants it empty; it ends what it has and gets nothing new.
 */
export type InstanceState = 'connecting' | 'ready' | 'reconnecting' | 'unreachable' | 'ejected' | 'stuck' | 'draining'

/** A snapshot for operators: no credentials, no paths of the host. */
export interface InstanceView {
  readonly id: string
  readonly url: string
  readonly state: InstanceState
  /** Whether jobs are kept away from it because it failed some. */
  readonly breaker: 'closed' | 'open' | 'half_open'
  /** Why it is not ready. */
  readonly reason: string | undefined
  readonly sinceMs: number
  /** When its socket last brought something, within a tick; milliseconds since the epoch. */
  readonly lastHeardAtMs: number | undefined
  readonly version: string | undefined
  readonly inFlight: number
  readonly capacity: number
  /** Prompts that wait or run there, those of others included; as it last told. */
  readonly queueRemaining: number | undefined
  /** Job that runs there now. */
  readonly runningJobId: string | undefined
  /** Model files of its last prompt. */
  readonly models: readonly string[]
  readonly recentFailures: readonly InstanceFailure[]
  readonly devices: readonly InstanceDevice[]
}

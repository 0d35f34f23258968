import type { ServerResponse } from 'node:http'
import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { Tally } from '../../lib/tally.ts'
import type { HttpLogger } from '../app-options.ts'

/** A caller who may go away before the answer. */
export interface Caller {
  /** The reason is the GatewayError that there is to be told: `client_closed_request`, or `draining`. */
  readonly signal: AbortSignal
  /** Stops watching. */
  release(): void
}

export interface WaitOptions {
  readonly caller: Caller
  readonly timeoutMs: number
  readonly canComeBack: boolean
  /** Whether an answer is on its way. Never when absent. */
  readonly hasBegun?: () => boolean
}

/** Requests that wait for a job. */
export interface Waiting {
  /** Watches the connection that an answer goes to, from now on. */
  watch(response: ServerResponse): Caller
  /**
   * The job when it is terminal, or as it is when the time is over or the server stops. When the caller goes away
   * first, the job is canceled if nobody else can ever ask for it; but not when the answer to the caller has begun, which
   * is then waited for to its end.
   * @throws GatewayError `client_closed_request`
   */
  wait(job: Job, options: WaitOptions): Promise<Job>
  /** Counts somebody else who follows the job. Call the result when they no longer do. */
  follow(jobId: string): () => void
  /** Lets everybody go who waits. */
  close(): void
}

/** As long as a timer takes. */
const longestMs = 2_147_483_647

/** Watches over those who wait, and cancels the job of the last one who went away where nobody can come back for it. */
export function createWaiting(options: {
  jobs: Pick<Jobs, 'wait' | 'cancel'>
  onDisconnect: 'cancel' | 'keep'
  logger: HttpLogger
}): Waiting {
  const { jobs, onDisconnect, logger } = options
  /** By the id of the job. */
  const followers = new Tally()
  const callers = new Set<AbortController>()

  const follow = (jobId: string) => {
    followers.add(jobId)
    return () => followers.remove(jobId)
  }

  const leave = (job: Job, canComeBack: boolean) => {
    if (onDisconnect === 'keep' || canComeBack || isTerminal(job.state) || followers.has(job.id)) return
    jobs.cancel(job.id).catch((error: unknown) => {
      logger.warn({ err: error, jobId: job.id }, 'The job of a caller who went away could not be canceled')
    })
  }

  return {
    follow,
    watch(response) {
      const controller = new AbortController()
      const onClose = () => controller.abort(new GatewayError('client_closed_request'))
      callers.add(controller)
      if (response.closed || response.req.socket.destroyed) onClose()
      else response.once('close', onClose)
      return {
        signal: controller.signal,
        release() {
          response.removeListener('close', onClose)
          callers.delete(controller)
        },
      }
    },
    async wait(job, { caller, timeoutMs, canComeBack, hasBegun = () => false }) {
      const { signal } = caller
      const unfollow = follow(job.id)
      let latest = job
      try {
        if (!isTerminal(job.state)) latest = await jobs.wait(job.id, { timeoutMs, signal })
        // Its transfer has deadlines of its own.
        if (hasBegun() && !isTerminal(latest.state)) latest = await jobs.wait(job.id, { timeoutMs: longestMs, signal })
      } finally {
        unfollow()
      }
      if (!isGone(caller) || hasBegun()) return latest
      leave(latest, canComeBack)
      throw new GatewayError('client_closed_request')
    },
    close() {
      for (const controller of callers) controller.abort(new GatewayError('draining'))
    },
  }
}

function isGone({ signal: { reason } }: Caller): boolean {
  return reason instanceof GatewayError && reason.code === 'client_closed_request'
}

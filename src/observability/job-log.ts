import type { Logger } from 'pino'
import { traceIdOf } from '../lib/traceparent.ts'
import { isTerminal, type Job, type JobState } from '../jobs/job.ts'

/**
 * Writes one line for each job, when it ends: `info`, or `warn` with the error's code when it failed or expired.
 * Returns the listener for job changes.
 */
export function createJobLog(parent: Logger): (job: Job, previous: JobState | undefined) => void {
  // Looking for secrets costs more than all the rest of a line, and these facts are ours.
  const logger = parent.child({}, { redact: [] })
  return (job, previous) => {
    if (job.state === previous || !isTerminal(job.state)) return
    const facts = {
      jobId: job.id,
      promptId: job.promptId,
      requestId: job.requestId,
      ...(job.traceparent !== undefined && { traceId: traceIdOf(job.traceparent) }),
      workflow: job.workflow,
      instance: job.instance,
      outcome: job.state,
      attempts: job.attempt,
      outputs: job.outputs.length,
      ...jobDurationsMs(job),
    }
    if (job.state === 'failed' || job.state === 'expired') {
      logger.warn({ ...facts, code: job.error?.code, reason: job.error?.message }, 'job ended')
    } else {
      logger.info(facts, 'job ended')
    }
  }
}

/** How long a terminal job waited, ran, and took in all. A job that never ran only waited. */
export function jobDurationsMs({ times }: Job): {
  queueMs: number
  runMs: number | undefined
  totalMs: number
} {
  const { createdAtMs, startedAtMs } = times
  const endedAtMs = times.completedAtMs ?? times.executedAtMs ?? startedAtMs ?? createdAtMs
  return {
    queueMs: (startedAtMs ?? endedAtMs) - createdAtMs,
    runMs: startedAtMs === undefined ? undefined : (times.executedAtMs ?? endedAtMs) - startedAtMs,
    totalMs: endedAtMs - createdAtMs,
  }
}

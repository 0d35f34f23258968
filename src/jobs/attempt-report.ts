import type { Instance } from '../instances/instance.ts'
import type { JobAttempt } from './job.ts'
import type { LiveJob } from './live-job.ts'
import type { AttemptResult } from './run-attempt.ts'

/** Filled while an attempt goes on. */
export interface AttemptTimes {
  readonly beganAtMs: number
  submittedAtMs?: number
  startedAtMs?: number
}

/** What is told of an attempt that is over. */
export function attemptOf(
  { job }: LiveJob,
  instance: Instance,
  mode: 'submit' | 'adopt',
  result: AttemptResult,
  { beganAtMs, submittedAtMs, startedAtMs }: AttemptTimes,
): JobAttempt {
  return {
    job,
    instance: instance.id,
    number: job.attempt,
    isAdopted: mode === 'adopt',
    outcome: result.kind,
    error: 'error' in result ? result.error : undefined,
    times: {
      beganAtMs,
      submittedAtMs,
      startedAtMs,
      executedAtMs: result.kind === 'succeeded' ? result.executedAtMs : undefined,
      endedAtMs: Date.now(),
    },
  }
}

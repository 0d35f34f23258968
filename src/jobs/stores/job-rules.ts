import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../job.ts'
import { matchesFilter } from '../job-filter.ts'
import type { JobQuery } from '../job-store.ts'

/** Newest first; ids decide between jobs of the same millisecond, so that a cursor is never ambiguous. */
export function compareNewestFirst(a: Job, b: Job): number {
  return b.times.createdAtMs - a.times.createdAtMs || (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)
}

/** The jobs that a query asks for, in its order. */
export function selectJobs(jobs: Iterable<Job>, query: JobQuery): Job[] {
  const found: Job[] = []
  for (const job of jobs) if (matches(job, query)) found.push(job)
  return found.sort(compareNewestFirst).slice(0, query.limit)
}

function matches(job: Job, query: JobQuery): boolean {
  const { createdAfterMs, createdBeforeMs, after } = query
  const { createdAtMs } = job.times
  if (!matchesFilter(job, query)) return false
  if (createdAfterMs !== undefined && createdAtMs <= createdAfterMs) return false
  if (createdBeforeMs !== undefined && createdAtMs >= createdBeforeMs) return false
  if (after === undefined) return true
  return createdAtMs < after.createdAtMs || (createdAtMs === after.createdAtMs && job.id < after.id)
}

/** Whether both are the same job, ended in the same way at the same time. */
export function isSameEnd(a: Job, b: Job): boolean {
  return a.state === b.state && a.times.completedAtMs === b.times.completedAtMs
}

/** The error for an update of a job that is not known, or ended otherwise. */
export function refuseUpdate(job: Job, known: Job | undefined): GatewayError {
  const detail =
    known === undefined
      ? `There is no job with the id ${job.id} to update.`
      : `The job ${job.id} ended as ${known.state} and cannot become ${job.state}.`
  return new GatewayError('internal_error', { detail })
}

import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { Links } from '../links.ts'
import { toJobResource, type JobResource } from '../schemas/job.ts'

/** Shows jobs as callers see them. */
export interface JobPresenter {
  /** The addresses it shows. */
  readonly links: Links
  present(job: Job): JobResource
}

export function createJobPresenter(options: {
  jobs: Pick<Jobs, 'progress' | 'queuePosition' | 'expectedEndMs'>
  retentionMs: number
  links: Links
}): JobPresenter {
  const { jobs, retentionMs, links } = options
  return {
    links,
    present: (job) =>
      toJobResource(
        job,
        {
          progress: isTerminal(job.state) ? undefined : jobs.progress(job.id),
          expectedEndMs: isTerminal(job.state) ? undefined : jobs.expectedEndMs(job.id),
          queuePosition: job.state === 'queued' ? jobs.queuePosition(job.id) : undefined,
          retentionMs,
        },
        links,
      ),
  }
}

/** The error that a failed, canceled or expired job is to one who waited for its result. */
export function jobErrorOf(job: Job): GatewayError {
  const { state, error } = job
  if (error !== undefined) {
    return new GatewayError(error.code, {
      detail: error.message,
      errors: error.errors ?? [],
      ...(error.node !== undefined && { node: error.node }),
    })
  }
  if (state === 'canceled') return new GatewayError('job_canceled')
  return new GatewayError(state === 'expired' ? 'deadline_exceeded' : 'internal_error')
}

import { GatewayError } from '../../errors/gateway-error.ts'
import { isTerminal, type Job } from '../../jobs/job.ts'
import type { JobForecast, Jobs } from '../../jobs/jobs.ts'
import type { Links } from '../links.ts'
import { toJobResource, type JobResource } from '../schemas/job.ts'

/** Shows jobs as callers see them. */
export interface JobPresenter {
  /** The addresses it shows. */
  readonly links: Links
  present(job: Job): JobResource
  /** Several at once cost one look at the queue. */
  presentAll(jobs: readonly Job[]): JobResource[]
}

export function createJobPresenter(options: {
  jobs: Pick<Jobs, 'progress' | 'forecasts'>
  retentionMs: number
  links: Links
}): JobPresenter {
  const { jobs, retentionMs, links } = options
  const show = (job: Job, forecast: JobForecast = {}) =>
    toJobResource(
      job,
      { progress: isTerminal(job.state) ? undefined : jobs.progress(job.id), ...forecast, retentionMs },
      links,
    )
  const presentAll = (shown: readonly Job[]) => {
    const forecasts = jobs.forecasts(shown.filter(({ state }) => !isTerminal(state)).map(({ id }) => id))
    return shown.map((job) => show(job, forecasts.get(job.id)))
  }
  return {
    links,
    present: (job) => (isTerminal(job.state) ? show(job) : show(job, jobs.forecasts([job.id]).get(job.id))),
    presentAll,
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

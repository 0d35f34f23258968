import { GatewayError, type FieldError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { WorkflowRegistry } from '../../workflows/served-workflow.ts'
import { toJobResource, type JobResource } from '../schemas/job.ts'

/** Shows jobs as callers see them. */
export interface JobPresenter {
  present(job: Job): JobResource
  /** The same, with the errors of a failed job named by the caller's parameters. */
  presentNamed(job: Job): Promise<JobResource>
  /** The error that a failed, canceled or expired job is to one who waited for its result. */
  errorOf(job: Job): Promise<GatewayError>
}

export function createJobPresenter(options: {
  jobs: Jobs
  registry: Pick<WorkflowRegistry, 'get'>
  retentionMs: number
}): JobPresenter {
  const { jobs, registry, retentionMs } = options

  const present = (job: Job, errors?: readonly FieldError[]) =>
    toJobResource(job, {
      progress: jobs.progress(job.id),
      queuePosition: jobs.queuePosition(job.id),
      retentionMs,
      ...(errors !== undefined && { errors }),
    })

  const namedErrors = async (job: Job): Promise<readonly FieldError[]> => {
    const errors = job.error?.errors ?? []
    const isNamed = errors.every((error) => error.node === undefined || error.pointer !== undefined)
    const workflow = isNamed ? undefined : registry.get(job.workflow)
    const payload = workflow === undefined ? undefined : jobs.getPayload(job.id)
    return workflow === undefined || payload === undefined ? errors : workflow.nameParameters(payload.input, errors)
  }

  return {
    present: (job) => present(job),
    presentNamed: async (job) =>
      job.error?.errors === undefined ? present(job) : present(job, await namedErrors(job)),
    errorOf: async (job) => {
      const code =
        job.state === 'canceled' ? 'job_canceled' : job.state === 'expired' ? 'deadline_exceeded' : 'internal_error'
      const { error } = job
      if (error === undefined) return new GatewayError(code)
      return new GatewayError(error.code, {
        detail: error.message,
        errors: await namedErrors(job),
        ...(error.node !== undefined && { node: error.node }),
      })
    },
  }
}

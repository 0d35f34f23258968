import type { JobEvent } from '../../jobs/jobs.ts'
import { jobErrorOf, type JobPresenter } from '../answers/job-presenter.ts'
import { toOutputResource, toProgressResource } from '../schemas/job.ts'
import { problemOf, type ProblemContext } from '../schemas/problem.ts'

export interface FrameContext extends ProblemContext {
  readonly jobId: string
}

/** One job event as a server-sent event. */
export function eventFrame(event: JobEvent, presenter: JobPresenter, context: FrameContext): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventData(event, presenter, context))}\n\n`
}

function eventData(event: JobEvent, presenter: JobPresenter, context: FrameContext): object {
  switch (event.type) {
    case 'status':
      return presenter.present(event.job)
    case 'progress':
      return toProgressResource(event.progress)
    case 'preview':
      return { content_type: event.contentType, node_id: event.nodeId ?? null, data: event.bytes.toString('base64') }
    case 'output':
      return toOutputResource(context.jobId, event.output)
    case 'end': {
      const resource = presenter.present(event.job)
      if (event.job.state === 'succeeded') return resource
      return { ...resource, problem: problemOf(jobErrorOf(event.job), context) }
    }
  }
}

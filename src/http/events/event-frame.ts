import type { JobEvent } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import { toOutputResource, toProgressResource } from '../schemas/job.ts'

/** Every event but the last one. */
export type PassingEvent = Exclude<JobEvent, { type: 'end' }>

/** One job event as a server-sent event. */
export function eventFrame(event: PassingEvent, jobId: string, presenter: JobPresenter): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventData(event, jobId, presenter))}\n\n`
}

function eventData(event: PassingEvent, jobId: string, presenter: JobPresenter): object {
  switch (event.type) {
    case 'status':
      return presenter.present(event.job)
    case 'progress':
      return toProgressResource(event.progress)
    case 'preview':
      return { content_type: event.contentType, node_id: event.nodeId ?? null, data: event.bytes.toString('base64') }
    case 'output':
      return toOutputResource(jobId, event.output)
  }
}

/** The last event of a stream: the job, and what went wrong where something did. */
export function endFrame(id: number, data: object): string {
  return `id: ${id}\nevent: end\ndata: ${JSON.stringify(data)}\n\n`
}

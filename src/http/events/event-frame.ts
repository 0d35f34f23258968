import type { JobEvent } from '../../jobs/jobs.ts'
import { jobErrorOf, type JobPresenter } from '../answers/job-presenter.ts'
import { toOutputResource, toProgressResource } from '../schemas/job.ts'
import { problemOf } from '../schemas/problem.ts'

/** Writes job events as server-sent events. */
export type FrameWriter = (event: JobEvent, jobId: string) => string

/**
 * An event reads the same for everybody and whenever it is sent again. Those with a job in them are remembered, because
 * they also tell things that change, such as the place in the queue.
 */
export function createFrameWriter(presenter: JobPresenter): FrameWriter {
  const written = new WeakMap<JobEvent, string>()
  return (event, jobId) => {
    const known = written.get(event)
    if (known !== undefined) return known
    const frame = `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventData(event, jobId, presenter))}\n\n`
    if ('job' in event) written.set(event, frame)
    return frame
  }
}

function eventData(event: JobEvent, jobId: string, presenter: JobPresenter): object {
  switch (event.type) {
    case 'status':
      return presenter.present(event.job)
    case 'progress':
      return toProgressResource(event.progress)
    case 'preview':
      return { content_type: event.contentType, node_id: event.nodeId ?? null, data: event.bytes.toString('base64') }
    case 'output':
      return toOutputResource(jobId, event.output, presenter.links)
    case 'end': {
      const { job } = event
      const resource = presenter.present(job)
      if (job.state === 'succeeded') return resource
      const context = { instance: presenter.links.job(jobId), requestId: job.requestId, jobId }
      return { ...resource, problem: problemOf(jobErrorOf(job), context) }
    }
  }
}

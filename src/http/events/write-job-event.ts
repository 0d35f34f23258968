import type { JobEvent } from '../../jobs/jobs.ts'
import { traceIdOf } from '../../lib/traceparent.ts'
import type { Job } from '../../jobs/job.ts'
import { jobErrorOf, type JobPresenter } from '../answers/job-presenter.ts'
import { toOutputResource, toProgressResource } from '../schemas/job.ts'
import { problemOf, type ProblemResource } from '../schemas/problem.ts'
import type { EventIds } from './event-ids.ts'
import type { WrittenEvent } from './written-event.ts'

/** Writes the events of jobs. */
export type JobEventWriter = (
  event: JobEvent,
  job: { readonly id: string; readonly eventIds: EventIds },
) => WrittenEvent

/**
 * An event reads the same for everybody and whenever it is sent again. Those with a job in them are remembered, because
 * they also tell things that change, such as the place in the queue.
 */
export function createJobEventWriter(presenter: JobPresenter): JobEventWriter {
  const written = new WeakMap<JobEvent, WrittenEvent>()
  return (event, { id, eventIds }) => {
    const known = written.get(event)
    if (known !== undefined) return known
    const json = JSON.stringify(eventData(event, id, presenter))
    const now: WrittenEvent = { id: eventIds.format(event.id), type: event.type, json }
    if ('job' in event) written.set(event, now)
    return now
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
    case 'end':
      return { ...presenter.present(event.job), ...problemOfEnd(event.job, presenter) }
  }
}

/** Why a job that ended has no result, as one who waited for it would be told. */
export function problemOfEnd(job: Job, { links }: JobPresenter): { problem?: ProblemResource } {
  if (job.state === 'succeeded') return {}
  const { id, requestId, traceparent } = job
  const traceId = traceparent === undefined ? {} : { traceId: traceIdOf(traceparent) }
  const context = { instance: links.job(id), requestId, ...traceId, jobId: id }
  return { problem: problemOf(jobErrorOf(job), context) }
}

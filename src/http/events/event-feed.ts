import { isTerminal, openJobStates, type Job } from '../../jobs/job.ts'
import { matchesFilter, type JobFilter } from '../../jobs/job-filter.ts'
import type { AnyJobEvent, EventSubscription, Jobs } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import type { InstanceControl } from '../app-options.ts'
import { toInstanceResource } from '../schemas/instance.ts'
import { toOutputResource, toProgressResource } from '../schemas/job.ts'
import { createEventIds } from './event-ids.ts'
import { RecentEvents } from './recent-events.ts'
import { problemOfEnd } from './write-job-event.ts'
import type { WrittenEvent } from './written-event.ts'

/** What happens to all jobs and instances, written once for all who read. */
export interface EventFeed {
  /**
   * Delivers the events after the one that the reader knows, if they are all still there, else a snapshot of the open
   * jobs; then what happens. The states of the filter are those that a job is in when something happens to it.
   */
  follow(
    reader: { filter: JobFilter; lastEventId: string | undefined },
    deliver: (event: WrittenEvent) => void,
  ): EventSubscription
  close(): void
}

export interface EventFeedOptions {
  readonly jobs: Pick<Jobs, 'list' | 'subscribeAll'>
  readonly instances: Pick<InstanceControl, 'views' | 'subscribe'>
  readonly presenter: JobPresenter
  /** Another one in every process. */
  readonly epoch: string
  /** Events that are kept for readers who come back. */
  readonly keptEvents?: number
  /** How long events are kept while nobody reads. */
  readonly lingerMs?: number
}

/** A snapshot has the newest of the open jobs, so that it fits into what a reader may leave unread. */
const snapshotJobs = 250

/**
 * Nothing is heard or written while nobody reads. Once somebody did, events are kept for a while longer, because a
 * reader whose connection broke comes back.
 */
export function createEventFeed(options: EventFeedOptions): EventFeed {
  const { jobs, instances, presenter, epoch, keptEvents = 4096, lingerMs = 60_000 } = options
  const ids = createEventIds(`${epoch}all`)
  const recent = new RecentEvents<FeedEvent>(keptEvents)
  const readers = new Set<(event: FeedEvent) => void>()
  let sources: readonly EventSubscription[] = []
  let linger: NodeJS.Timeout | undefined
  let isClosed = false

  const publish = (type: string, job: Job | undefined, data: object) => {
    const id = ids.format(recent.nextNumber)
    const event: FeedEvent = { job, written: { id, type, json: JSON.stringify(data) } }
    recent.add(event)
    for (const reader of readers) reader(event)
  }

  const start = () => {
    clearTimeout(linger)
    if (sources.length > 0) return
    // What happened while nobody heard it is missing.
    recent.skip()
    sources = [
      jobs.subscribeAll((event) => publish(event.type, event.job, jobEventData(event, presenter))),
      instances.subscribe((view) => publish('instance', undefined, toInstanceResource(view))),
    ]
  }

  const stop = () => {
    for (const source of sources) source.close()
    sources = []
    recent.clear()
  }

  const snapshot = (filter: JobFilter): WrittenEvent => {
    const states = (filter.states ?? openJobStates).filter((state) => !isTerminal(state))
    const found = states.length === 0 ? [] : jobs.list({ ...filter, states, limit: snapshotJobs + 1 })
    const data = {
      jobs: presenter.presentAll(found.slice(0, snapshotJobs)),
      has_more: found.length > snapshotJobs,
      instances: instances.views().map(toInstanceResource),
    }
    return { id: ids.format(recent.lastNumber), type: 'snapshot', json: JSON.stringify(data) }
  }

  return {
    follow({ filter, lastEventId }, deliver) {
      start()
      const known = ids.numberOf(lastEventId)
      const missed = known === undefined ? undefined : recent.after(known)
      const reader = (event: FeedEvent) => {
        if (event.job === undefined || matchesFilter(event.job, filter)) deliver(event.written)
      }
      if (missed === undefined) deliver(snapshot(filter))
      else for (const event of missed) reader(event)
      readers.add(reader)
      return {
        close() {
          if (!readers.delete(reader) || readers.size > 0 || isClosed) return
          linger = setTimeout(stop, lingerMs).unref()
        },
      }
    },
    close() {
      isClosed = true
      clearTimeout(linger)
      stop()
    },
  }
}

interface FeedEvent {
  /** As it was when it happened; `undefined` for what is about no job. */
  readonly job: Job | undefined
  readonly written: WrittenEvent
}

function jobEventData(event: AnyJobEvent, presenter: JobPresenter): object {
  const { job } = event
  const about = { job_id: job.id, workflow: job.workflow }
  switch (event.type) {
    case 'status':
      return { ...about, job: presenter.present(job) }
    case 'end':
      return { ...about, job: { ...presenter.present(job), ...problemOfEnd(job, presenter) } }
    case 'progress':
      return { ...about, progress: toProgressResource(event.progress) }
    case 'output':
      return { ...about, output: toOutputResource(job.id, event.output, presenter.links) }
  }
}

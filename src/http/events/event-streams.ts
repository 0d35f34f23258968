import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'
import type { EventSubscription, Jobs } from '../../jobs/jobs.ts'
import { Tally } from '../../lib/tally.ts'
import type { EventChannel } from './event-channel.ts'
import { createEventIds, sequenceOfJob } from './event-ids.ts'
import type { JobEventWriter } from './write-job-event.ts'
import type { WrittenEvent } from './written-event.ts'

/** Room for one stream, taken before there is one. Given back when its stream closes. */
export interface StreamPlace {
  /** Gives it back unless a stream has it. Safe to call twice. */
  releaseUnused(): void
}

export interface JobStream {
  readonly place: StreamPlace
  readonly job: Job
  /** Events up to this one are known to the client. */
  readonly lastEventId?: string | undefined
  readonly previews: boolean
  /** Called once, when the stream is over, however it came to that. */
  readonly onClose?: () => void
}

/** Sends what it is given. `isLast`: nothing comes after it. */
export type Deliver = (event: WrittenEvent, isLast?: boolean) => void

/** All open event streams, with one timer for their heartbeats. */
export interface EventStreams {
  /**
   * Call it before anything is done for a stream, such as making its job.
   * @throws GatewayError `too_many_streams` when this caller has as many as it may, `overloaded` when all have
   */
  reserve(caller: string): StreamPlace
  /** Sends the events of a job, which must exist, until the last one. */
  followJob(channel: EventChannel, stream: JobStream): void
  /** Sends what `subscribe` delivers, from inside the call or later. */
  follow(
    channel: EventChannel,
    stream: { place: StreamPlace; onClose?: () => void },
    subscribe: (deliver: Deliver) => EventSubscription,
  ): void
  /** Ends every stream; clients come back with the id of the last event they saw. */
  close(): void
}

export interface EventStreamOptions {
  readonly jobs: Pick<Jobs, 'subscribe'>
  readonly writeJobEvent: JobEventWriter
  /** Another one in every process. */
  readonly epoch: string
  readonly maxStreams: number
  readonly maxStreamsPerCaller: number
  readonly heartbeatMs: number
  readonly maxBufferBytes: number
  /** Told how many are open, at each change. */
  readonly onCountChanged?: ((count: number) => void) | undefined
}

const retryAfterSeconds = 5

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { jobs, writeJobEvent, epoch, heartbeatMs, maxBufferBytes, onCountChanged } = options
  const places = createPlaces(options)
  const open = new Set<EventChannel>()

  const heartbeat = setInterval(() => {
    for (const channel of open) channel.heartbeat()
  }, heartbeatMs)
  heartbeat.unref()

  const follow: EventStreams['follow'] = (channel, { place, onClose }, subscribe) => {
    places.take(place)
    open.add(channel)
    onCountChanged?.(open.size)
    const stream: { isOver: boolean; subscription?: EventSubscription } = { isOver: false }
    const stop = () => {
      stream.isOver = true
      stream.subscription?.close()
    }
    channel.onClose(() => {
      stop()
      open.delete(channel)
      onCountChanged?.(open.size)
      places.giveBack(place)
      onClose?.()
    })
    try {
      stream.subscription = subscribe((event, isLast = false) => {
        if (stream.isOver) return
        channel.send(event)
        if (isLast) channel.end()
        else if (channel.unreadBytes > maxBufferBytes) channel.cut()
        else return
        stop()
      })
    } catch (error) {
      // The answer has begun: all that its reader can be told is that it is over.
      channel.cut()
      throw error
    }
    // What was delivered from inside the call may have been the end of it.
    if (stream.isOver) stop()
  }

  return {
    reserve: (caller) => places.reserve(caller),
    follow,
    followJob(channel, { job, lastEventId, previews, ...stream }) {
      const eventIds = createEventIds(sequenceOfJob(epoch, job))
      follow(channel, stream, (deliver) =>
        jobs.subscribe(job.id, eventIds.numberOf(lastEventId), (event) => {
          if (event.type === 'preview' && !previews) return
          deliver(writeJobEvent(event, { id: job.id, eventIds }), event.type === 'end')
        }),
      )
    },
    close() {
      clearInterval(heartbeat)
      for (const channel of open) channel.goAway()
    },
  }
}

interface Places {
  reserve(caller: string): StreamPlace
  take(place: StreamPlace): void
  giveBack(place: StreamPlace): void
}

function createPlaces({
  maxStreams,
  maxStreamsPerCaller,
}: Pick<EventStreamOptions, 'maxStreams' | 'maxStreamsPerCaller'>): Places {
  const callers = new Map<StreamPlace, string>()
  const taken = new WeakSet<StreamPlace>()
  const ofCallers = new Tally()

  const giveBack = (place: StreamPlace) => {
    const caller = callers.get(place)
    if (caller === undefined) return
    callers.delete(place)
    ofCallers.remove(caller)
  }

  return {
    reserve(caller) {
      const own = ofCallers.of(caller)
      if (own >= maxStreamsPerCaller) {
        throw new GatewayError('too_many_streams', {
          detail: `You have ${own} event streams open already. Close one, or ask for the job instead of its events.`,
          retryAfterSeconds,
        })
      }
      if (callers.size >= maxStreams) {
        throw new GatewayError('overloaded', {
          detail: `${maxStreams} event streams are open already. Ask for the job instead of its events.`,
          retryAfterSeconds,
        })
      }
      const place: StreamPlace = {
        releaseUnused() {
          if (!taken.has(place)) giveBack(place)
        },
      }
      callers.set(place, caller)
      ofCallers.add(caller)
      return place
    },
    take: (place) => void taken.add(place),
    giveBack,
  }
}

import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Job } from '../../jobs/job.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import type { HttpLogger } from '../app-options.ts'
import { problemOf } from '../schemas/problem.ts'
import { endFrame, eventFrame } from './event-frame.ts'

/** Milliseconds a client is told to wait before it connects again. */
const reconnectMs = 2000

export interface StreamRequest {
  readonly jobId: string
  /** Events up to this one are known to the client. */
  readonly afterId: number | undefined
  readonly previews: boolean
  readonly headers?: Readonly<Record<string, string>>
  /** Called once, when the stream is over, however it came to that. */
  readonly onClose?: () => void
}

/** All open event streams, with one timer for their heartbeats. */
export interface EventStreams {
  /** @throws GatewayError `overloaded` when no more streams can be opened; call it before a job is made for one */
  requireRoom(): void
  /** Takes the reply over and sends the job's events until the last one. @throws GatewayError `job_not_found` */
  open(request: FastifyRequest, reply: FastifyReply, stream: StreamRequest): void
  /** Ends every stream; clients come back with the id of the last event they saw. */
  close(): void
}

export interface EventStreamOptions {
  readonly jobs: Pick<Jobs, 'subscribe' | 'get'>
  readonly presenter: JobPresenter
  readonly logger: HttpLogger
  readonly maxStreams: number
  readonly heartbeatMs: number
  readonly maxBufferBytes: number
}

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { jobs, presenter, logger, maxStreams, heartbeatMs, maxBufferBytes } = options
  const open = new Set<ServerResponse>()

  const write = (response: ServerResponse, text: string) => {
    if (response.destroyed || response.writableEnded) return
    response.write(text)
    if (response.writableLength > maxBufferBytes) response.destroy()
  }

  const heartbeat = setInterval(() => {
    for (const response of open) write(response, ':\n\n')
  }, heartbeatMs)
  heartbeat.unref()

  const finish = async (request: FastifyRequest, response: ServerResponse, id: number, job: Job) => {
    const resource = await presenter.presentNamed(job)
    if (job.state === 'succeeded') return write(response, endFrame(id, resource))
    const error = await presenter.errorOf(job)
    const problem = problemOf(error, { instance: pathOf(request), requestId: request.id, jobId: job.id })
    write(response, endFrame(id, { ...resource, problem }))
  }

  return {
    requireRoom() {
      if (open.size < maxStreams) return
      throw new GatewayError('overloaded', {
        detail: `${maxStreams} event streams are open already. Ask for the job instead of its events.`,
        retryAfterSeconds: 5,
      })
    },
    open(request, reply, { jobId, afterId, previews, headers, onClose }) {
      if (jobs.get(jobId) === undefined) throw new GatewayError('job_not_found')
      const response = reply.raw
      reply.hijack()
      response.writeHead(200, { ...streamHeaders, ...definedHeaders(reply), ...headers })
      response.write(`retry: ${reconnectMs}\n\n`)
      open.add(response)

      let isOver = false
      const subscription = jobs.subscribe(jobId, afterId, (event) => {
        if (isOver || (event.type === 'preview' && !previews)) return
        if (event.type !== 'end') return write(response, eventFrame(event, jobId, presenter))
        isOver = true
        finish(request, response, event.id, event.job)
          .catch((error: unknown) =>
            logger.error({ err: error, jobId }, 'The end of an event stream could not be sent'),
          )
          .finally(() => response.end())
      })
      response.once('close', () => {
        isOver = true
        open.delete(response)
        subscription.close()
        onClose?.()
      })
    },
    close() {
      clearInterval(heartbeat)
      for (const response of open) response.end()
    },
  }
}

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

function definedHeaders(reply: FastifyReply): Record<string, string | number | string[]> {
  const headers: Record<string, string | number | string[]> = {}
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) headers[name] = value
  return headers
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? ''
}

import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { JobPresenter } from '../answers/job-presenter.ts'
import { createFrameWriter } from './event-frame.ts'

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
  /** Takes the reply over and sends the events of a job, which must exist, until the last one. */
  open(reply: FastifyReply, stream: StreamRequest): void
  /** Ends every stream; clients come back with the id of the last event they saw. */
  close(): void
}

export interface EventStreamOptions {
  readonly jobs: Pick<Jobs, 'subscribe'>
  readonly presenter: JobPresenter
  readonly maxStreams: number
  readonly heartbeatMs: number
  readonly maxBufferBytes: number
}

export function createEventStreams(options: EventStreamOptions): EventStreams {
  const { jobs, presenter, maxStreams, heartbeatMs, maxBufferBytes } = options
  const open = new Set<ServerResponse>()
  const frameOf = createFrameWriter(presenter)

  const write = (response: ServerResponse, text: string) => {
    if (response.destroyed || response.writableEnded) return
    response.write(text)
    if (response.writableLength > maxBufferBytes) response.destroy()
  }

  const heartbeat = setInterval(() => {
    for (const response of open) write(response, ':\n\n')
  }, heartbeatMs)
  heartbeat.unref()

  return {
    requireRoom() {
      if (open.size < maxStreams) return
      throw new GatewayError('overloaded', {
        detail: `${maxStreams} event streams are open already. Ask for the job instead of its events.`,
        retryAfterSeconds: 5,
      })
    },
    open(reply, { jobId, afterId, previews, headers, onClose }) {
      const response = reply.raw
      reply.hijack()
      if (response.req.socket.destroyed) return onClose?.()
      response.writeHead(200, { ...streamHeaders, ...definedHeaders(reply), ...headers })
      response.write(`retry: ${reconnectMs}\n\n`)
      open.add(response)

      let isOver = false
      const subscription = jobs.subscribe(jobId, afterId, (event) => {
        if (isOver || (event.type === 'preview' && !previews)) return
        write(response, frameOf(event, jobId))
        if (event.type !== 'end') return
        isOver = true
        response.end()
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

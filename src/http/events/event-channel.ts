import type { FastifyReply } from 'fastify'
import { definedHeaders } from '../defined-headers.ts'
import { toServerSentEvent, type WrittenEvent } from './written-event.ts'

/** A connection on which events go out, one way. Its methods do nothing once it is closed. */
export interface EventChannel {
  send(event: WrittenEvent): void
  /** What was sent and not taken by the other side yet. */
  readonly unreadBytes: number
  /** To be called at regular times: shows that the connection lives, and lets go of one that does not. */
  heartbeat(): void
  /** After the last event. */
  end(): void
  /** The reader is too slow. It may come back. */
  cut(): void
  /** The server stops. The reader is to come back. */
  goAway(): void
  /** Called once; at once where it is closed already. */
  onClose(listener: () => void): void
}

/** Milliseconds a client is told to wait before it connects again. */
const reconnectMs = 2000

const streamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
}

/** Takes the reply over for server-sent events. */
export function openEventResponse(reply: FastifyReply, headers: Readonly<Record<string, string>> = {}): EventChannel {
  const response = reply.raw
  reply.hijack()
  response.writeHead(200, { ...streamHeaders, ...definedHeaders(reply), ...headers })

  const isOpen = () => !response.destroyed && !response.writableEnded
  const write = (text: string) => {
    if (isOpen()) response.write(text)
  }
  let leftAtLastBeat: number | undefined
  write(`retry: ${reconnectMs}\n\n`)

  return {
    send: (event) => write(toServerSentEvent(event)),
    get unreadBytes() {
      return response.writableLength
    },
    heartbeat() {
      if (isOpen()) return write(':\n\n')
      // It is ended, and its reader does not take what is left.
      if (leftAtLastBeat === response.writableLength) response.destroy()
      leftAtLastBeat = response.writableLength
    },
    end: () => void response.end(),
    cut: () => void response.destroy(),
    goAway: () => void response.end(),
    onClose(listener) {
      if (response.destroyed || response.req.socket.destroyed) listener()
      else response.once('close', listener)
    },
  }
}

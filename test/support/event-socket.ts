import { once } from 'node:events'
import { WebSocket, type ClientOptions } from 'ws'
import { z } from 'zod'
import type { ReceivedEvent } from './read-events.ts'

const frameSchema = z.strictObject({ id: z.string(), event: z.string(), data: z.record(z.string(), z.unknown()) })

/** A client that listens to events over a WebSocket. */
export interface EventSocket {
  readonly socket: WebSocket
  readonly events: ReceivedEvent[]
  /** Resolves when the server has closed, with its code and reason. */
  readonly closed: Promise<{ code: number; reason: string }>
  /** Resolves when this many events have come, or the socket is closed. */
  received(count: number): Promise<readonly ReceivedEvent[]>
}

/** Connects, and resolves when the socket is open. Rejects when the server refuses. */
export async function openEventSocket(
  url: string,
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<EventSocket> {
  const { protocols, ...clientOptions } = options
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, clientOptions)
  const events: ReceivedEvent[] = []
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  socket.on('message', (bytes: Buffer) => {
    const { id, event, data } = frameSchema.parse(JSON.parse(bytes.toString()))
    events.push({ id, type: event, data })
    wake()
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.once('close', (code, reason) => {
      resolve({ code, reason: reason.toString() })
      wake()
    })
  })
  await once(socket, 'open')
  socket.on('error', () => {})
  return {
    socket,
    events,
    closed,
    received(count) {
      const { promise, resolve } = Promise.withResolvers<readonly ReceivedEvent[]>()
      const look = () => {
        if (events.length >= count || socket.readyState === WebSocket.CLOSED) resolve(events)
      }
      waiting.add(look)
      look()
      return promise
    },
  }
}

/** The answer of HTTP to a handshake that is refused. */
export async function refusedHandshake(
  url: string,
  options: ClientOptions & { protocols?: string[] } = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  const { protocols, ...clientOptions } = options
  const socket = new WebSocket(url.replace(/^http/, 'ws'), protocols, clientOptions)
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    headers: Record<string, unknown>
    body: string
  }>()
  socket.once('open', () => {
    socket.terminate()
    reject(new Error('the handshake was accepted'))
  })
  socket.once('error', reject)
  socket.once('unexpected-response', (_request, response) => {
    const chunks: Buffer[] = []
    response.on('data', (chunk: Buffer) => chunks.push(chunk))
    response.once('end', () => {
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks).toString(),
      })
    })
  })
  return promise
}

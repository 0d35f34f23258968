import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'

export interface BodyPaceOptions {
  /** Time for a body to arrive. A body that takes longer may, as long as enough of it comes in each further such time. */
  readonly periodMs: number
  /** Answers that the body did not arrive in time, and hangs up. */
  readonly refuse: (stream: IncomingMessage, requestId: string) => void
}

/** Less is no upload on a slow line, but one that holds a connection. */
const leastBytesPerSecond = 16 * 1024

/**
 * Refuses bodies that come too slowly. A limit for the whole, which Node has, would refuse large files on lines of a usual
 * speed.
 */
export function limitBodyPace(app: FastifyInstance, { periodMs, refuse }: BodyPaceOptions): void {
  app.addHook('onRequest', ({ raw, id }, reply, done) => {
    if (hasBody(raw)) watchPace(raw, reply.raw, { periodMs, refuse: () => refuse(raw, id) })
    done()
  })
}

function hasBody({ headers, complete }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0)
}

/** Until the body is there, or its answer is out, or somebody hung up. */
export function watchPace(
  stream: Pick<IncomingMessage, 'socket' | 'once'>,
  answer: Pick<ServerResponse, 'once'>,
  { periodMs, refuse }: { readonly periodMs: number; readonly refuse: () => void },
): void {
  const leastBytes = (leastBytesPerSecond * periodMs) / 1000
  let seenBytes = stream.socket.bytesRead
  const timer = setInterval(() => {
    const { bytesRead } = stream.socket
    const isEnough = bytesRead - seenBytes >= leastBytes
    seenBytes = bytesRead
    if (isEnough) return
    stop()
    refuse()
  }, periodMs)
  const stop = () => clearInterval(timer)
  stream.once('end', stop)
  stream.once('close', stop)
  answer.once('close', stop)
}

import { WebSocket } from 'ws'
import type { EventChannel } from './event-channel.ts'
import { toTextFrame } from './written-event.ts'

/** Close codes of the WebSocket protocol (RFC 6455 §7.4.1 and its registry at IANA). */
const closeCodes = { normal: 1000, unsupportedData: 1003, policyViolation: 1008, serviceRestart: 1012, tryAgain: 1013 }

/** How long a client has to say goodbye when the server stops. */
const goodbyeMs = 1000
/** Pings and pongs that a client may send between two heartbeats; each costs an answer or at least a look. */
const maxControlFrames = 60

/** Sends events as text frames. Clients only listen: one that says something is closed. */
export function createSocketChannel(socket: WebSocket): EventChannel {
  let isAlive = true
  let controlFrames = 0
  let goodbye: NodeJS.Timeout | undefined

  const close = (code: number, reason: string) => {
    if (socket.readyState === WebSocket.OPEN) socket.close(code, reason)
  }
  const noteControlFrame = () => {
    isAlive = true
    controlFrames += 1
    if (controlFrames > maxControlFrames) close(closeCodes.policyViolation, 'too many pings')
  }
  socket.on('message', (_data, isBinary) => {
    if (isBinary) close(closeCodes.unsupportedData, 'nothing is read here')
    else close(closeCodes.policyViolation, 'nothing is read here; use POST /jobs/{id}/cancel to cancel')
  })
  socket.on('ping', (data) => {
    noteControlFrame()
    if (socket.readyState === WebSocket.OPEN) socket.pong(data)
  })
  socket.on('pong', noteControlFrame)
  // Whatever goes wrong is followed by `close`.
  socket.on('error', () => {})
  socket.once('close', () => clearTimeout(goodbye))

  return {
    send(event) {
      if (socket.readyState === WebSocket.OPEN) socket.send(toTextFrame(event))
    },
    get unreadBytes() {
      return socket.bufferedAmount
    },
    heartbeat() {
      if (!isAlive) return socket.terminate()
      isAlive = false
      controlFrames = 0
      if (socket.readyState === WebSocket.OPEN) socket.ping()
    },
    end: () => close(closeCodes.normal, 'end'),
    cut: () => close(closeCodes.tryAgain, 'too slow; come back with the id of the last event'),
    goAway() {
      close(closeCodes.serviceRestart, 'the server stops; come back with the id of the last event')
      goodbye ??= setTimeout(() => socket.terminate(), goodbyeMs)
    },
    onClose(listener) {
      if (socket.readyState === WebSocket.CLOSED) listener()
      else socket.once('close', listener)
    },
  }
}

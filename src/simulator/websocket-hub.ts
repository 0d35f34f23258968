import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type RawData, type WebSocket } from 'ws'
import { isRecord } from '../lib/json-record.ts'
import {
  previewFrame,
  previewFrameWithMetadata,
  textFrame,
  type FrameImageType,
  type FrameOrigin,
} from './binary-frames.ts'
import { createStall, type Stall } from './faults/stall.ts'
import { pythonJson, pythonString } from '../comfyui/wire/python-json.ts'

export interface WebSocketHub {
  /** Takes over a connection that asks for `/ws`. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, clientId: string): void
  /** Sends `{"type": type, "data": data}`; `data` is JSON. Without a client to everybody; dropped when it is not there. */
  send(type: string, dataJson: string, clientId: string | undefined): void
  /** The number of unfinished prompts, to everybody. */
  sendStatus(): void
  /** An image as the client understands it: with metadata when it said that it can, else without. */
  sendImage(origin: FrameOrigin, type: FrameImageType, image: Buffer, clientId: string | undefined): void
  /** A text that a node shows while it runs, to everybody. */
  sendText(nodeId: string, text: string): void
  /** Whether this client wants images with metadata; undefined is everybody, who does not. */
  wantsMetadata(clientId: string | undefined): boolean
  /** Whether anybody would get what is sent to this client. */
  isHeard(clientId: string | undefined): boolean
  readonly faults: SocketFaults
  close(): Promise<void>
}

/** What goes wrong with the sockets that are open. */
export interface SocketFaults {
  /** All end without a close frame, as 1006. */
  drop(): void
  /** All stop hearing and speaking without an end. */
  halfOpen(): void
  /** All lose their ids: they get nothing any more, and answer pings. */
  deafen(): void
  /** Nothing is sent to anybody until the end of the time, when everything comes; without a time nothing of it comes. */
  stall(ms: number | undefined, cleared: AbortSignal): void
  /** All get these messages. */
  send(messages: readonly (string | Buffer)[]): void
}

export interface WebSocketHubOptions {
  queueSize: () => number
  /** Flags that answer a client's `feature_flags`; undefined is a server that does not know them. */
  features: Record<string, unknown> | undefined
  /** The node that runs for this client right now. */
  runningNode: (clientId: string) => string | undefined
  /** A socket has got its first message. */
  onOpened: () => void
}

const maxMessageBytes = 4 * 1024 * 1024
/** For what a reader who does not read has not taken yet. */
const maxFlushMs = 100

/**
 * Sockets by client id. As in ComfyUI a newer socket takes the id over and the older one stays silent, and the close of
 * any socket of an id takes the id away from whoever owns it.
 */
export function createWebSocketHub({ queueSize, features, runningNode, onOpened }: WebSocketHubOptions): WebSocketHub {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: {}, maxPayload: maxMessageBytes })
  const sockets = new Map<string, WebSocket>()
  const flags = new Map<string, Record<string, unknown>>()

  const halfOpen = new Set<WebSocket>()
  let stall: Stall | undefined

  function deliver(message: Buffer, binary: boolean, clientId: string | undefined): void {
    if (stall !== undefined) return stall.hold(() => deliver(message, binary, clientId))
    if (clientId !== undefined) return sendTo(sockets.get(clientId), message, binary)
    for (const socket of sockets.values()) sendTo(socket, message, binary)
  }

  function sendTo(socket: WebSocket | undefined, message: Buffer | string, binary: boolean): void {
    if (socket !== undefined && !halfOpen.has(socket)) socket.send(message, { binary })
  }

  function send(type: string, dataJson: string, clientId: string | undefined): void {
    if (sockets.size === 0) return
    deliver(Buffer.from(`{"type": "${type}", "data": ${dataJson}}`), false, clientId)
  }

  const statusData = (extra: string): string => `{"status": {"exec_info": {"queue_remaining": ${queueSize()}}}${extra}}`
  const wantsMetadata = (clientId: string | undefined): boolean =>
    clientId !== undefined && flags.get(clientId)?.['supports_preview_metadata'] === true

  function open(socket: WebSocket, clientId: string): void {
    sockets.set(clientId, socket)
    flags.set(clientId, {})
    socket.on('error', () => undefined)
    socket.on('close', () => {
      halfOpen.delete(socket)
      sockets.delete(clientId)
      flags.delete(clientId)
    })
    let first = true
    socket.on('message', (data, isBinary) => {
      if (isBinary) return
      const message = parseObject(data)
      if (message === undefined) return
      if (features !== undefined && first && message['type'] === 'feature_flags' && isRecord(message['data'])) {
        if (flags.has(clientId)) flags.set(clientId, message['data'])
        socket.send(`{"type": "feature_flags", "data": ${pythonJson(features)}}`)
      }
      first = false
    })
    socket.send(`{"type": "status", "data": ${statusData(`, "sid": ${pythonString(clientId)}`)}}`)
    const node = runningNode(clientId)
    if (node !== undefined) socket.send(`{"type": "executing", "data": {"node": ${pythonString(node)}}}`)
    onOpened()
  }

  function endStall(): void {
    const ended = stall
    stall = undefined
    for (const deliverLate of ended?.take() ?? []) deliverLate()
  }

  const faults: SocketFaults = {
    drop() {
      sockets.clear()
      flags.clear()
      for (const socket of server.clients) terminateWhenSent(socket)
    },
    halfOpen() {
      for (const socket of server.clients) {
        halfOpen.add(socket)
        socket.pause()
      }
    },
    deafen() {
      sockets.clear()
      flags.clear()
    },
    stall(ms, cleared) {
      stall = createStall({ ms, cleared, onEnd: endStall, held: stall?.take() ?? [] })
    },
    send(messages) {
      for (const socket of server.clients) {
        for (const message of messages) sendTo(socket, message, typeof message !== 'string')
      }
    },
  }

  return {
    accept(request, socket, head, clientId) {
      const id = clientId === '' ? randomUUID().replaceAll('-', '') : clientId
      server.handleUpgrade(request, socket, head, (webSocket) => open(webSocket, id))
    },
    send,
    sendStatus: () => send('status', statusData(''), undefined),
    sendImage(origin, type, image, clientId) {
      const withMetadata = wantsMetadata(clientId)
      const frame = withMetadata ? previewFrameWithMetadata(origin, type, image) : previewFrame(type, image)
      deliver(frame, true, clientId)
    },
    sendText: (nodeId, text) => deliver(textFrame(nodeId, text), true, undefined),
    wantsMetadata,
    isHeard: (clientId) => (clientId === undefined ? sockets.size > 0 : sockets.has(clientId)),
    faults,
    async close() {
      stall?.take()
      faults.drop()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Ends a connection without a close frame, once what was sent has left: compressing it takes a moment. */
function terminateWhenSent(socket: WebSocket): void {
  if (socket.bufferedAmount === 0 || socket.readyState !== socket.OPEN) return socket.terminate()
  const timer = setTimeout(() => socket.terminate(), maxFlushMs)
  socket.once('close', () => clearTimeout(timer))
  socket.ping('', false, () => socket.terminate())
}

function parseObject(data: RawData): Record<string, unknown> | undefined {
  const bytes = Array.isArray(data)
    ? Buffer.concat(data)
    : Buffer.from(data instanceof ArrayBuffer ? new Uint8Array(data) : data)
  try {
    const parsed: unknown = JSON.parse(bytes.toString())
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

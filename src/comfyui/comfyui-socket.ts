import { WebSocket, type RawData } from 'ws'
import type { ComfyuiEvent } from './comfyui-event.ts'
import { decodeBinaryFrame, decodeTextFrame } from './decode-frame.ts'

export interface ComfyuiSocketOptions {
  /** `ws:` or `wss:` address of the `/ws` route, without the client id. */
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The id prompts are submitted with: their events go to the newest socket of this id. */
  readonly clientId: string
  readonly onEvent: (event: ComfyuiEvent) => void
  readonly onOpen: () => void
  /** After this, events may have been missed. Called once for each `onOpen`, and for each failed attempt. */
  readonly onDown: (reason: string) => void
  readonly handshakeTimeoutMs?: number
  readonly pingIntervalMs?: number
  /** 0..1; spreads the reconnects of many gateways. */
  readonly random?: () => number
}

export interface ComfyuiSocket {
  readonly isOpen: boolean
  /** Cuts the present connection, so that a new one is made. The reason is what `onDown` is told. */
  drop(reason: string): void
  /** Closes for good; no callback is called after it. */
  close(): void
}

const shortestRetryMs = 250
const longestRetryMs = 10_000
/** A connection that lived this long was a good one: the next failure starts from the shortest pause again. */
const stableAfterMs = 60_000
/** Nodes may send whole pictures: one of 4096 pixels square that does not compress is 48 MiB. */
const maxPayloadBytes = 64 * 1024 * 1024

/**
 * Keeps one WebSocket to one ComfyUI open: connects at once, answers silence with pings, reconnects with growing,
 * jittered pauses.
 *
 * Offers no compression: ComfyUI accepts it and then deflates every frame of a few bytes. Advertises
 * `supports_preview_metadata`, because previews without it do not say whose they are.
 */
export function openComfyuiSocket(options: ComfyuiSocketOptions): ComfyuiSocket {
  const { handshakeTimeoutMs = 10_000, pingIntervalMs = 15_000, random = Math.random } = options
  let socket: WebSocket | undefined
  let retryTimer: NodeJS.Timeout | undefined
  let pingTimer: NodeJS.Timeout | undefined
  let failures = 0
  let closed = false
  let isOpen = false
  let dropReason: string | undefined

  function connect(): void {
    const opening = new WebSocket(`${options.url}?clientId=${encodeURIComponent(options.clientId)}`, {
      headers: { ...options.headers },
      perMessageDeflate: false,
      skipUTF8Validation: true,
      maxPayload: maxPayloadBytes,
      handshakeTimeout: handshakeTimeoutMs,
    })
    let openedAtMs: number | undefined
    let lastError: string | undefined
    let sendsProgressState = false
    socket = opening
    dropReason = undefined

    opening.on('open', () => {
      openedAtMs = Date.now()
      isOpen = true
      opening.send('{"type":"feature_flags","data":{"supports_preview_metadata":true}}')
      watchForSilence(opening)
      options.onOpen()
    })
    opening.on('message', (data: RawData, isBinary: boolean) => {
      if (closed || !Buffer.isBuffer(data)) return
      const event = isBinary ? decodeBinaryFrame(data) : decodeTextFrame(data, { skipProgress: sendsProgressState })
      if (!event) return
      if (event.type === 'progress_state') sendsProgressState = true
      options.onEvent(event)
    })
    opening.on('error', (error) => {
      lastError = error.message
    })
    opening.on('close', (code) => {
      clearInterval(pingTimer)
      isOpen = false
      if (closed) return
      const wasStable = openedAtMs !== undefined && Date.now() - openedAtMs >= stableAfterMs
      failures = wasStable ? 1 : failures + 1
      retryTimer = setTimeout(connect, retryPauseMs(failures, random))
      options.onDown(dropReason ?? lastError ?? `closed with code ${String(code)}`)
    })
  }

  function watchForSilence(watched: WebSocket): void {
    let answered = true
    watched.on('pong', () => {
      answered = true
    })
    pingTimer = setInterval(() => {
      if (!answered) {
        dropReason = 'it did not answer a ping'
        watched.terminate()
        return
      }
      answered = false
      watched.ping()
    }, pingIntervalMs)
  }

  connect()
  return {
    get isOpen() {
      return isOpen
    },
    drop(reason) {
      dropReason = reason
      socket?.terminate()
    },
    close() {
      closed = true
      isOpen = false
      clearTimeout(retryTimer)
      clearInterval(pingTimer)
      socket?.terminate()
    },
  }
}

/** Doubles with each failure in a row, up to ten seconds; half of it is left to chance. */
export function retryPauseMs(failures: number, random: () => number): number {
  const full = Math.min(longestRetryMs, shortestRetryMs * 2 ** Math.max(0, failures - 1))
  return full / 2 + (full / 2) * random()
}

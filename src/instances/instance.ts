import { randomUUID } from 'node:crypto'
import type { ComfyuiEvent } from '../comfyui/comfyui-event.ts'
import { ComfyuiClient } from '../comfyui/comfyui-client.ts'
import { openComfyuiSocket, type ComfyuiSocket } from '../comfyui/comfyui-socket.ts'
import type { SystemStats } from '../comfyui/wire/answers.ts'
import type { InstanceLoad } from './pick-instance.ts'

/**
 * - `connecting`: not reached yet since the start.
 * - `ready`: the socket is open and the server was probed after it opened.
 * - `reconnecting`: the socket went down a moment ago; prompts on it go on, new ones wait.
 * - `unreachable`: down for longer than a moment.
 */
export type InstanceState = 'connecting' | 'ready' | 'reconnecting' | 'unreachable'

/** A snapshot for operators: no credentials, no paths of the host. */
export interface InstanceView {
  readonly id: string
  readonly url: string
  readonly state: InstanceState
  /** Why it is not ready. */
  readonly reason: string | undefined
  readonly sinceMs: number
  readonly version: string | undefined
  readonly inFlight: number
  readonly capacity: number
  readonly devices: readonly { name: string; vramTotalBytes: number | undefined; vramFreeBytes: number | undefined }[]
}

export interface InstanceOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly submitAhead: number
  readonly connectTimeoutMs: number
  readonly submitTimeoutMs: number
  readonly fetchTimeoutMs: number
  /** The instance can take a prompt again, or became ready. */
  readonly onAvailable: () => void
  /** The connection stands anew: everything in flight may have ended unheard. */
  readonly onReady: (instance: Instance) => void
  readonly onStateChanged: (instance: Instance) => void
}

/** How long a lost connection counts as a hiccup. */
const hiccupMs = 10_000

/** One ComfyUI process: its connections, its state, and who listens to which prompt. */
export class Instance implements InstanceLoad {
  readonly id: string
  readonly client: ComfyuiClient
  /** Prompts are submitted under this id; their events come to our socket. */
  readonly clientId = `comfyui-api-${randomUUID()}`
  readonly capacity: number
  lastModels: string | undefined
  lastPickedAtMs = 0

  readonly #options: InstanceOptions
  readonly #socket: ComfyuiSocket
  readonly #listeners = new Map<string, (event: ComfyuiEvent) => void>()
  readonly #uploadedInputs = new Set<string>()
  #state: InstanceState = 'connecting'
  #reason: string | undefined = 'not reached yet'
  #sinceMs = Date.now()
  #stats: SystemStats | undefined
  #connection = 0
  #inFlight = 0
  #closed = false
  #runningPromptId: string | undefined

  constructor(options: InstanceOptions) {
    this.#options = options
    this.id = options.url.host + options.url.pathname.replace(/\/$/, '')
    this.capacity = 1 + options.submitAhead
    this.client = new ComfyuiClient(options)
    this.#socket = openComfyuiSocket({
      url: socketUrl(options.url),
      headers: options.headers,
      clientId: this.clientId,
      onEvent: (event) => this.#dispatch(event),
      onOpen: () => void this.#onOpen(),
      onDown: (reason) => this.#onDown(reason),
    })
  }

  get state(): InstanceState {
    if (this.#state === 'reconnecting' && Date.now() - this.#sinceMs > hiccupMs) return 'unreachable'
    return this.#state
  }

  get isUsable(): boolean {
    return this.#state === 'ready'
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /**
   * Counts the times the socket opened or broke. Equal numbers before and after: not one event was missed between.
   * Odd while it is open.
   */
  get connection(): number {
    return this.#connection
  }

  get isConnected(): boolean {
    return this.#socket.isOpen
  }

  /** Takes one of the places for prompts; give it back with `release`. */
  reserve(models: string): void {
    this.#inFlight++
    this.lastModels = models
    this.lastPickedAtMs = Date.now()
  }

  release(): void {
    this.#inFlight--
    this.#options.onAvailable()
  }

  /** Has the events of a prompt delivered to `listener` until `unfollow`. Register before submitting: events may come before the answer. */
  follow(promptId: string, listener: (event: ComfyuiEvent) => void): void {
    this.#listeners.set(promptId, listener)
  }

  unfollow(promptId: string): void {
    this.#listeners.delete(promptId)
    if (this.#runningPromptId === promptId) this.#runningPromptId = undefined
  }

  /** Input files that were put on this instance since it was last connected. */
  get uploadedInputs(): Set<string> {
    return this.#uploadedInputs
  }

  view(): InstanceView {
    return {
      id: this.id,
      url: this.#options.url.origin + this.#options.url.pathname.replace(/\/$/, ''),
      state: this.state,
      reason: this.#reason,
      sinceMs: this.#sinceMs,
      version: this.#stats?.system.comfyui_version ?? undefined,
      inFlight: this.#inFlight,
      capacity: this.capacity,
      devices: (this.#stats?.devices ?? []).map((device) => ({
        name: device.name,
        vramTotalBytes: device.vram_total ?? undefined,
        vramFreeBytes: device.vram_free ?? undefined,
      })),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#socket.close()
    this.#listeners.clear()
    await this.client.close()
  }

  #dispatch(event: ComfyuiEvent): void {
    if (event.type === 'status') return
    if (event.type === 'execution_start') this.#runningPromptId = event.promptId
    // Previews of old servers do not say whose they are: they belong to the prompt that runs.
    const promptId = event.promptId ?? (event.type === 'preview' ? this.#runningPromptId : undefined)
    if (promptId !== undefined) this.#listeners.get(promptId)?.(event)
  }

  async #onOpen(): Promise<void> {
    this.#connection++
    const connection = this.#connection
    this.#uploadedInputs.clear()
    try {
      this.#stats = await this.client.probe()
    } catch (error) {
      if (this.#closed || connection !== this.#connection) return
      this.#socket.drop(`does not answer as ComfyUI does: ${error instanceof Error ? error.message : String(error)}`)
      return
    }
    if (this.#closed || connection !== this.#connection) return
    this.#setState('ready', undefined)
    this.#options.onReady(this)
    this.#options.onAvailable()
  }

  #onDown(reason: string): void {
    if (this.#connection % 2 === 1) this.#connection++
    this.#runningPromptId = undefined
    if (this.#state === 'ready') this.#setState('reconnecting', reason)
    else if (this.#state === 'connecting') this.#setState('unreachable', reason)
    else this.#reason = reason
  }

  #setState(state: InstanceState, reason: string | undefined): void {
    this.#reason = reason
    if (state === this.#state) return
    this.#state = state
    this.#sinceMs = Date.now()
    this.#options.onStateChanged(this)
  }
}

function socketUrl(url: URL): string {
  const scheme = url.protocol === 'https:' ? 'wss:' : 'ws:'
  return `${scheme}//${url.host}${url.pathname.replace(/\/$/, '')}/ws`
}

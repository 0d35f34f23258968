import { randomUUID } from 'node:crypto'
import type { ComfyuiEvent } from '../comfyui/comfyui-event.ts'
import { readQueueRemaining } from '../comfyui/decode-frame.ts'
import { ComfyuiClient } from '../comfyui/comfyui-client.ts'
import { openComfyuiSocket, type ComfyuiSocket } from '../comfyui/comfyui-socket.ts'
import type { NodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { NodePackLookup } from '../comfyui/wire/node-packs.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { createRecentMap, type RecentMap } from '../lib/recent-map.ts'
import { createSharedWork, type SharedWork } from '../lib/shared-work.ts'
import { DeafnessDetector } from './deafness-detector.ts'
import { idOf, socketUrl } from './instance-address.ts'
import { InstanceHealth } from './instance-health.ts'
import { InstanceNodes, type InstanceNodesOptions } from './instance-nodes.ts'
import { hasAllParts, namesOf } from './missing-parts.ts'
import { createModelLists, type ModelLists, type ToldModels } from './model-lists.ts'
import { InstanceStats } from './instance-stats.ts'
import type { InstanceState, InstanceView } from './instance-view.ts'
import type { InstanceLoad } from './pick-instance.ts'

export interface InstanceOptions {
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly submitAhead: number
  readonly connectTimeoutMs: number
  readonly submitTimeoutMs: number
  readonly fetchTimeoutMs: number
  /** Told how many bytes of answers came, as they come. */
  readonly onReceived?: ((bytes: number) => void) | undefined
  /** The instance can take a prompt again, or became ready. */
  readonly onAvailable: () => void
  /** The connection stands anew: everything in flight may have ended unheard. */
  readonly onReady: (instance: Instance) => void
  readonly onStateChanged: (instance: Instance) => void
  readonly nodes: Pick<InstanceNodesOptions, 'share' | 'watchedClasses' | 'intervalMs'>
  /** It told its nodes, or lists of them that changed. */
  readonly onNodesRead: () => void
}

/** What an instance has, as it told last. */
export interface InstanceModels extends ToldModels {
  readonly id: string
  readonly state: InstanceState
  /** Empty as long as its nodes are not known. */
  readonly samplers: readonly string[]
  readonly schedulers: readonly string[]
}

/** An instance that is away for this long need not be waited for. */
const expectedForMs = 600_000
/** How long a lost connection counts as a hiccup. */
const hiccupMs = 10_000
/** One that is forgotten is uploaded once more when a job has it again. */
const maxRememberedUploads = 10_000

/** One ComfyUI process: its connections, its state, and who listens to which prompt. */
export class Instance implements InstanceLoad {
  /** Host, port and base path; safe in a path segment. */
  readonly id: string
  /** Its whole address. */
  readonly href: string
  readonly client: ComfyuiClient
  /** Prompts are submitted under this id; their events come to our socket. */
  readonly clientId = `comfyui-api-${randomUUID()}`
  readonly capacity: number
  /** Input files that are on their way there, by name. */
  readonly uploads: SharedWork<string> = createSharedWork()
  lastModels: string | undefined
  lastPickedAtMs = 0

  readonly #options: InstanceOptions
  readonly #socket: ComfyuiSocket
  readonly #modelLists: ModelLists
  readonly #health = new InstanceHealth()
  readonly #stats: InstanceStats
  readonly #deafness = new DeafnessDetector()
  readonly #listeners = new Map<string, { jobId: string; listener: (event: ComfyuiEvent) => void }>()
  #uploadedInputs = createRecentMap<string, true>(maxRememberedUploads)
  readonly #strays = new Set<string>()
  #connectionState: 'connecting' | 'ready' | 'reconnecting' = 'connecting'
  #announcedState: InstanceState = 'connecting'
  #reason: string | undefined = 'not reached yet'
  #sinceMs = Date.now()
  readonly #nodes: InstanceNodes
  #heldAtMs = Date.now()
  #connection = 0
  #isGreeted = false
  #inFlight = 0
  #isDraining = false
  #isClosed = false
  #runningPromptId: string | undefined
  #lastStatus: Buffer | undefined

  constructor(options: InstanceOptions) {
    this.#options = options
    this.id = idOf(options.url)
    this.href = options.url.href
    this.capacity = 1 + options.submitAhead
    this.client = new ComfyuiClient(options)
    this.#stats = new InstanceStats(this.client)
    this.#nodes = new InstanceNodes({
      ...options.nodes,
      client: this.client,
      version: () => this.#stats.version,
      onRead: options.onNodesRead,
    })
    this.#modelLists = createModelLists({ ask: () => this.client.modelFiles() })
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
    if (this.#isDraining) return 'draining'
    if (this.#connectionState === 'connecting') return 'connecting'
    if (this.#connectionState === 'reconnecting') {
      return Date.now() - this.#sinceMs > hiccupMs ? 'unreachable' : 'reconnecting'
    }
    if (this.#health.stuckPromptId !== undefined) return 'stuck'
    return this.#health.breakerState(Date.now()) === 'open' ? 'ejected' : 'ready'
  }

  get isUsable(): boolean {
    if (this.state !== 'ready') return false
    return this.#inFlight === 0 || this.#health.breakerState(Date.now()) === 'closed'
  }

  get inFlight(): number {
    return this.#inFlight
  }

  get vramBytes(): number {
    return this.#stats.vramBytes
  }

  /** It is there, or may be back soon: jobs that only it can run wait for it. */
  get isExpected(): boolean {
    return this.#connectionState === 'ready' || Date.now() - this.#heldAtMs < expectedForMs
  }

  /** The nodes that it told last; undefined while they are not known. */
  get catalogue(): NodeCatalogue | undefined {
    return this.#nodes.catalogue
  }

  /** It is about to tell its nodes for the first time. */
  get isFirstRead(): boolean {
    return this.#nodes.isFirstRead
  }

  /** What its ComfyUI-Manager knows of packs, asked for once in each connection. Never rejects. */
  nodePacks(): Promise<NodePackLookup> {
    return this.#nodes.packs()
  }

  /** Whether it has all nodes and models of the prompt; undefined as long as it is about to tell. */
  canRun(prompt: Prompt): boolean | undefined {
    const { catalogue } = this.#nodes
    if (catalogue !== undefined) return hasAllParts(catalogue, prompt)
    return this.#nodes.isFirstRead ? undefined : true
  }

  /** Reads all of its nodes anew, if it is connected. Never rejects. */
  readNodes(): Promise<void> {
    return this.#nodes.readAll()
  }

  /** Asks for the lists of some classes anew, if it is connected. Never rejects. */
  refreshLists(classTypes: Iterable<string>, timeoutMs: number): Promise<void> {
    return this.#nodes.refreshLists(classTypes, timeoutMs)
  }

  /** What models it has; asked again where that was a while ago and it is connected. */
  async models(timeoutMs: number): Promise<InstanceModels> {
    const isReachable = this.#connectionState === 'ready' && !this.#isClosed
    const told = isReachable ? await this.#modelLists.latest(timeoutMs) : this.#modelLists.told
    const { catalogue } = this.#nodes
    const choices = (input: string) => (catalogue && namesOf(catalogue, 'KSampler', input)) ?? []
    return {
      id: this.id,
      state: this.state,
      ...told,
      failure: told.failure ?? (isReachable ? undefined : this.#reason),
      samplers: choices('sampler_name'),
      schedulers: choices('scheduler'),
    }
  }

  /**
   * Counts the times the socket opened or broke. Equal numbers before and after: not one event was missed between.
   * Odd while it is open.
   */
  get connection(): number {
    return this.#connection
  }

  /** What happens there is heard. */
  get isConnected(): boolean {
    return this.#socket.isOpen && !this.#deafness.isMute
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

  /**
   * Has the events of a prompt delivered to `listener` until `unfollow`. Register before submitting: events may come
   * before the answer.
   */
  follow(promptId: string, jobId: string, listener: (event: ComfyuiEvent) => void): void {
    this.#strays.delete(promptId)
    this.#listeners.set(promptId, { jobId, listener })
  }

  unfollow(promptId: string): void {
    this.#listeners.delete(promptId)
    if (this.#runningPromptId === promptId) this.#runningPromptId = undefined
  }

  /** The prompt was given up without its knowledge: it may have it still. */
  noteStray(promptId: string): void {
    this.#strays.add(promptId)
  }

  /** The prompts that it may have although they were given up, and that it was not given again; they are told once. */
  takeStrays(): string[] {
    const strays = [...this.#strays]
    this.#strays.clear()
    return strays
  }

  /** Input files that were put on this instance since it was last connected, as far as they are remembered. */
  get uploadedInputs(): RecentMap<string, true> {
    return this.#uploadedInputs
  }

  /** How many messages its sockets brought so far. */
  get heardMessages(): number {
    return this.#deafness.heard
  }

  /** It took a prompt, so it has something to tell: after the submit began, when `heardBefore` messages were heard. */
  noteSubmitted(heardBefore: number): void {
    this.#deafness.noteSubmitted(Date.now(), heardBefore)
  }

  /** A job of it went well. */
  noteSuccess(): void {
    this.#health.noteSuccess(Date.now())
    this.#announce()
  }

  /** A job was lost or spoilt, and neither the caller nor the workflow is to blame. */
  noteFailure(reason: string): void {
    this.#health.noteFailure(Date.now(), reason)
    this.#announce(reason)
  }

  /** It began a prompt and does nothing any more. */
  noteStuck(promptId: string): void {
    this.#health.noteStuck(Date.now(), promptId)
    this.#announce('Its worker died: restart ComfyUI.')
  }

  /** Gives it no more jobs; those that it has go on. */
  drain(): void {
    this.#isDraining = true
    this.#announce('An operator drains it.')
  }

  resume(): void {
    this.#isDraining = false
    this.#announce()
    this.#options.onAvailable()
  }

  /** To be called a few times a second. */
  tick(nowMs: number): void {
    this.#deafness.noteTick(nowMs)
    if (this.#socket.isOpen && this.#deafness.shouldReconnect(nowMs)) this.#socket.drop('its socket went deaf')
    this.#announce()
  }

  /** Asks for the free memory anew, if it was not asked for a moment ago. `view` has it when the answer came. */
  refreshStats(nowMs: number): void {
    if (this.#connectionState === 'ready') this.#stats.refresh(nowMs)
  }

  view(): InstanceView {
    return {
      id: this.id,
      url: this.#options.url.origin + this.#options.url.pathname.replace(/\/$/, ''),
      state: this.state,
      breaker: this.#health.breakerState(Date.now()),
      reason: this.#deafness.isMute ? 'It publishes no events: restart it when it is idle.' : this.#reason,
      sinceMs: this.#sinceMs,
      lastHeardAtMs: this.#deafness.lastHeardAtMs,
      version: this.#stats.version,
      inFlight: this.#inFlight,
      capacity: this.capacity,
      queueRemaining: this.#lastStatus && readQueueRemaining(this.#lastStatus),
      runningJobId: this.#runningPromptId === undefined ? undefined : this.#listeners.get(this.#runningPromptId)?.jobId,
      models: this.lastModels ? this.lastModels.split('\n') : [],
      recentFailures: this.#health.recentFailures,
      devices: this.#stats.devices,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#nodes.disconnect()
    this.#socket.close()
    this.#listeners.clear()
    await this.client.close()
  }

  #dispatch(event: ComfyuiEvent): void {
    // The first message of a socket is its greeting, which also comes where nothing else does.
    if (this.#isGreeted) this.#deafness.noteHeard()
    this.#isGreeted = true
    if (event.type === 'status') {
      this.#lastStatus = event.bytes
      return
    }
    if (event.type === 'execution_start') this.#runningPromptId = event.promptId
    // Previews of old servers do not say whose they are: they belong to the prompt that runs.
    const promptId = event.promptId ?? (event.type === 'preview' ? this.#runningPromptId : undefined)
    if (promptId !== undefined) this.#listeners.get(promptId)?.listener(event)
  }

  async #onOpen(): Promise<void> {
    this.#connection++
    const connection = this.#connection
    const isCurrent = () => !this.#isClosed && connection === this.#connection
    this.#isGreeted = false
    this.#uploadedInputs = createRecentMap(maxRememberedUploads)
    this.#modelLists.expire()
    try {
      await this.#stats.ask()
      await this.#findOutWhetherStuck()
    } catch (error) {
      if (!isCurrent()) return
      this.#socket.drop(`does not answer as ComfyUI does: ${error instanceof Error ? error.message : String(error)}`)
      return
    }
    if (!isCurrent()) return
    this.#connectionState = 'ready'
    const nodesRead = this.#nodes.connect()
    this.#announce()
    this.#options.onReady(this)
    this.#options.onAvailable()
    await nodesRead
    if (isCurrent() && this.state === 'ready') this.#reason = this.#nodes.failure
  }

  /** A process that was restarted does not have the prompt any more on which its worker died. */
  async #findOutWhetherStuck(): Promise<void> {
    const { stuckPromptId } = this.#health
    if (stuckPromptId === undefined) return
    const found = await this.client.lookUp(stuckPromptId)
    if (found.state !== 'running') this.#health.noteRestarted()
  }

  #onDown(reason: string): void {
    if (this.#connection % 2 === 1) this.#connection++
    this.#runningPromptId = undefined
    this.#deafness.noteDown()
    this.#nodes.disconnect()
    if (this.#connectionState === 'ready') {
      this.#heldAtMs = Date.now()
      this.#connectionState = 'reconnecting'
      this.#announce(reason)
    } else this.#reason = reason
  }

  /** Tells a change of state, however it came about. */
  #announce(reason?: string): void {
    const { state } = this
    if (state === this.#announcedState) return
    const wasDown = this.#announcedState === 'reconnecting' && state === 'unreachable'
    this.#announcedState = state
    this.#reason = state === 'ready' ? undefined : (reason ?? this.#reason)
    if (!wasDown) this.#sinceMs = Date.now()
    this.#options.onStateChanged(this)
  }
}

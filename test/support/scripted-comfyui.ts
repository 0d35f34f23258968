import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { z } from 'zod'
import { pythonJson } from '../../src/comfyui/wire/python-json.ts'
import { makePng } from './make-image.ts'
import { type NodeOutputs, ScriptedPrompt, submitBodySchema } from './scripted-prompt.ts'

/** A request as it came. `name` has no `/api` and no ids: `GET /history/:id`. */
export interface SeenRequest {
  readonly name: string
  /** The part of the path that stands for `:id`. */
  readonly id: string
  readonly query: URLSearchParams
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly atMs: number
}

/** An attempt to open a socket. */
export interface SeenHandshake {
  readonly headers: IncomingHttpHeaders
  readonly clientId: string
  readonly atMs: number
  /** Another socket of this client id was still open. */
  readonly isSecond: boolean
}

export type ScriptedAnswer =
  | { readonly status?: number; readonly json: unknown }
  | { readonly status?: number; readonly text: string }
  | { readonly bytes: Buffer; readonly contentType?: string }
  /** Written by hand, as slowly as it likes. */
  | { readonly write: (response: ServerResponse) => void | Promise<void> }
  | 'hang up'
  | 'never'

/** `undefined` leaves the request to what a healthy server does. */
type Responder = (request: SeenRequest) => ScriptedAnswer | undefined | Promise<ScriptedAnswer | undefined>

export interface ScriptedOptions {
  /** Since 0.33.0 there is the jobs API; before 0.3.45 ids are ignored, before 0.3.57 also by interrupts. */
  readonly version?: '0.3.40' | '0.3.64' | '0.33.0'
  readonly port?: number
  /** Prompts run by themselves, with one picture as output. */
  readonly runsAlone?: boolean
  readonly vramBytes?: number
  /** Its node classes. */
  readonly objectInfo?: Record<string, unknown>
}

/** One picture, as `SaveImage` shows it. */
export const onePicture: NodeOutputs = { '9': { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] } }

const namedRoutes = /^(?:\/api)?(\/history|\/jobs|\/object_info)\/([^/]+)(\/cancel)?$/

/**
 * A ComfyUI that does what a test says and nothing else: prompts are taken and then wait for the test to run them, every
 * answer can be replaced, and everything that came is kept. What a healthy server answers follows from the state of the
 * prompts.
 */
export class ScriptedComfyui implements AsyncDisposable {
  readonly requests: SeenRequest[] = []
  readonly handshakes: SeenHandshake[] = []
  /** Text frames that clients sent. */
  readonly heard: string[] = []
  readonly prompts: ScriptedPrompt[] = []
  readonly version: '0.3.40' | '0.3.64' | '0.33.0'
  runsAlone: boolean
  /** False: nothing but the greeting of a socket is ever sent. */
  publishes = true
  /** `dropped`: opened and broken at once. */
  sockets: 'taken' | 'refused' | 'dropped' = 'taken'
  objectInfo: Record<string, unknown>
  /** Requests whose answers are neither complete nor broken off. */
  openRequests = 0

  readonly #vramBytes: number
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  readonly #webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: true })
  readonly #clients = new Map<WebSocket, { clientId: string; isDeaf: boolean }>()
  readonly #responders = new Map<string, Responder>()
  readonly #waiting = new Set<() => void>()
  #handedOut = 0
  #port = 0

  constructor(options: ScriptedOptions = {}) {
    const { version = '0.33.0', runsAlone = false, vramBytes = 25_000_000_000, objectInfo = {} } = options
    this.version = version
    this.runsAlone = runsAlone
    this.#vramBytes = vramBytes
    this.objectInfo = objectInfo
    this.#server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.#port)}`
  }

  async listen(): Promise<this> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
    return this
  }

  /** Ends the process: connections break, and nothing is remembered. */
  async stop(): Promise<void> {
    for (const prompt of this.prompts) prompt.forget()
    await this.hide()
  }

  /** Cannot be reached until `listen`, and goes on as if nothing were. */
  async hide(): Promise<void> {
    this.dropSockets()
    if (!this.#server.listening) return
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Answers a route, named as in `SeenRequest`, until it is told otherwise. */
  on(name: string, responder: Responder | undefined): void {
    if (responder) this.#responders.set(name, responder)
    else this.#responders.delete(name)
  }

  count(name: string): number {
    return this.requests.filter((request) => request.name === name).length
  }

  /** The prompts in the order in which they came; waits for the next one, until its submit was answered. */
  async nextPrompt(): Promise<ScriptedPrompt> {
    const position = this.#handedOut++
    await this.when(() => this.prompts[position]?.isAnswered === true)
    const prompt = this.prompts[position]
    if (!prompt) throw new Error('no prompt came')
    return prompt
  }

  /** Resolves when this many requests of the name came. */
  async requested(name: string, times = 1): Promise<void> {
    await this.when(() => this.count(name) >= times)
  }

  /** Resolves as soon as it holds; looks whenever something comes or a socket closes. */
  async when(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) {
      await new Promise<void>((resolve) => {
        this.#waiting.add(resolve)
      })
    }
  }

  /** Sends a message to the sockets of a client, or to all. */
  say(type: string, data: unknown, clientId?: string): void {
    this.#send(Buffer.from(pythonJson({ type, data })), false, clientId)
  }

  sendFrame(frame: Buffer, clientId?: string): void {
    this.#send(frame, true, clientId)
  }

  /** Sends a text as it is. */
  sendText(text: string): void {
    this.#send(Buffer.from(text), false)
  }

  get openSockets(): number {
    return this.#clients.size
  }

  /** Breaks all sockets without a close frame: clients see 1006. */
  dropSockets(): void {
    for (const socket of this.#clients.keys()) socket.terminate()
  }

  /** The sockets that are open now hear nothing any more. */
  deafen(): void {
    for (const client of this.#clients.values()) client.isDeaf = true
  }

  /** Takes a prompt; what a POST does before it is answered. */
  take(request: SeenRequest): ScriptedPrompt {
    const body = submitBodySchema.parse(JSON.parse(request.body.toString()))
    const id = this.version === '0.3.40' ? randomUUID() : body.prompt_id
    const prompt = new ScriptedPrompt(this, id, body)
    this.prompts.push(prompt)
    this.say('status', { status: { exec_info: { queue_remaining: this.#queued().length } } })
    return prompt
  }

  accepted(prompt: ScriptedPrompt, nodeErrors: unknown = {}): ScriptedAnswer {
    return { json: { prompt_id: prompt.id, number: this.prompts.length, node_errors: nodeErrors } }
  }

  #queued(): ScriptedPrompt[] {
    return this.prompts.filter(({ place }) => place === 'pending' || place === 'running')
  }

  #send(data: Buffer, binary: boolean, clientId?: string): void {
    if (!this.publishes) return
    for (const [socket, client] of this.#clients) {
      if (client.isDeaf || (clientId !== undefined && client.clientId !== clientId)) continue
      socket.send(data, { binary })
    }
  }

  #stir(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const clientId = new URL(request.url ?? '', this.url).searchParams.get('clientId') ?? ''
    const isSecond = [...this.#clients.values()].some((client) => client.clientId === clientId)
    this.handshakes.push({ headers: request.headers, clientId, atMs: Date.now(), isSecond })
    this.#stir()
    if (this.sockets === 'refused') return void socket.destroy()
    this.#webSockets.handleUpgrade(request, socket, head, (opened) => {
      if (this.sockets === 'dropped') return opened.terminate()
      this.#clients.set(opened, { clientId, isDeaf: false })
      opened.on('message', (data: Buffer) => void this.heard.push(data.toString()))
      opened.on('error', () => undefined)
      opened.on('close', () => {
        this.#clients.delete(opened)
        this.#stir()
      })
      opened.send(
        pythonJson({ type: 'status', data: { status: { exec_info: { queue_remaining: 0 } }, sid: clientId } }),
      )
      this.#stir()
    })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.openRequests++
    response.once('close', () => {
      this.openRequests--
      this.#stir()
    })
    const body = await readBody(request)
    if (!body) return
    const url = new URL(request.url ?? '', this.url)
    const [, base, id = '', action = ''] = namedRoutes.exec(url.pathname) ?? []
    const seen: SeenRequest = {
      name: `${request.method ?? ''} ${base === undefined ? url.pathname.replace(/^\/api/, '') : `${base}/:id${action}`}`,
      id,
      query: url.searchParams,
      headers: request.headers,
      body,
      atMs: Date.now(),
    }
    this.requests.push(seen)
    this.#stir()
    const answer = (await this.#responders.get(seen.name)?.(seen)) ?? this.#healthyAnswer(seen)
    if (answer === 'hang up') request.socket.destroy()
    else if (answer !== 'never') await send(response, answer)
    for (const prompt of this.prompts) {
      if (prompt.isAnswered || prompt.request.prompt_id !== promptIdOf(seen)) continue
      prompt.isAnswered = true
      if (this.runsAlone) prompt.run(onePicture)
    }
    this.#stir()
  }

  #healthyAnswer(request: SeenRequest): ScriptedAnswer {
    switch (request.name) {
      case 'POST /prompt':
        return this.accepted(this.take(request))
      case 'GET /queue': {
        const items = (place: string) =>
          this.prompts.filter((prompt) => prompt.place === place).map(({ id, request: { prompt } }) => [0, id, prompt])
        return { json: { queue_running: items('running'), queue_pending: items('pending') } }
      }
      case 'POST /queue': {
        const { delete: ids } = z.object({ delete: z.array(z.string()) }).parse(JSON.parse(request.body.toString()))
        for (const prompt of this.prompts) if (ids.includes(prompt.id)) prompt.remove()
        return { text: '' }
      }
      case 'POST /interrupt': {
        const { prompt_id } = z.object({ prompt_id: z.string() }).parse(JSON.parse(request.body.toString()))
        const running = this.prompts.find(({ place }) => place === 'running')
        if (running && (this.version === '0.3.40' || running.id === prompt_id)) running.interrupt()
        return { text: '' }
      }
      case 'GET /history/:id': {
        const ended = this.#ended(request.id)
        return { json: ended ? { [request.id]: ended.record } : {} }
      }
      case 'GET /system_stats':
        return {
          json: {
            system: { comfyui_version: this.version, argv: ['/opt/comfyui/main.py', '--secret'] },
            devices: [{ name: 'cuda:0 Scripted', type: 'cuda', vram_total: this.#vramBytes, vram_free: 1_000_000 }],
          },
        }
      case 'GET /object_info':
        return { json: this.objectInfo }
      case 'GET /object_info/:id': {
        const classType = decodeURIComponent(request.id)
        return { json: classType in this.objectInfo ? { [classType]: this.objectInfo[classType] } : {} }
      }
      case 'POST /free':
        return { text: '' }
      case 'POST /upload/image': {
        const [, name = ''] = /name="image"; filename="([^"]+)"/.exec(request.body.toString('latin1')) ?? []
        const [, subfolder = ''] = /name="subfolder"\r\n\r\n([^\r]*)/.exec(request.body.toString('latin1')) ?? []
        return { json: { name, subfolder, type: 'input' } }
      }
      case 'GET /view':
        return { bytes: makePng(8, 8), contentType: 'image/png' }
      default:
        return this.version === '0.33.0' ? this.#answerOfJobsApi(request) : { status: 404, text: '' }
    }
  }

  /** It looks into the history first, so that an ended run hides a waiting one of the same id. */
  #answerOfJobsApi({ name, id }: SeenRequest): ScriptedAnswer {
    const known = this.#ended(id) ?? this.#queued().findLast((prompt) => prompt.id === id)
    switch (name) {
      case 'GET /jobs':
        return { json: { jobs: [], pagination: { offset: 0, limit: 1, total: 0, has_more: false } } }
      case 'GET /jobs/:id':
        return known ? { json: known.asJob() } : { status: 404, json: { error: 'Job not found' } }
      case 'POST /jobs/:id/cancel': {
        const queued = this.#queued().filter((prompt) => prompt.id === id)
        const cancelled = queued.find(({ place }) => place === 'running') ?? queued[0]
        if (cancelled?.place === 'running') cancelled.interrupt()
        else cancelled?.remove()
        return { json: { cancelled: cancelled !== undefined } }
      }
      default:
        return { status: 404, text: '' }
    }
  }

  #ended(id: string): ScriptedPrompt | undefined {
    return this.prompts.findLast((prompt) => prompt.id === id && prompt.record !== undefined)
  }
}

/** `undefined` when the connection breaks on the way. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  try {
    return Buffer.concat(await request.toArray())
  } catch {
    return undefined
  }
}

function promptIdOf({ name, body }: SeenRequest): string | undefined {
  return name === 'POST /prompt' ? submitBodySchema.safeParse(JSON.parse(body.toString())).data?.prompt_id : undefined
}

async function send(response: ServerResponse, answer: Exclude<ScriptedAnswer, string>): Promise<void> {
  const finished = Promise.race([once(response, 'finish'), once(response, 'close')])
  if ('write' in answer) {
    await answer.write(response)
  } else if ('bytes' in answer) {
    response.writeHead(200, { 'content-type': answer.contentType ?? 'application/octet-stream' }).end(answer.bytes)
  } else {
    const text = 'text' in answer ? answer.text : pythonJson(answer.json)
    const contentType = 'text' in answer ? 'text/plain' : 'application/json'
    response.writeHead(answer.status ?? 200, { 'content-type': contentType }).end(text)
  }
  await finished
}

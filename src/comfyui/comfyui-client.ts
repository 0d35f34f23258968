import { Readable } from 'node:stream'
import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { z } from 'zod'
import { parsePythonJson } from '../lib/parse-python-json.ts'
import type { BodyStream } from './body-stream.ts'
import { ComfyuiError } from './comfyui-error.ts'
import { exchange, type HttpAnswer, type HttpRequest } from './http-exchange.ts'
import { type LookUp, readEnding } from './look-up.ts'
import {
  comfyuiJobSchema,
  definitionsSchema,
  historySchema,
  namesSchema,
  type NodeErrors,
  queueSchema,
  submitAcceptedSchema,
  submitRefusedSchema,
  type SystemStats,
  systemStatsSchema,
  uploadedSchema,
} from './wire/answers.ts'
import { nodePackRoutes, readNodePacks, type NodePackLookup } from './wire/node-packs.ts'
import { readRefusal, type RefusedPrompt } from './wire/read-refusal.ts'

export interface ComfyuiClientOptions {
  /** Address of the server, with a base path where it has one, without `/api`. */
  readonly url: URL
  /** Sent with every request, such as an `authorization` that a proxy in front of ComfyUI wants. */
  readonly headers?: Readonly<Record<string, string>>
  readonly connectTimeoutMs: number
  /** Longest wait for the answer to a submitted prompt. */
  readonly submitTimeoutMs: number
  /** Longest silence of any other call, also between chunks of a file. */
  readonly fetchTimeoutMs: number
  /** Told how many bytes of answers came, as they come. */
  readonly onReceived?: ((bytes: number) => void) | undefined
}

export type SubmitAnswer =
  | { readonly kind: 'accepted'; readonly promptId: string; readonly nodeErrors: NodeErrors }
  | ({ readonly kind: 'refused' } & RefusedPrompt)

/** A file of ComfyUI, named as its history names it; all three parts are needed. */
export interface ComfyuiFile {
  readonly filename: string
  readonly subfolder: string
  readonly type: string
}

/** A file that is being read. */
export interface OpenedFile {
  readonly body: Buffer | BodyStream
  /** As the server says. */
  readonly contentType?: string | undefined
  /** Its length, where that is known before all of it came. */
  readonly sizeBytes?: number | undefined
}

/** A file for ComfyUI's input folder. */
export interface InputUpload {
  /** With a sub-folder before the last slash. */
  readonly name: string
  readonly contentType: string
  /** Of the content. */
  readonly sizeBytes: number
  readonly content: Readable
}

/** Answers of the small routes; anything longer is no answer of ComfyUI. */
const maxJsonBytes = 64 * 1024 * 1024
/** Folders among those of models that hold something else. */
const otherFolders = new Set(['configs', 'custom_nodes', 'datasets'])
/** Files of at most this size are handed on as one buffer. */
const bufferedFileBytes = 1024 * 1024

/**
 * HTTP side of one ComfyUI. Uses the `/api` routes. Sends no `Origin`, `Referer` or cookie, and nothing of a caller's
 * headers: ComfyUI refuses cross-site requests.
 *
 * Every method throws ComfyuiError when there is no usable answer.
 */
export class ComfyuiClient {
  readonly #pool: Pool
  /** Files go at the pace of others, who may be slow: what is small and cannot wait has connections of its own. */
  readonly #filePool: Pool
  readonly #basePath: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #jsonHeaders: Readonly<Record<string, string>>
  readonly #options: ComfyuiClientOptions
  #hasJobsApi = false

  constructor(options: ComfyuiClientOptions) {
    this.#options = options
    this.#basePath = `${options.url.pathname.replace(/\/$/, '')}/api`
    this.#headers = { ...options.headers }
    this.#jsonHeaders = { ...options.headers, 'content-type': 'application/json' }
    const poolOptions = { pipelining: 1, connect: { timeout: options.connectTimeoutMs } }
    this.#pool = new Pool(options.url.origin, { ...poolOptions, connections: 32 })
    this.#filePool = new Pool(options.url.origin, { ...poolOptions, connections: null })
  }

  /**
   * Submits a prompt. `body` is the whole JSON text with `prompt`, `prompt_id` and `client_id`.
   * After `interrupted` or `bad_answer` the prompt may be queued all the same: look it up.
   */
  async submitPrompt(body: string): Promise<SubmitAnswer> {
    const answer = await this.#call({
      method: 'POST',
      path: '/prompt',
      headers: this.#jsonHeaders,
      body,
      timeoutMs: this.#options.submitTimeoutMs,
    })
    if (answer.status === 200) {
      const accepted = parseAnswer(answer, submitAcceptedSchema, 'POST /prompt')
      return { kind: 'accepted', promptId: accepted.prompt_id, nodeErrors: accepted.node_errors }
    }
    if (answer.status === 400) {
      return { kind: 'refused', ...readRefusal(parseAnswer(answer, submitRefusedSchema, 'POST /prompt')) }
    }
    throw unexpected('POST /prompt', answer)
  }

  /**
   * Asks what became of a prompt. Free of races, because ComfyUI moves a prompt from its queue to its history under one
   * lock and the queue is asked first. The jobs API answers in one call where there is one; it answers 500 while any
   * malformed job is known to it, then the older routes are asked.
   */
  async lookUp(promptId: string): Promise<LookUp> {
    if (this.#hasJobsApi) {
      const answer = await this.#call({ method: 'GET', path: `/jobs/${promptId}` })
      if (answer.status === 404) return { state: 'absent' }
      if (answer.status === 200) {
        const job = parseAnswer(answer, comfyuiJobSchema, 'GET /jobs')
        if (job.status === 'pending') return { state: 'pending' }
        if (job.status === 'in_progress') return { state: 'running' }
        if (job.status === 'cancelled') return { state: 'ended', ending: { outcome: 'interrupted' } }
        const ending = readEnding(job.outputs ?? {}, job.execution_status)
        if (ending.outcome === 'success' && job.execution_error) {
          return { state: 'ended', ending: { outcome: 'error', error: job.execution_error } }
        }
        return { state: 'ended', ending }
      }
    }
    return this.#lookUpInQueueAndHistory(promptId)
  }

  async #lookUpInQueueAndHistory(promptId: string): Promise<LookUp> {
    const queue = await this.#getJson('/queue', queueSchema)
    if (queue.queue_running.some((item) => item[1] === promptId)) return { state: 'running' }
    if (queue.queue_pending.some((item) => item[1] === promptId)) return { state: 'pending' }
    const history = await this.#getJson(`/history/${promptId}`, historySchema)
    const entry = history[promptId]
    return entry ? { state: 'ended', ending: readEnding(entry.outputs, entry.status) } : { state: 'absent' }
  }

  /**
   * Asks ComfyUI to drop or stop a prompt. A request, not a promise: a running node stops when it next looks, and
   * completion may win. Look the prompt up to learn the outcome.
   */
  async cancel(promptId: string): Promise<void> {
    if (this.#hasJobsApi) {
      const answer = await this.#call({ method: 'POST', path: `/jobs/${promptId}/cancel` })
      if (answer.status === 200) return
    }
    await this.#post('/queue', { delete: [promptId] })
    const found = await this.#lookUpInQueueAndHistory(promptId)
    // Servers before 0.3.57 ignore the id and interrupt whatever runs: so only while this prompt is the running one.
    if (found.state === 'running') await this.#post('/interrupt', { prompt_id: promptId })
  }

  /** Opens a file for reading. A stream must be consumed or destroyed. */
  async openFile(file: ComfyuiFile, signal?: AbortSignal): Promise<OpenedFile> {
    const [filename, subfolder, type] = [file.filename, file.subfolder, file.type].map(encodeURIComponent)
    const path = `/view?filename=${filename}&subfolder=${subfolder}&type=${type}`
    return this.#open(path, `GET /view of ${file.filename}`, signal)
  }

  /** The same for an image that the node pack comfyui-tooling-nodes holds in memory, for some ten minutes. */
  async openHeldImage(id: string, signal?: AbortSignal): Promise<OpenedFile> {
    return this.#open(`/etn/image/${encodeURIComponent(id)}`, 'GET /etn/image', signal)
  }

  async #open(path: string, what: string, signal: AbortSignal | undefined): Promise<OpenedFile> {
    const answer = await this.#call(
      { method: 'GET', path, bufferUpToBytes: bufferedFileBytes, ...(signal && { signal }) },
      this.#filePool,
    )
    if (answer.status !== 200) {
      discard(answer.body)
      throw new ComfyuiError('bad_answer', `${what} answered ${String(answer.status)}`, { status: answer.status })
    }
    const { 'content-type': contentType, 'content-length': length, 'content-encoding': encoding } = answer.headers
    return {
      body: answer.body,
      contentType: typeof contentType === 'string' ? contentType : undefined,
      sizeBytes: typeof length === 'string' && encoding === undefined ? Number(length) : undefined,
    }
  }

  /**
   * Puts a file into ComfyUI's input folder and resolves to the name under which loader nodes find it, sub-folder
   * included. The same bytes under the same name are written once. The content is consumed or destroyed.
   */
  async uploadInput(file: InputUpload, signal?: AbortSignal): Promise<string> {
    const slash = file.name.lastIndexOf('/')
    const boundary = `comfyui-api-${randomUUID()}`
    const part = (headers: string) => `--${boundary}\r\nContent-Disposition: form-data; ${headers}\r\n\r\n`
    const before = Buffer.from(
      `${part('name="subfolder"')}${file.name.slice(0, Math.max(0, slash))}\r\n` +
        `${part('name="type"')}input\r\n` +
        part(`name="image"; filename="${file.name.slice(slash + 1)}"\r\nContent-Type: ${file.contentType}`),
    )
    const after = Buffer.from(`\r\n--${boundary}--\r\n`)
    try {
      const answer = await this.#call(
        {
          method: 'POST',
          path: '/upload/image',
          headers: {
            ...this.#headers,
            'content-type': `multipart/form-data; boundary=${boundary}`,
            'content-length': String(before.length + file.sizeBytes + after.length),
          },
          body: Readable.from(enclosed(before, file.content, after), { objectMode: false }),
          ...(signal && { signal }),
        },
        this.#filePool,
      )
      if (answer.status === 413) throw tooLargeForIt(file, answer)
      if (answer.status !== 200) throw unexpected('POST /upload/image', answer)
      const { name, subfolder } = parseAnswer(answer, uploadedSchema, 'POST /upload/image')
      return subfolder === '' ? name : `${subfolder}/${name}`
    } finally {
      file.content.destroy()
    }
  }

  /** Finds out what this server is and which routes it has. Called when the connection stands and after each reconnect. */
  async probe(): Promise<SystemStats> {
    const stats = await this.#getJson('/system_stats', systemStatsSchema)
    const jobs = await this.#call({ method: 'GET', path: '/jobs?limit=1' })
    this.#hasJobsApi = jobs.status !== 404 && jobs.status !== 405
    return stats
  }

  /**
   * The nodes it has, with the lists of their inputs, whatever custom nodes put into them. Large, and slow to make: ask
   * once for each connection.
   */
  objectInfo(): Promise<Readonly<Record<string, unknown>>> {
    return this.#getJson('/object_info', definitionsSchema)
  }

  /** The same for one class, which is cheap. Empty when it has no such class. */
  async objectInfoOf(classType: string): Promise<Readonly<Record<string, unknown>>> {
    const path = `/object_info/${encodeURIComponent(classType)}`
    const answer = await this.#call({ method: 'GET', path })
    if (answer.status === 200) return parseAnswer(answer, definitionsSchema, 'GET /object_info/{class}')
    // A class whose name is no path segment cannot be asked for.
    if (answer.status !== 404) throw unexpected('GET /object_info/{class}', answer)
    discard(answer.body)
    return {}
  }

  /** Classes that it does not have any more, and puts others in the place of. None before 0.33. */
  async replacedClasses(): Promise<readonly string[]> {
    const answer = await this.#call({ method: 'GET', path: '/node_replacements' })
    if (answer.status === 200) return Object.keys(parseAnswer(answer, definitionsSchema, 'GET /node_replacements'))
    discard(answer.body)
    return []
  }

  /** The answer of `GET /object_info` word for word; not checked to be what it should. */
  async objectInfoText(): Promise<string> {
    const answer = await this.#call({ method: 'GET', path: '/object_info' })
    if (answer.status !== 200) throw unexpected('GET /object_info', answer)
    if (Buffer.isBuffer(answer.body)) return answer.body.toString('utf8')
    discard(answer.body)
    throw new ComfyuiError('bad_answer', 'GET /object_info answered with far too much', { status: answer.status })
  }

  /**
   * What it remembers of prompts that have ended, whole: of one, empty when it does not know it; else of the newest.
   */
  pastRuns(promptId: string | undefined): Promise<Readonly<Record<string, unknown>>> {
    const path = promptId === undefined ? '/history?max_items=1' : `/history/${encodeURIComponent(promptId)}`
    return this.#getJson(path, definitionsSchema)
  }

  /** What ComfyUI-Manager knows of packs of custom nodes; nothing where there is no Manager. Some megabytes. */
  async nodePacks(): Promise<NodePackLookup> {
    for (const path of nodePackRoutes) {
      const answer = await this.#call({ method: 'GET', path })
      if (answer.status === 200) return readNodePacks(parseAnswer(answer, z.unknown(), `GET ${path}`))
      discard(answer.body)
    }
    return () => undefined
  }

  /**
   * Folder → names of the model files in it, sub-folders included, as loader nodes take them. Without the folders whose
   * files are no models; that of custom nodes would list all of their code.
   */
  async modelFiles(): Promise<ReadonlyMap<string, readonly string[]>> {
    const folders = (await this.#getJson('/models', namesSchema)).filter((folder) => !otherFolders.has(folder))
    const files = new Map<string, readonly string[]>()
    for (const folder of folders) {
      const path = `/models/${encodeURIComponent(folder)}`
      const answer = await this.#call({ method: 'GET', path })
      // A folder whose name is no path segment is listed, but cannot be asked for.
      if (answer.status === 404) discard(answer.body)
      else if (answer.status === 200) files.set(folder, parseAnswer(answer, namesSchema, `GET ${path}`))
      else throw unexpected(`GET ${path}`, answer)
    }
    return files
  }

  /** Has ComfyUI drop its models and its cache, after what runs now. */
  async free(): Promise<void> {
    await this.#post('/free', { unload_models: true, free_memory: true })
  }

  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#filePool.destroy()])
  }

  async #getJson<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    const answer = await this.#call({ method: 'GET', path })
    if (answer.status !== 200) throw unexpected(`GET ${path}`, answer)
    return parseAnswer(answer, schema, `GET ${path}`)
  }

  async #post(path: string, body: unknown): Promise<void> {
    const answer = await this.#call({ method: 'POST', path, headers: this.#jsonHeaders, body: JSON.stringify(body) })
    if (answer.status !== 200) throw unexpected(`POST ${path}`, answer)
  }

  #call(
    request: Omit<HttpRequest, 'timeoutMs' | 'bufferUpToBytes'> & Partial<HttpRequest>,
    pool: Pool = this.#pool,
  ): Promise<HttpAnswer> {
    return exchange(pool, {
      timeoutMs: this.#options.fetchTimeoutMs,
      bufferUpToBytes: maxJsonBytes,
      headers: this.#headers,
      onReceived: this.#options.onReceived,
      ...request,
      path: this.#basePath + request.path,
    })
  }
}

function parseAnswer<T>(answer: HttpAnswer, schema: z.ZodType<T>, route: string): T {
  if (!Buffer.isBuffer(answer.body)) {
    discard(answer.body)
    throw new ComfyuiError('bad_answer', `${route} answered with far too much`, { status: answer.status })
  }
  try {
    return schema.parse(parsePythonJson(answer.body.toString('utf8')))
  } catch (cause) {
    throw new ComfyuiError('bad_answer', `${route} answered something unreadable`, { status: answer.status, cause })
  }
}

async function* enclosed(before: Buffer, content: Readable, after: Buffer): AsyncGenerator {
  yield before
  yield* content
  yield after
}

function tooLargeForIt({ name, sizeBytes }: InputUpload, answer: HttpAnswer): ComfyuiError {
  discard(answer.body)
  const detail = `${name} has ${sizeBytes} bytes, more than the instance takes (its --max-upload-size)`
  return new ComfyuiError('bad_answer', `POST /upload/image answered 413: ${detail}`, { status: answer.status })
}

function unexpected(route: string, answer: HttpAnswer): ComfyuiError {
  discard(answer.body)
  return new ComfyuiError('bad_answer', `${route} answered ${String(answer.status)}`, { status: answer.status })
}

function discard(body: Buffer | BodyStream): void {
  if (!Buffer.isBuffer(body)) body.destroy()
}

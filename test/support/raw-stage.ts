import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobsOptions } from '../../src/jobs/create-jobs.ts'
import type { HttpLimits } from '../../src/http/app-options.ts'
import { createLocalOutputStore } from '../../src/outputs/stores/local-output-store.ts'
import type { Job } from '../../src/jobs/job.ts'
import { ScriptedComfyui, type ScriptedAnswer } from './scripted-comfyui.ts'
import { type StartedJobs, startJobs } from './start-jobs.ts'
import { startTestApp } from './start-test-app.ts'

/** A caller who reads when it wants to. */
export interface RawCaller {
  readonly request: ClientRequest
  /** The answer, of which nothing is read yet. */
  readonly response: Promise<IncomingMessage>
}

/** The HTTP side, jobs and a store on disk, in front of scripted servers. */
export interface RawStage extends AsyncDisposable {
  readonly comfyui: ScriptedComfyui
  readonly servers: readonly ScriptedComfyui[]
  readonly jobs: StartedJobs['jobs']
  readonly started: StartedJobs
  /** Where outputs are stored. */
  readonly directory: string
  readonly url: string
  readonly port: number
  /** Of the gateway, in the order of the requests. */
  readonly responses: readonly ServerResponse[]
  /** Runs the workflow for a caller who wants the picture as it is. */
  call(headers?: Readonly<Record<string, string>>): RawCaller
  /** What is stored of an output. */
  stored(job: Job, index: number): Promise<Buffer | undefined>
  /** Resolves when nothing is under way any more, and tells what was left behind all the same. */
  leftovers(): Promise<readonly string[]>
}

export interface RawStageOptions {
  readonly servers?: number
  readonly limits?: Partial<HttpLimits>
  readonly jobLimits?: Partial<JobsOptions['limits']>
}

/** Of nothing else that there is. */
const stalledReaderTimeoutMs = 31_234
const watchedEvents = ['drain', 'timeout'] as const

export async function setRawStage(options: RawStageOptions = {}): Promise<RawStage> {
  const { servers: count = 1, limits, jobLimits } = options
  const servers = await Promise.all(Array.from({ length: count }, () => new ScriptedComfyui().listen()))
  const directory = mkdtempSync(join(tmpdir(), 'raw-'))
  const store = createLocalOutputStore({ directory })
  const started = await startJobs(servers, jobLimits, { outputs: store })
  const responses: ServerResponse[] = []
  const gateway = await startTestApp({
    limits: { stalledReaderTimeoutMs, ...limits },
    options: { jobs: started.jobs, outputs: store },
  })
  const sockets = new Set<Socket>()
  gateway.app.server.on('connection', (socket: Socket) => void sockets.add(socket))
  gateway.app.server.on('request', (_request, response) => void responses.push(response))
  const [comfyui] = servers
  if (!comfyui) throw new Error('a stage needs a server')

  return {
    comfyui,
    servers,
    jobs: started.jobs,
    started,
    directory,
    url: gateway.url,
    port: gateway.port,
    responses,
    call(headers = {}) {
      const outgoing = request(`${gateway.url}/test/txt2img`, {
        method: 'POST',
        agent: false,
        headers: { 'content-type': 'application/json', accept: 'image/*', ...headers },
      })
      outgoing.end('{"prompt":"a"}')
      const response = new Promise<IncomingMessage>((resolve, reject) => {
        outgoing.once('response', resolve)
        outgoing.once('error', reject)
      })
      response.catch(() => {})
      return { request: outgoing, response }
    },
    stored: (job, index) => store.read(job.id, index),
    async leftovers() {
      await started.jobs.whenIdle(60_000)
      for (const server of servers) await server.when(() => server.openRequests === 0)
      for (const response of responses) if (!response.closed) await once(response, 'close')
      return [
        ...readdirSync(directory).filter((name) => name.endsWith('.part')),
        ...responses.flatMap((response) => watchedEvents.filter((event) => response.listenerCount(event) > 0)),
        ...[...sockets]
          .filter(({ destroyed, timeout }) => !destroyed && timeout === stalledReaderTimeoutMs)
          .map(() => 'a timer'),
      ]
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]()
      await started[Symbol.asyncDispose]()
      await Promise.all(servers.map((server) => server.stop()))
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** A file on a scripted server that leaves it as a test says, and counts what left. */
export class PacedFile {
  readonly bytes: Buffer
  /** What was given to the connection so far, over all requests. */
  sentBytes = 0
  readonly #stops: { readonly atBytes: number; readonly open: Promise<unknown> | 'break' }[] = []
  readonly #announcesSize: boolean

  constructor(bytes: Buffer, { announcesSize = true }: { announcesSize?: boolean } = {}) {
    this.bytes = bytes
    this.#announcesSize = announcesSize
  }

  /** The next request that gets there waits for this, or its connection breaks. */
  stopAt(atBytes: number, open: Promise<unknown> | 'break'): this {
    this.#stops.push({ atBytes, open })
    return this
  }

  answer(contentType = 'image/png'): ScriptedAnswer {
    const stop = this.#stops.shift()
    return {
      write: async (response) => {
        const length = this.#announcesSize && { 'content-length': this.bytes.length }
        response.writeHead(200, { 'content-type': contentType, ...length })
        await this.#send(response, 0, stop?.atBytes ?? this.bytes.length)
        if (stop?.open === 'break') return void response.destroy()
        if (stop) {
          await stop.open
          await this.#send(response, stop.atBytes, this.bytes.length)
        }
        response.end()
      },
    }
  }

  /** Waits for the other side, as a real server does. */
  async #send(response: ServerResponse, from: number, to: number): Promise<void> {
    const pieceBytes = 64 * 1024
    for (let at = from; at < to && !response.destroyed; at += pieceBytes) {
      const piece = this.bytes.subarray(at, Math.min(at + pieceBytes, to))
      this.sentBytes += piece.length
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
  }
}

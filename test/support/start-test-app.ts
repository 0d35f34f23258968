import { randomUUID } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { docsPageFolder } from '../../src/config/package-info.ts'
import { buildApp } from '../../src/http/app.ts'
import type { AppOptions, ObservedRequest } from '../../src/http/app-options.ts'
import { closeApp } from '../../src/http/close-app.ts'
import { refuseMediaUrl } from '../../src/inputs/urls/read-media-url.ts'
import { createImageConverter } from '../../src/outputs/image-converter.ts'
import type { JobOutput } from '../../src/outputs/job-output.ts'
import { FakeJobs } from './fake-jobs.ts'
import { FakeRegistry, testWorkflows } from './fake-workflows.ts'
import { MemoryAssets } from './memory-assets.ts'
import { MemoryInputs } from './memory-inputs.ts'

/** Never tells anything. */
export const silent = () => ({ close: () => {} })

/** Outputs in memory. */
export class MemoryOutputs {
  readonly #bytes = new Map<string, Buffer>()

  /** Keeps the bytes and describes them as an output. */
  add(jobId: string, index: number, bytes: Buffer, changes: Partial<JobOutput> = {}): JobOutput {
    this.#bytes.set(`${jobId}.${index}`, bytes)
    return {
      index,
      nodeId: '9',
      name: 'picture',
      kind: 'image',
      contentType: 'image/png',
      sizeBytes: bytes.length,
      filename: `picture_0000${index + 1}_.png`,
      ...changes,
    }
  }

  forget(jobId: string, index: number): void {
    this.#bytes.delete(`${jobId}.${index}`)
  }

  async read(jobId: string, index: number): Promise<Buffer | undefined> {
    return this.#bytes.get(`${jobId}.${index}`)
  }

  async open(jobId: string, index: number, range?: { start: number; end: number }): Promise<Readable | undefined> {
    const bytes = this.#bytes.get(`${jobId}.${index}`)
    if (bytes === undefined) return undefined
    const part = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)
    const chunkBytes = 50_000
    const chunks = Array.from({ length: Math.ceil(part.length / chunkBytes) }, (_, index) =>
      part.subarray(index * chunkBytes, (index + 1) * chunkBytes),
    )
    return Readable.from(chunks, { objectMode: false })
  }

  /** As the real one, with one piece of memory for all. */
  async scan(jobId: string, index: number, visit: (piece: Buffer) => boolean | Promise<boolean>): Promise<boolean> {
    const bytes = this.#bytes.get(`${jobId}.${index}`)
    if (bytes === undefined) return false
    const memory = Buffer.alloc(50_000)
    for (let at = 0; at < bytes.length; at += memory.length) {
      if (!(await visit(memory.subarray(0, bytes.copy(memory, 0, at))))) break
    }
    return true
  }

  pin(): () => void {
    return () => {}
  }
}

export interface TestApp extends AsyncDisposable {
  readonly app: FastifyInstance
  readonly url: string
  readonly port: number
  readonly jobs: FakeJobs
  readonly registry: FakeRegistry
  readonly outputs: MemoryOutputs
  readonly inputs: MemoryInputs
  readonly assets: MemoryAssets
  readonly observed: ObservedRequest[]
  readonly logged: { facts: object; message: string }[]
}

export interface TestAppChanges {
  readonly limits?: Partial<AppOptions['limits']>
  readonly security?: Partial<AppOptions['security']>
  readonly about?: Partial<AppOptions['about']>
  readonly options?: Partial<AppOptions>
  /** Told of every route as it is registered. */
  readonly onRoute?: (method: string, url: string) => void
}

/** The real app on a real socket, with everything behind it in memory and in the hands of the test. */
export async function startTestApp(changes: TestAppChanges = {}): Promise<TestApp> {
  const jobs = new FakeJobs()
  const registry = new FakeRegistry([...testWorkflows])
  const outputs = new MemoryOutputs()
  const inputs = new MemoryInputs()
  const assets = new MemoryAssets(inputs)
  const observed: ObservedRequest[] = []
  const logged: { facts: object; message: string }[] = []
  const log = (facts: object, message: string) => void logged.push({ facts, message })
  using _reported = reportRoutes(changes.onRoute)
  const app = await buildApp({
    jobs,
    registry,
    inputs,
    assets,
    outputs,
    images: createImageConverter(),
    instances: { views: () => [], drain: () => undefined, resume: () => undefined, subscribe: silent },
    lists: { revision: '', names: () => undefined },
    inventory: { models: async () => [], readiness: () => [] },
    readiness: { of: () => undefined, whenKnown: async () => undefined },
    nodes: coreNode,
    decodeMedia: (value) => Buffer.from(value.replace(/^data:[^,]*,/, ''), 'base64'),
    urls: { read: refuseMediaUrl },
    checkInput: (bytes, pointer) => inputs.checkBytes(bytes, pointer),
    ready: () => ({ ready: true }),
    metrics: {
      contentType: 'text/plain; version=0.0.4',
      render: () => 'up 1\n',
      observeRequest: (one) => void observed.push(one),
    },
    logger: { warn: log, error: log },
    limits: {
      maxBodyBytes: 2_000_000,
      syncHoldMs: 20_000,
      onDisconnect: 'cancel',
      retentionMs: 3_600_000,
      ...changes.limits,
    },
    security: {
      apiKeys: [],
      allowedHosts: [],
      boundHost: '127.0.0.1',
      openDocs: false,
      takesRawPrompts: true,
      ...changes.security,
    },
    about: { version: '1.2.3', demo: false, ...changes.about },
    mintRequestId: randomUUID,
    docsFolder: docsPageFolder(),
    ...changes.options,
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    url: `http://127.0.0.1:${port}`,
    port,
    jobs,
    registry,
    outputs,
    inputs,
    assets,
    observed,
    logged,
    // A client may have opened a connection that it never used.
    [Symbol.asyncDispose]: () => closeApp(app, { timeoutMs: 2000, onCut: () => {} }),
  }
}

export function postJson(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** Makes every job succeed at once with these pictures. */
export function answerAtOnce({ jobs, outputs }: Pick<TestApp, 'jobs' | 'outputs'>, ...pictures: Buffer[]): void {
  jobs.onSubmit = ({ id }) => {
    setImmediate(() => {
      if (jobs.get(id)?.state !== 'queued') return
      jobs.start(id)
      for (const [index, bytes] of pictures.entries()) jobs.addOutput(id, outputs.add(id, index, bytes))
      jobs.succeed(id)
    })
  }
}

/** Fastify announces every instance it makes: routes are seen whoever registers them. */
function reportRoutes(report: TestAppChanges['onRoute']): Disposable {
  const channel = 'fastify.initialization'
  const listener = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const name of [method].flat()) report?.(name, url)
    })
  }
  subscribe(channel, listener)
  return { [Symbol.dispose]: () => void unsubscribe(channel, listener) }
}

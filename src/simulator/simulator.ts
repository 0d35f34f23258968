import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { createExecutor } from './executor.ts'
import { annotatedName, contentHash, createFileStore, normalisePath, type FileStore } from './file-store.ts'
import { createHistory } from './history.ts'
import { defaultModelFiles, type ModelFiles } from './model-files.ts'
import { createNodeCache } from './node-cache.ts'
import { createNodeCatalogue } from './node-catalogue.ts'
import { createPromptQueue, type PromptQueue } from './prompt-queue.ts'
import { infoRoutes, serverFeatures } from './routes/info-routes.ts'
import { jobsRoutes } from './routes/jobs-routes.ts'
import { promptRoutes } from './routes/prompt-routes.ts'
import { queueRoutes } from './routes/queue-routes.ts'
import { createRouter } from './routes/router.ts'
import { uploadRoutes } from './routes/upload-routes.ts'
import { viewRoute } from './routes/view-route.ts'
import { nodeValidator } from './validation/node-validators.ts'
import { versionProfile, type SimulatedVersion } from './version-profile.ts'
import { createWebSocketHub } from './websocket-hub.ts'
import { createWorker } from './worker.ts'

export type PreviewMethod = 'none' | 'auto' | 'latent2rgb' | 'taesd'

export interface SimulatorOptions {
  /** The ComfyUI release that is simulated (default 0.33.0). */
  version?: SimulatedVersion
  /** Adds the classes TestSleep, TestFail and TestText. */
  testNodes?: boolean
  /** The model files that it claims to have, by folder. */
  models?: ModelFiles
  host?: string
  /** 0 takes any free port. */
  port?: number
  /** How long a sampler step takes. */
  stepDelayMs?: number
  /** Drawn into every picture that it makes. */
  label?: string
  /** Previews of prompts that do not choose any themselves (`--preview-method`). */
  previewMethod?: PreviewMethod
  /** Bytes of output and temporary files that are kept; older ones are forgotten. */
  maxFileBytes?: number
}

export interface Simulator {
  /** Without a slash at the end. */
  readonly url: string
  readonly port: number
  readonly queue: Pick<PromptQueue, 'running' | 'pending' | 'size'>
  readonly files: FileStore
  /** Ends the running prompt, all connections and all timers. */
  close(): Promise<void>
}

const defaultStepDelayMs = 30
const defaultMaxFileBytes = 512 * 1024 * 1024
/** How long aiohttp leaves an idle connection open. */
const keepAliveMs = 75_000

/**
 * Starts a stand-in for a ComfyUI server: the same HTTP and WebSocket interface, with drawn pictures in place of models.
 * Everything it stores is in memory. @throws when the port is taken
 */
export async function createSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, testNodes = false, label = 'SIMULATED', previewMethod = 'none' } = options
  const { models = defaultModelFiles, stepDelayMs = defaultStepDelayMs, maxFileBytes = defaultMaxFileBytes } = options
  const profile = versionProfile(options.version ?? '0.33.0')
  const closing = new AbortController()
  const { signal } = closing
  const isClosing = (): boolean => signal.aborted

  const files = createFileStore({ maxBytes: maxFileBytes })
  const history = createHistory()
  const catalogue = createNodeCatalogue({ version: profile.version, models, testNodes, files })
  const cache = createNodeCache({
    catalogue,
    contentOf: (classType, inputs) => loadedContent(files, classType, inputs),
  })
  const queue = createPromptQueue(() => hub.sendStatus())
  const hub = createWebSocketHub({
    queueSize: () => queue.size(),
    features: serverFeatures(profile),
    runningNode: (clientId) => executor.runningNode(clientId),
  })
  const executor = createExecutor({
    hub,
    catalogue,
    cache,
    files,
    label,
    stepDelayMs,
    sendsPreviews: (extraData) => chosenPreviews(extraData, profile.previewsPerPrompt, previewMethod) !== 'none',
    sleep: (ms) => (ms > 0 ? delay(ms, undefined, { signal }) : nextTurn(undefined, { signal })),
  })
  const worker = createWorker({ queue, history, executor, cache, isClosing })
  const interrupt = (): void => executor.interrupt()
  const answer = createRouter({
    refusesCrossSite: profile.modernFeatures,
    routes: [
      ...promptRoutes({ profile, catalogue, files, queue, onQueued: () => worker.wake() }),
      ...queueRoutes({ queue, history, interrupt, freeMemory: () => worker.freeMemory() }),
      ...(profile.hasJobsApi ? jobsRoutes({ queue, history, interrupt }) : []),
      viewRoute({ files, profile }),
      ...uploadRoutes({ files }),
      ...infoRoutes({ profile, catalogue, models, files }),
      { method: 'GET', path: '/ws', handle: ({ response }) => void response.writeHead(400).end() },
    ],
  })
  const server = createServer({ keepAliveTimeout: keepAliveMs }, answer)
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const url = new URL(request.url ?? '/', 'http://simulator')
    if (/^(?:\/api)?\/ws$/.test(url.pathname)) {
      hub.accept(request, socket, head, url.searchParams.get('clientId') ?? '')
    } else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const boundPort = portOf(server.address())

  let closed: Promise<void> | undefined
  async function closeAll(): Promise<void> {
    closing.abort()
    const stopped = new Promise<void>((resolve) => server.close(() => resolve()))
    server.closeAllConnections()
    await hub.close()
    await worker.ended()
    await stopped
  }

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`,
    port: boundPort,
    queue,
    files,
    close: () => (closed ??= closeAll()),
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

function chosenPreviews(
  extraData: Readonly<Record<string, unknown>>,
  isPerPrompt: boolean,
  fallback: PreviewMethod,
): PreviewMethod {
  const chosen = isPerPrompt ? extraData['preview_method'] : undefined
  return chosen === 'none' || chosen === 'auto' || chosen === 'latent2rgb' || chosen === 'taesd' ? chosen : fallback
}

/** A loader's result changes with the contents of its file; what only sends pictures away is never the same again. */
function loadedContent(files: FileStore, classType: string, inputs: Readonly<Record<string, unknown>>): string {
  if (classType === 'SaveImageWebsocket') return randomUUID()
  const [input] = nodeValidator(classType)?.takes ?? []
  const name = input === undefined ? undefined : inputs[input]
  if (typeof name !== 'string') return ''
  const { root, path } = annotatedName(name)
  const normalised = normalisePath(path)
  const file = normalised === undefined ? undefined : files.get(root, normalised)
  return file === undefined ? '' : contentHash(file.bytes)
}

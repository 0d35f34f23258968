import { EventEmitter, once } from 'node:events'
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises'
import { createExecutor } from './executor.ts'
import { createExecutionFaults } from './faults/execution-faults.ts'
import type { FaultPlan } from './faults/fault-plan.ts'
import { createFileFaults } from './faults/file-faults.ts'
import { garbageMessages } from './faults/garbage-messages.ts'
import { createMomentFaults, type MomentFault, type ReachMoment } from './faults/moment-faults.ts'
import { createRouteFaults } from './faults/route-faults.ts'
import { createSubmissionFaults } from './faults/submission-faults.ts'
import { annotatedName, contentHash, normalisePath, type FileStore } from './file-store.ts'
import { createHistory } from './history.ts'
import type { ModelLists } from './model-files.ts'
import { createNodeCache } from './node-cache.ts'
import type { NodeCatalogue } from './node-catalogue.ts'
import { createPromptQueue, type PromptQueue, type QueueItem } from './prompt-queue.ts'
import { infoRoutes, serverFeatures } from './routes/info-routes.ts'
import { jobsRoutes } from './routes/jobs-routes.ts'
import { promptRoutes } from './routes/prompt-routes.ts'
import { queueRoutes } from './routes/queue-routes.ts'
import { createRouter } from './routes/router.ts'
import { uploadRoutes } from './routes/upload-routes.ts'
import { viewRoute } from './routes/view-route.ts'
import { nodeValidator } from '../comfyui/wire/verdict/node-validators.ts'
import type { VersionProfile } from './version-profile.ts'
import { createWebSocketHub } from './websocket-hub.ts'
import { createWorker } from './worker.ts'

export type PreviewMethod = 'none' | 'auto' | 'latent2rgb' | 'taesd'

/** One run of the server: what it knows ends with it. The files are on a disk and stay. */
export interface ServerProcess {
  readonly queue: PromptQueue
  readonly reach: ReachMoment
  answer(request: IncomingMessage, response: ServerResponse): void
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends prompts, sockets and timers at once. Resolves when nothing of it runs any more. */
  end(): Promise<void>
}

export interface ServerProcessOptions {
  profile: VersionProfile
  catalogue: NodeCatalogue
  files: FileStore
  models: Pick<ModelLists, 'files'>
  label: string
  stepDelayMs: number
  previewMethod: PreviewMethod
  plan: FaultPlan
  /** Faults that need more than this process. */
  outerFaults: readonly MomentFault[]
}

export function createServerProcess(options: ServerProcessOptions): ServerProcess {
  const { profile, catalogue, files, models, label, stepDelayMs, previewMethod, plan } = options
  const ending = new AbortController()
  const { signal } = ending
  const releases = new EventEmitter().setMaxListeners(0)
  const sleep = (ms: number): Promise<void> =>
    ms > 0 ? delay(ms, undefined, { signal }) : nextTurn(undefined, { signal })

  const history = createHistory()
  const cache = createNodeCache({
    catalogue,
    contentOf: (classType, inputs) => loadedContent(files, classType, inputs),
  })
  const queue = createPromptQueue(() => hub.sendStatus())
  const hub = createWebSocketHub({
    queueSize: () => queue.size(),
    features: profile.hasFeatures ? serverFeatures(profile) : undefined,
    runningNode: (clientId) => executor.runningNode(clientId),
    onOpened: () => reach('connect'),
  })
  const reach = createMomentFaults(plan, [
    ['interrupted', () => executor.interrupt()],
    ['ws-garbage', () => hub.faults.send(garbageMessages)],
    ['ws-stall', ({ ms, cleared }) => hub.faults.stall(ms, cleared)],
    ['ws-deaf', () => hub.faults.deafen()],
    ['ws-half-open', () => hub.faults.halfOpen()],
    ['ws-close', () => hub.faults.drop()],
    ...options.outerFaults,
  ])
  const faults = createExecutionFaults({ plan, reach, sleep, signal })
  const executor = createExecutor({
    hub,
    catalogue,
    cache,
    files,
    label,
    stepDelayMs,
    sendsPreviews: (extraData) => chosenPreviews(extraData, profile.previewsPerPrompt, previewMethod) !== 'none',
    sleep,
    faults,
    tellsProgressState: profile.tellsProgressState,
  })
  const worker = createWorker({
    queue,
    history,
    executor,
    cache,
    isClosing: () => signal.aborted,
    faults,
    onReleased: (item) => releases.emit(releaseOf(item)),
  })
  const fileFaults = createFileFaults({ plan, reach, files, sleep })
  const submissionFaults = createSubmissionFaults({
    plan,
    reach,
    queue,
    sleep,
    whenReleased: async (item) => {
      await once(releases, releaseOf(item), { signal })
    },
  })
  const interrupt = (): void => {
    if (queue.running() === undefined || plan.strike('interrupt-late') === undefined) executor.interrupt()
  }
  const router = createRouter({
    refusesCrossSite: profile.modernFeatures,
    hold: createRouteFaults({ plan, sleep }),
    routes: [
      ...promptRoutes({ profile, catalogue, files, queue, onQueued: () => worker.wake(), faults: submissionFaults }),
      ...queueRoutes({ profile, queue, history, interrupt, freeMemory: () => worker.freeMemory() }),
      ...(profile.hasJobsApi ? jobsRoutes({ queue, history, interrupt }) : []),
      viewRoute({ files, profile, send: fileFaults.send }),
      ...uploadRoutes({ files, onStored: (root, path) => fileFaults.stored(root, path) }),
      ...infoRoutes({ profile, catalogue, models, files }),
      { method: 'GET', path: '/ws', handle: ({ response }) => void response.writeHead(400).end() },
    ],
  })

  let ended: Promise<void> | undefined
  async function endAll(): Promise<void> {
    ending.abort()
    await hub.close()
    await worker.ended()
  }

  return {
    queue,
    reach,
    answer: router,
    upgrade(request, socket, head) {
      const url = new URL(request.url ?? '/', 'http://simulator')
      if (/^(?:\/api)?\/ws$/.test(url.pathname)) {
        hub.accept(request, socket, head, url.searchParams.get('clientId') ?? '')
      } else socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    },
    end: () => (ended ??= endAll()),
  }
}

function releaseOf({ promptId }: QueueItem): string {
  return `released ${promptId}`
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

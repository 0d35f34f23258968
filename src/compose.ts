import { randomUUID } from 'node:crypto'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { closeAll } from './composition/close-all.ts'
import { followAddresses, readAddresses } from './composition/instance-addresses.ts'
import { createNodeLookups } from './composition/node-lookups.ts'
import { openStorage } from './composition/open-storage.ts'
import type { Config } from './config/config.ts'
import { docsPageFolder, readPackageVersion } from './config/package-info.ts'
import { buildApp } from './http/app.ts'
import { closeApp } from './http/close-app.ts'
import { checkInput } from './inputs/check-input.ts'
import { decodeMedia } from './inputs/decode-media.ts'
import { createMediaFetcher } from './inputs/urls/fetch-media.ts'
import { refuseMediaUrl } from './inputs/urls/read-media-url.ts'
import { createUrlRules } from './inputs/urls/url-rules.ts'
import { createInstancePool } from './instances/instance-pool.ts'
import { createJobs } from './jobs/create-jobs.ts'
import { isPublicAddress } from './lib/public-address.ts'
import { createYoungMemory } from './lib/young-memory.ts'
import { createJobLog } from './observability/job-log.ts'
import { createMetrics } from './observability/metrics.ts'
import { createRequestLog } from './observability/request-log.ts'
import { createTracing } from './observability/tracing.ts'
import { createImageConverter } from './outputs/image-converter.ts'
import { loadSharp } from './outputs/load-sharp.ts'
import { createWorkflowReadiness } from './readiness/workflow-readiness.ts'
import { pointIntoPrompt, rawPromptName } from './workflows/graph/raw-prompt.ts'
import { createLiveLists } from './readiness/live-lists.ts'
import { createRefusalPredictor, type RefusalPredictorOptions } from './readiness/predict-refusal.ts'
import { followNames } from './workflows/salad/follow-names.ts'
import { loadTranspiler } from './workflows/modules/transpile-module.ts'
import { createWorkflowRegistry } from './workflows/workflow-registry.ts'

export interface ComposedGateway {
  readonly app: FastifyInstance
  /** Resolves with the address that people can open, once requests are answered. */
  listen(): Promise<{ url: string }>
  /** Reads the workflow folders, the files with instances, and the nodes of all instances again. */
  reload(): Promise<void>
  summary(): {
    readonly workflows: readonly string[]
    readonly notReady: readonly { readonly name: string; readonly reason: string }[]
    readonly isChecked: boolean
    readonly problems: readonly { readonly file: string; readonly reason: string }[]
    readonly instances: readonly { readonly url: string; readonly version: string | undefined }[]
  }
  /** Lets open requests end, for as long as the configuration allows, then releases everything. Open jobs stay stored. */
  close(): Promise<void>
}

export interface ComposeOptions {
  readonly logger: Logger
  /** Time between two looks at the lists of models of an instance. */
  readonly listIntervalMs?: number
}

/** Time that open requests have to end when the jobs took all of the time for draining. */
const minCloseTimeoutMs = 1_000
/** Largest input by URL, where a file may be larger. */
const maxFetchedBytes = 100 * 1024 * 1024
/** An instance that cannot be asked for this long has lost its jobs. */
const outageTimeoutMs = 60_000

/** Builds every long-lived object once, in the order in which they need each other, and connects them. */
export async function compose(config: Config, options: ComposeOptions): Promise<ComposedGateway> {
  const closers: (() => unknown)[] = []
  try {
    return await build(config, options, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function build(
  config: Config,
  { logger, listIntervalMs }: ComposeOptions,
  closers: (() => unknown)[],
): Promise<ComposedGateway> {
  const version = readPackageVersion()
  const metrics = createMetrics({
    version,
    instances: () => {
      pool.refreshStats()
      return pool.views()
    },
    openJobs: () => jobs.countOpen(),
    workflows: () => readiness.counts(),
    outputs: () => outputs.usage(),
  })
  closers.push(() => metrics.close())
  const logJob = createJobLog(logger)
  const tracing = config.tracing.isEnabled ? await createTracing({ ...config.tracing, version, logger }) : undefined
  if (tracing) closers.push(() => tracing.close())

  const { store, outputs, inputs, assets } = await openStorage(config, closers)
  const { areFetched, ...urlRules } = config.urls
  const fetcher = areFetched
    ? createMediaFetcher({
        rules: createUrlRules({ ...urlRules, isPublic: isPublicAddress }),
        maxBytes: Math.min(config.server.maxFileBytes, maxFetchedBytes),
        receive: (source, pointer) => inputs.receive(source, pointer),
      })
    : undefined
  if (fetcher) closers.push(() => fetcher.close())

  const nativeCodeFolder = path.join(config.storage.dataDir, 'native')
  const lookups = createNodeLookups()
  const { nodes, editorNodes } = lookups
  const registry = await createWorkflowRegistry({
    ...config.workflows,
    nodes,
    editorNodes,
    logger,
    loadTranspiler: () => loadTranspiler(nativeCodeFolder),
  })
  closers.push(() => registry.close())

  // Without it the simulator need not be loaded.
  const { startDemo } = config.demo.isEnabled ? await import('./composition/start-demo.ts') : {}
  const demo = await startDemo?.(config.demo, registry, logger)
  if (demo) closers.push(() => demo.close())

  const youngMemory = createYoungMemory()
  const pool = createInstancePool({
    ...config.comfyui,
    onReceived: (bytes) => youngMemory.passed(bytes),
    instances: demo ? [{ url: demo.url, headers: {} }] : await readAddresses(config.comfyui),
    onStateChanged: ({ id, state, reason, version: comfyuiVersion }) => {
      if (state === 'ready') logger.info({ instance: id, version: comfyuiVersion }, 'instance ready')
      else logger.warn({ instance: id, state, reason }, 'instance not ready')
    },
    watchedClasses: () => readiness.classTypes(),
    listIntervalMs,
    onNodesRead: () => {
      lookups.noteTold()
      void registry.learnNodes()
      names.refresh()
      readiness.refresh()
    },
  })
  closers.push(() => pool.close())
  const readiness = createWorkflowReadiness({
    registry,
    instances: () => pool.nodes(),
    nodePacks: () => pool.nodePacks(),
    logger,
  })
  closers.push(() => readiness.close())
  lookups.ask(pool)
  demo?.onNewModels(() => void pool.refreshNodes())
  const names = followNames({ registry, ask: () => pool.models() })
  closers.push(() => names.close())

  const addresses = followAddresses(config.comfyui, pool, logger)
  closers.push(() => addresses.close())

  const nameParameters: RefusalPredictorOptions['nameParameters'] = async (name, input, errors) =>
    name === rawPromptName
      ? pointIntoPrompt(errors)
      : ((await registry.get(name)?.nameParameters(input, errors)) ?? errors)
  const images = createImageConverter({ load: () => loadSharp(nativeCodeFolder) })
  const jobs = createJobs({
    store,
    inputs,
    outputs,
    images,
    pool,
    limits: { ...config.jobs, outageTimeoutMs },
    holdsInput: (name) => assets.holds(name),
    nameParameters,
    ...(config.comfyui.predictsRefusals && { predictRefusal: createRefusalPredictor({ pool, nameParameters }) }),
    onJobChanged: (job, previous) => {
      metrics.observeJob(job, previous)
      tracing?.observeJob(job, previous)
      logJob(job, previous)
    },
    onAttempt: (attempt) => {
      metrics.observeAttempt(attempt)
      tracing?.observeAttempt(attempt)
    },
    onFault: (message, err) => logger.error({ err }, message),
  })
  closers.push(() => jobs.close())
  let isDraining = false

  const app = await buildApp({
    jobs,
    registry,
    inputs,
    assets,
    outputs,
    images,
    instances: pool,
    inventory: pool,
    lists: createLiveLists(pool),
    readiness,
    nodes,
    decodeMedia,
    urls: fetcher ?? { read: refuseMediaUrl },
    checkInput: (bytes, pointer, kind) => checkInput(bytes, pointer, config.server.maxBodyBytes, kind),
    ready: () => {
      if (isDraining) return { ready: false, reason: 'The server is shutting down.' }
      if (!pool.views().some(({ state }) => state === 'ready'))
        return { ready: false, reason: 'No ComfyUI instance is reachable.' }
      const reason = readiness.whyNotReady(config.workflows.required)
      return reason === undefined ? { ready: true } : { ready: false, reason }
    },
    metrics: {
      contentType: metrics.contentType,
      render: () => metrics.render(),
      observeRequest: (request) => metrics.observeRequest(request),
      setOpenStreams: (count) => metrics.setOpenStreams(count),
    },
    logger,
    logRequest: createRequestLog(logger),
    traceRequest: tracing?.beginRequest,
    limits: {
      ...config.server,
      retentionMs: config.jobs.retentionMs,
      storesRawAnswers: config.storage.outputs === 'keep',
    },
    security: {
      apiKeys: config.security.apiKeys.map((key) => key.reveal()),
      allowedHosts: config.security.allowedHosts,
      takesRawPrompts: config.security.takesRawPrompts,
      outputMetadata: config.security.outputMetadata,
      boundHost: config.server.host,
      corsOrigins: config.security.corsOrigins,
      openDocs: config.security.apiKeys.length === 0,
    },
    proxying: config.proxying,
    about: { version, demo: config.demo.isEnabled },
    mintRequestId: randomUUID,
    docsFolder: docsPageFolder(),
  })
  jobs.start()

  return {
    app,
    async listen() {
      const address = await app.listen({ host: config.server.host, port: config.server.port })
      return { url: `${address}${config.proxying.basePath}` }
    },
    async reload() {
      await addresses.readAgain()
      await Promise.all([registry.reload(), pool.refreshNodes()])
    },
    summary: () => ({
      workflows: registry.list().map(({ name }) => name),
      problems: registry.problems(),
      notReady: readiness.notReady(),
      isChecked: readiness.isChecked,
      instances: pool.views(),
    }),
    async close() {
      const deadlineMs = performance.now() + config.server.drainMs
      isDraining = true
      jobs.drain()
      await jobs.whenIdle(config.server.drainMs)
      jobs.close()
      await closeApp(app, {
        timeoutMs: Math.max(deadlineMs - performance.now(), minCloseTimeoutMs),
        onCut: () => logger.warn('connections are cut: their requests or answers did not end in time'),
      })
      await closeAll(closers)
    },
  }
}

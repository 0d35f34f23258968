import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { coreNode } from './comfyui/wire/core-nodes.ts'
import type { Config } from './config/config.ts'
import { readPackageVersion } from './config/package-info.ts'
import { ConfigError } from './config/config-error.ts'
import { readInstanceFiles, watchInstanceFiles } from './config/read-instance-files.ts'
import { buildApp } from './http/app.ts'
import { closeApp } from './http/close-app.ts'
import { checkInput } from './inputs/check-input.ts'
import { decodeMedia } from './inputs/decode-media.ts'
import { createMediaFetcher } from './inputs/fetch-media.ts'
import { createLocalInputStore } from './inputs/local-input-store.ts'
import { refuseMediaUrl } from './inputs/read-media-url.ts'
import { createUrlRules } from './inputs/url-rules.ts'
import { withUploadLists } from './instances/file-lists.ts'
import { createInstancePool, type InstanceAddress } from './instances/instance-pool.ts'
import { createJobs } from './jobs/create-jobs.ts'
import { isPublicAddress } from './lib/public-address.ts'
import { createMemoryJobStore } from './jobs/stores/memory-job-store.ts'
import { createSqliteJobStore } from './jobs/stores/sqlite-job-store.ts'
import { createJobLog } from './observability/job-log.ts'
import { createMetrics } from './observability/metrics.ts'
import { createRequestLog } from './observability/request-log.ts'
import { createTracing } from './observability/tracing.ts'
import { createImageConverter } from './outputs/image-converter.ts'
import { createLocalOutputStore } from './outputs/stores/local-output-store.ts'
import { namedModels } from './readiness/named-models.ts'
import { createWorkflowReadiness } from './readiness/workflow-readiness.ts'
import { faultsPath } from './simulator/faults/control-routes.ts'
import { FaultSpecError } from './simulator/faults/fault-spec.ts'
import { createSimulator, type Simulator } from './simulator/simulator.ts'
import type { NodeLookup } from './comfyui/wire/object-info.ts'
import { pointIntoPrompt, rawPromptName } from './workflows/graph/raw-prompt.ts'
import { createLiveLists } from './readiness/live-lists.ts'
import { createRefusalPredictor, type RefusalPredictorOptions } from './readiness/predict-refusal.ts'
import { followNames } from './workflows/salad/follow-names.ts'
import type { ServedWorkflow } from './workflows/served-workflow.ts'
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

const simulatorLabel = 'SIMULATED'
const coreSource = 'the core nodes of ComfyUI'
const instancesSource = 'the instances and the core nodes of ComfyUI'
/** A demo goes on after a crash that was ordered. */
const simulatorReviveMs = 2_000
const instanceFilesIntervalMs = 1000
/** Time that open requests have to end when the jobs took all of the time for draining. */
const minCloseTimeoutMs = 1_000
/** Largest input by URL, where a request body may be larger. */
const maxFetchedBytes = 100 * 1024 * 1024
/** An instance that cannot be asked for this long has lost its jobs. */
const outageTimeoutMs = 60_000

/** Builds every long-lived object once, in the order in which they need each other, and connects them. */
export async function compose(config: Config, options: ComposeOptions): Promise<ComposedGateway> {
  const { dataDir } = config.storage
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const closers: (() => unknown)[] = []
  try {
    return await build(config, options, dataDir, closers)
  } catch (error) {
    await closeAll(closers)
    throw error
  }
}

async function build(
  config: Config,
  { logger, listIntervalMs }: ComposeOptions,
  dataDir: string,
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
  })
  closers.push(() => metrics.close())
  const logJob = createJobLog(logger)
  const tracing = config.tracing.isEnabled ? await createTracing({ ...config.tracing, version, logger }) : undefined
  if (tracing) closers.push(() => tracing.close())

  const store =
    config.storage.jobStore === 'memory'
      ? createMemoryJobStore()
      : createSqliteJobStore({ file: path.join(dataDir, 'jobs.sqlite') })
  closers.push(() => store.close())
  const outputs = createLocalOutputStore({
    directory: path.join(dataDir, 'outputs'),
    isDurable: config.storage.jobStore === 'sqlite',
  })
  closers.push(() => outputs.close())
  await outputs.removeUnknown((id) => store.get(id) !== undefined)
  const inputs = createLocalInputStore({
    directory: path.join(dataDir, 'inputs'),
    maxBytes: config.server.maxBodyBytes,
  })
  closers.push(() => inputs.close())

  const { areFetched, ...urlRules } = config.urls
  const fetcher = areFetched
    ? createMediaFetcher({
        rules: createUrlRules({ ...urlRules, isPublic: isPublicAddress }),
        maxBytes: Math.min(config.server.maxBodyBytes, maxFetchedBytes),
      })
    : undefined
  if (fetcher) closers.push(() => fetcher.close())

  let lookUpNode: NodeLookup = coreNode
  const nodes: NodeLookup = (classType) => lookUpNode(classType)
  let editorNode: NodeLookup = coreNode
  let nodesSource = coreSource
  const editorNodes = { lookUp: (classType: string) => editorNode(classType), source: () => nodesSource }
  const registry = await createWorkflowRegistry({ ...config.workflows, nodes, editorNodes, logger })
  closers.push(() => registry.close())

  const supplied = new WeakSet<ServedWorkflow>()
  const simulator = config.demo.isEnabled ? await startSimulator(config.demo) : undefined
  if (simulator) {
    closers.push(() => simulator.close())
    await addNamedModels(simulator)
    logger.info({ url: simulator.url, faults: `${simulator.url}${faultsPath}` }, 'simulator ready')
  }

  const pool = createInstancePool({
    ...config.comfyui,
    instances: simulator ? [{ url: new URL(simulator.url), headers: {} }] : await readAddresses(config.comfyui),
    onStateChanged: ({ id, state, reason, version: comfyuiVersion }) => {
      if (state === 'ready') logger.info({ instance: id, version: comfyuiVersion }, 'instance ready')
      else logger.warn({ instance: id, state, reason }, 'instance not ready')
    },
    watchedClasses: () => readiness.classTypes(),
    listIntervalMs,
    onNodesRead: () => {
      nodesSource = instancesSource
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
  lookUpNode = (classType) => pool.definition(classType) ?? coreNode(classType)
  editorNode = (classType) => {
    const definition = pool.definition(classType)
    return definition === undefined ? coreNode(classType) : withUploadLists(classType, definition)
  }
  if (simulator) {
    registry.onChange(() => {
      void addNamedModels(simulator).then((isNew) => (isNew ? pool.refreshNodes() : undefined))
    })
  }
  const names = followNames({ registry, ask: () => pool.models() })
  closers.push(() => names.close())

  /** In a demo every model is there that a workflow asks for. Never rejects. */
  async function addNamedModels(to: Simulator): Promise<boolean> {
    let isNew = false
    for (const workflow of registry.list()) {
      if (supplied.has(workflow)) continue
      supplied.add(workflow)
      isNew = to.addModels(await namedModels(workflow)) || isNew
    }
    return isNew
  }

  async function replaceInstances(): Promise<void> {
    try {
      pool.replace(await readAddresses(config.comfyui))
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      logger.error({ problems: error.problems }, 'instances are left as they are: their file cannot be used')
    }
  }
  if (config.comfyui.instanceFiles.length > 0) {
    const watch = watchInstanceFiles(
      config.comfyui.instanceFiles,
      instanceFilesIntervalMs,
      () => void replaceInstances(),
    )
    closers.push(() => watch.close())
  }

  const nameParameters: RefusalPredictorOptions['nameParameters'] = async (name, input, errors) =>
    name === rawPromptName
      ? pointIntoPrompt(errors)
      : ((await registry.get(name)?.nameParameters(input, errors)) ?? errors)
  const jobs = createJobs({
    store,
    inputs,
    outputs,
    images: createImageConverter(),
    pool,
    limits: { ...config.jobs, outageTimeoutMs },
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
    outputs,
    instances: pool,
    inventory: pool,
    lists: createLiveLists(pool),
    readiness,
    nodes,
    decodeMedia,
    urls: fetcher ?? { read: refuseMediaUrl },
    checkInput: (bytes, pointer) => checkInput(bytes, pointer, config.server.maxBodyBytes),
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
    limits: { ...config.server, retentionMs: config.jobs.retentionMs },
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
  })
  jobs.start()

  return {
    app,
    async listen() {
      const address = await app.listen({ host: config.server.host, port: config.server.port })
      return { url: `${address}${config.proxying.basePath}` }
    },
    async reload() {
      if (config.comfyui.instanceFiles.length > 0) await replaceInstances()
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

async function readAddresses({ instances, instanceFiles }: Config['comfyui']): Promise<InstanceAddress[]> {
  const addresses = [...instances, ...(await readInstanceFiles(instanceFiles))]
  return addresses.map(({ url, authorization }) => ({
    url: new URL(url),
    headers: authorization ? { authorization: authorization.reveal() } : {},
  }))
}

/** @throws ConfigError for a fault that is none */
async function startSimulator({ stepMs, faults }: Config['demo']): Promise<Simulator> {
  try {
    return await createSimulator({
      version: '0.33.0',
      stepDelayMs: stepMs,
      label: simulatorLabel,
      reviveAfterMs: simulatorReviveMs,
      controlRoutes: true,
      faults,
    })
  } catch (error) {
    throw error instanceof FaultSpecError ? new ConfigError([error.message]) : error
  }
}

/** In the reverse of the order in which they were built. One that fails does not keep the others open. */
async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closers.toReversed()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be closed')
}

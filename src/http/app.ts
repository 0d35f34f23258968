import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod'
import { createJobCalls } from './answers/job-calls.ts'
import { createJobPresenter } from './answers/job-presenter.ts'
import { createWaiting } from './answers/waiting.ts'
import type { AppOptions, HttpSecurity } from './app-options.ts'
import { withoutFetching } from './body/fetch-urls.ts'
import type { MediaStorage } from './body/store-media.ts'
import { createEventFeed } from './events/event-feed.ts'
import { createEventStreams } from './events/event-streams.ts'
import { routeUpgrades } from './events/websocket-upgrades.ts'
import { createJobEventWriter } from './events/write-job-event.ts'
import { createLinks } from './links.ts'
import { createOpenApiDocument } from './openapi/document.ts'
import { readBodies } from './plugins/bodies.ts'
import { allowOrigins } from './plugins/cross-origin.ts'
import { serveDocsPage } from './plugins/docs-page.ts'
import { answerErrors } from './plugins/errors.ts'
import { guardRequests } from './plugins/guards.ts'
import { rememberRoutes } from './plugins/known-routes.ts'
import { observeRequests } from './plugins/observe-requests.ts'
import { documentRoutes } from './plugins/openapi.ts'
import { limitRate } from './plugins/rate-limit.ts'
import { traceRequests } from './plugins/trace-requests.ts'
import { assetRoutes } from './routes/assets.ts'
import { instanceRoutes } from './routes/instances.ts'
import { eventRoutes } from './routes/events.ts'
import { jobEventRoutes } from './routes/job-events.ts'
import { jobOutputRoutes } from './routes/job-outputs.ts'
import { jobRoutes } from './routes/jobs.ts'
import { modelRoutes } from './routes/models.ts'
import { openApiRoute } from './routes/openapi.ts'
import { probeRoutes } from './routes/probes.ts'
import { renderWorkflowRoutes } from './routes/render-workflow.ts'
import { promptRoute } from './routes/prompt.ts'
import { retryJobRoute } from './routes/retry-job.ts'
import { runWorkflowRoute } from './routes/run-workflow.ts'
import { workflowRoutes } from './routes/workflows.ts'
import { createServer } from './server.ts'

const defaults = {
  maxEventStreams: 2000,
  maxEventStreamsPerCaller: 100,
  heartbeatMs: 15_000,
  maxStreamBufferBytes: 1_048_576,
  stalledReaderTimeoutMs: 30_000,
}

/**
 * Builds the HTTP surface. The caller listens, and closes: closing ends event streams and lets waiting requests go with
 * the address of their job.
 */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const { jobs, registry, outputs, limits, security, about, logger, now = Date.now } = options
  const { trustedProxies, ...addresses } = options.proxying ?? {}
  const links = createLinks(addresses)
  const app = createServer({ ...options, links, trustedProxies }).withTypeProvider<ZodTypeProvider>()
  app.setValidatorCompiler(validatorCompiler)
  // What is sent has been typed by the same schemas; checking it again would cost each answer.
  app.setSerializerCompiler(() => JSON.stringify)

  const presenter = createJobPresenter({ jobs, retentionMs: limits.retentionMs, links })
  const waiting = createWaiting({ jobs, onDisconnect: limits.onDisconnect, logger })
  const epoch = randomBytes(4).toString('hex')
  const streams = createEventStreams({
    jobs,
    writeJobEvent: createJobEventWriter(presenter),
    epoch,
    maxStreams: limits.maxEventStreams ?? defaults.maxEventStreams,
    maxStreamsPerCaller: limits.maxEventStreamsPerCaller ?? defaults.maxEventStreamsPerCaller,
    heartbeatMs: limits.heartbeatMs ?? defaults.heartbeatMs,
    maxBufferBytes: limits.maxStreamBufferBytes ?? defaults.maxStreamBufferBytes,
    onCountChanged: (count) => options.metrics.setOpenStreams?.(count),
  })
  const feed = createEventFeed({ jobs, instances: options.instances, presenter, epoch })
  let isClosing = false
  app.addHook('preClose', (done) => {
    isClosing = true
    streams.close()
    feed.close()
    waiting.close()
    done()
  })

  const routes = rememberRoutes(app, registry, links)
  await allowOrigins(app, security.corsOrigins ?? [])
  traceRequests(app, options.traceRequest)
  const { allowedHosts, allowedOrigins } = allowedBy(security, addresses.publicUrl)
  guardRequests(app, { security: { ...security, allowedHosts }, allowedOrigins, links, isClosing: () => isClosing })
  if (limits.rateLimit !== undefined) limitRate(app, limits.rateLimit, now)
  observeRequests(app, options.metrics, options.logRequest)
  readBodies(app, { links, inputs: options.inputs, maxBodyBytes: limits.maxBodyBytes })
  answerErrors(app, { routes, logger, links, maxBodyBytes: limits.maxBodyBytes })
  await documentRoutes(app, { about, security, links })
  const takesRawPrompts = security.takesRawPrompts ?? false
  const { lists } = options
  const fixed = () => ({ ...app.swagger() })
  const render = createOpenApiDocument({ fixed, registry, lists, takesRawPrompts, logger })

  await app.register(probeRoutes, { about, ready: options.ready, metrics: options.metrics })
  await app.register(instanceRoutes, { instances: options.instances })
  await app.register(modelRoutes, { inventory: options.inventory })
  await app.register(jobRoutes, { jobs, presenter, waiting })
  const upgrades = routeUpgrades(app)
  await app.register(jobEventRoutes, { jobs, streams, upgrades, waiting })
  await app.register(eventRoutes, { feed, streams, upgrades })
  await app.register(jobOutputRoutes, { jobs, outputs, images: options.images })
  await app.register(assetRoutes, { assets: options.assets, inputs: options.inputs, links })
  const { decodeMedia, urls } = options
  const trialInputs: MediaStorage['inputs'] = {
    put: options.checkInput,
    keep: (received, pointer, kind) => options.inputs.check(received, pointer, kind),
    release: (received) => options.inputs.release(received),
  }
  const { assets } = options
  const trialStorage = withoutFetching({
    inputs: trialInputs,
    decodeMedia,
    urls,
    useAsset: async (...asked: Parameters<typeof assets.find>) => assets.find(...asked),
  })
  const { inventory } = options
  await app.register(workflowRoutes, { registry, routes, links, readiness: options.readiness, trialStorage, lists })
  await app.register(renderWorkflowRoutes, { registry, routes, links, inventory, trialStorage })
  const calls = createJobCalls({
    jobs,
    streams,
    waiting,
    tools: {
      presenter,
      outputs,
      images: options.images,
      stalledReaderTimeoutMs: limits.stalledReaderTimeoutMs ?? defaults.stalledReaderTimeoutMs,
      now,
    },
    nodes: options.nodes,
    syncHoldMs: limits.syncHoldMs,
    storesRawAnswers: limits.storesRawAnswers ?? true,
    outputMetadata: security.outputMetadata ?? { usual: 'keep', mayBeKept: true },
  })
  await app.register(retryJobRoute, { jobs, calls, takesRawPrompts })
  const storage = { inputs: options.inputs, decodeMedia, urls, useAsset: assets.use.bind(assets) }
  promptRoute(app, {
    calls,
    storage,
    nodes: options.nodes,
    isOn: takesRawPrompts,
  })
  runWorkflowRoute(app, { calls, registry, storage, routes })
  await app.register(openApiRoute, { render, isOpen: security.openDocs })
  await serveDocsPage(app, { render, isOpen: security.openDocs, about, links, folder: options.docsFolder })
  return app
}

/** The public address is ours: it is answered to, and its own pages may change something. */
function allowedBy(
  { allowedHosts, corsOrigins = [] }: HttpSecurity,
  publicUrl: string | undefined,
): { allowedHosts: readonly string[]; allowedOrigins: ReadonlySet<string> } {
  if (publicUrl === undefined) return { allowedHosts, allowedOrigins: new Set(corsOrigins) }
  const { hostname, origin } = new URL(publicUrl)
  return { allowedHosts: [...allowedHosts, hostname], allowedOrigins: new Set([...corsOrigins, origin]) }
}

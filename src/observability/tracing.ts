import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import { withinTime } from '../lib/within-time.ts'
import { createSpans, type Spans } from './spans.ts'

export interface TracingOptions {
  readonly version: string
  readonly sampler: {
    readonly root: 'always_on' | 'always_off' | 'ratio'
    readonly ratio: number
    readonly followsParent: boolean
  }
  readonly logger: Logger
}

export interface Tracing extends Omit<Spans, 'close'> {
  /** Sends what is left, for a moment, and stops. Never rejects. */
  close(): Promise<void>
}

const defaultServiceName = 'comfyui-api'
/** Spans beyond these are dropped: an exporter that is down costs no more memory than this. */
const maxWaitingSpans = 2048
const exportTimeoutMs = 10_000
const closeTimeoutMs = 2_000

/**
 * Sends spans by OTLP, as JSON over HTTP. The packages of OpenTelemetry are loaded by this call and by nothing else; it
 * resolves with `undefined`, and says so in the log, where they are not installed.
 *
 * Where spans go, with which headers, certificates, compression and timeout, and what the service is called, the
 * packages themselves read from their standard variables: so they have the meaning that operators know from all other
 * programs, and credentials among them pass through no hands of ours.
 */
export async function createTracing({ version, sampler, logger }: TracingOptions): Promise<Tracing | undefined> {
  const packages = await loadPackages(logger)
  if (packages === undefined) return undefined
  const { api, sdk, otlp, resources } = packages

  const { root, ratio, followsParent } = sampler
  const rootSampler = {
    always_on: () => new sdk.AlwaysOnSampler(),
    always_off: () => new sdk.AlwaysOffSampler(),
    ratio: () => new sdk.TraceIdRatioBasedSampler(ratio),
  }[root]()
  const own = resources.resourceFromAttributes({ 'service.name': defaultServiceName, 'service.version': version })
  const given = resources.detectResources({
    detectors: [resources.resourceAttributesEnvDetector, resources.serviceNameEnvDetector],
  })
  const provider = new sdk.TracerProvider({
    resource: own.merge(given),
    sampler: followsParent ? new sdk.ParentBasedSampler({ root: rootSampler }) : rootSampler,
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: reportFailures(new otlp.OTLPTraceExporter(), logger),
        maxQueueSize: maxWaitingSpans,
        exportTimeoutMillis: exportTimeoutMs,
      }),
    ],
  })
  // Nothing is registered globally: who makes a span is handed the tracer, and its parent is passed on as a value.
  const { close, ...spans } = createSpans(api, provider.getTracer(defaultServiceName, version))
  return {
    ...spans,
    async close() {
      close()
      // What failed was told where it failed.
      const shutdown = provider.shutdown().catch(() => undefined)
      await withinTime(shutdown, closeTimeoutMs)
    },
  }
}

async function loadPackages(logger: Logger) {
  try {
    const [api, sdk, otlp, resources] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/sdk-trace'),
      import('@opentelemetry/exporter-trace-otlp-http'),
      import('@opentelemetry/resources'),
    ])
    return { api, sdk, otlp, resources }
  } catch (err) {
    logger.warn({ err }, 'no spans are sent: the packages of OpenTelemetry cannot be loaded')
    return undefined
  }
}

/** The packages keep failures to themselves. An operator is told of the first one in a row, and of its end. */
function reportFailures(exporter: SpanExporter, logger: Logger): SpanExporter {
  let isFailing = false
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const failed = result.error !== undefined
        if (failed && !isFailing) logger.warn({ reason: result.error?.message }, 'spans cannot be sent')
        if (!failed && isFailing) logger.info('spans are sent again')
        isFailing = failed
        done(result)
      })
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  }
}

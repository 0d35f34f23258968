import type * as OpenTelemetry from '@opentelemetry/api'
import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import { tracePlaceOf, writeTraceparent } from '../lib/traceparent.ts'
import { isTerminal, type Job, type JobAttempt, type JobState } from '../jobs/job.ts'

/** One request that came in. */
export interface SpannedRequest {
  readonly requestId: string
  readonly method: string
  readonly route: string | undefined
  readonly path: string
  readonly parent: string | undefined
}

export interface RequestSpan {
  readonly traceparent: string
  end(answer: { readonly status: number | undefined }): void
}

/** Makes spans of what happens. */
export interface Spans {
  readonly beginRequest: (request: SpannedRequest) => RequestSpan
  /** Listener for job changes; `previous` is undefined for a job that was not known before. */
  readonly observeJob: (job: Job, previous: JobState | undefined) => void
  /** Listener for attempts that are over. */
  readonly observeAttempt: (attempt: JobAttempt) => void
  /** Ends the spans of jobs that this process leaves open. */
  readonly close: () => void
}

interface OpenJob {
  readonly span: Span
  /** Since when it waits for an instance, if it does. */
  waitsSinceMs: number
}

/**
 * A request is a span; a job is a span below its request, with one for each wait for an instance and each attempt, and
 * below an attempt its submit, its run and the copying of its outputs. Spans carry ids, names, paths and outcomes, and
 * nothing of queries, headers and bodies.
 *
 * @param api the package, which is loaded only where it is wanted
 */
export function createSpans(api: typeof OpenTelemetry, tracer: Tracer): Spans {
  const { ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } = api
  const openJobs = new Map<string, OpenJob>()

  function contextOf(traceparent: string | undefined): Context {
    if (traceparent === undefined) return ROOT_CONTEXT
    const { traceId, spanId, isSampled } = tracePlaceOf(traceparent)
    const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE
    return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true })
  }

  function below(parent: Span): Context {
    return trace.setSpan(ROOT_CONTEXT, parent)
  }

  /** Numbers would be taken for times since the start of the process when they are before it. */
  function spanOf(
    name: string,
    parent: Context,
    { fromMs, ...options }: { fromMs: number; kind?: number; attributes?: Attributes },
  ): Span {
    return tracer.startSpan(name, { ...options, startTime: new Date(fromMs) }, parent)
  }

  function phase(name: string, parent: Span, fromMs: number, toMs: number, kind = SpanKind.INTERNAL): void {
    spanOf(name, below(parent), { fromMs, kind }).end(new Date(Math.max(fromMs, toMs)))
  }

  function fail(span: Span, error: Job['error']): void {
    if (error === undefined) return
    span.setAttribute('error.type', error.code)
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.code })
  }

  /** Jobs of an earlier process are met in the middle of their life. */
  function openJob(job: Job): OpenJob {
    const known = openJobs.get(job.id)
    if (known) return known
    const fromMs = job.times.createdAtMs
    const attributes = {
      'comfyui_api.job.id': job.id,
      'comfyui_api.request.id': job.requestId,
      'comfyui_api.workflow': job.workflow,
    }
    const span = spanOf(`job ${job.workflow}`, contextOf(job.traceparent), { fromMs, attributes })
    const open = { span, waitsSinceMs: fromMs }
    openJobs.set(job.id, open)
    return open
  }

  return {
    beginRequest({ requestId, method, route, path, parent }) {
      const attributes = {
        'http.request.method': method,
        'url.path': path,
        ...(route !== undefined && { 'http.route': route }),
        'comfyui_api.request.id': requestId,
      }
      const name = route === undefined ? method : `${method} ${route}`
      const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, contextOf(parent))
      const { traceId, spanId, traceFlags } = span.spanContext()
      const isSampled = (traceFlags & TraceFlags.SAMPLED) !== 0
      return {
        traceparent: writeTraceparent({ traceId, spanId, isSampled }),
        end({ status }) {
          if (status === undefined) span.setAttribute('error.type', 'caller_left')
          else span.setAttribute('http.response.status_code', status)
          if (status !== undefined && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
          span.end()
        },
      }
    },

    observeJob(job, previous) {
      const open = openJob(job)
      if (!isTerminal(job.state)) return
      openJobs.delete(job.id)
      const endedAtMs = job.times.completedAtMs ?? Date.now()
      if (previous === 'queued') phase('queue', open.span, open.waitsSinceMs, endedAtMs)
      open.span.setAttributes({
        'comfyui_api.prompt.id': job.promptId,
        'comfyui_api.outcome': job.state,
        'comfyui_api.attempts': job.attempt,
        'comfyui_api.outputs': job.outputs.length,
      })
      fail(open.span, job.error)
      open.span.end(new Date(endedAtMs))
    },

    observeAttempt({ job, instance, number, isAdopted, outcome, error, times }) {
      const open = openJob(job)
      const { beganAtMs, submittedAtMs, startedAtMs, executedAtMs, endedAtMs } = times
      phase('queue', open.span, open.waitsSinceMs, beganAtMs)
      open.waitsSinceMs = endedAtMs
      const attempt = spanOf('attempt', below(open.span), {
        fromMs: beganAtMs,
        kind: SpanKind.CLIENT,
        attributes: {
          'comfyui_api.instance': instance,
          'comfyui_api.prompt.id': job.promptId,
          'comfyui_api.attempt': number,
          'comfyui_api.outcome': outcome,
        },
      })
      if (!isAdopted) phase('submit', attempt, beganAtMs, submittedAtMs ?? startedAtMs ?? endedAtMs)
      if (startedAtMs !== undefined) phase('run', attempt, startedAtMs, executedAtMs ?? endedAtMs)
      if (executedAtMs !== undefined) phase('fetch outputs', attempt, executedAtMs, endedAtMs)
      fail(attempt, error)
      attempt.end(new Date(endedAtMs))
    },

    close() {
      for (const { span } of openJobs.values()) {
        span.setAttribute('comfyui_api.outcome', 'open')
        span.end()
      }
      openJobs.clear()
    },
  }
}

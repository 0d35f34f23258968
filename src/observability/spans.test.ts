import * as api from '@opentelemetry/api'
import { InMemorySpanExporter, type ReadableSpan, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { expect, test } from 'vitest'
import { makeAttempt, makeJob } from '../../test/support/make-job.ts'
import { traceIdOf } from '../lib/traceparent.ts'
import { createSpans } from './spans.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

function record() {
  const exporter = new InMemorySpanExporter()
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  return { spans: createSpans(api, provider.getTracer('test')), ended: () => exporter.getFinishedSpans() }
}

/** Name, start and end in milliseconds. */
function times({ name, startTime, endTime }: ReadableSpan): [string, number, number] {
  const ms = ([seconds, nanoseconds]: readonly [number, number]) => seconds * 1000 + nanoseconds / 1e6
  return [name, ms(startTime), ms(endTime)]
}

const queued = makeJob({ workflow: 'a/one', times: { createdAtMs: 1000 }, traceparent })

test('each wait and each attempt of a job that was lost once is told, in a row', () => {
  const { spans, ended } = record()
  spans.observeJob(queued, undefined)
  const first = { beganAtMs: 2000, submittedAtMs: 2100, startedAtMs: 2200, executedAtMs: undefined, endedAtMs: 3000 }
  const error = { code: 'instance_lost', message: 'gone' } as const
  spans.observeAttempt(makeAttempt(queued, { outcome: 'lost', error, times: first }))
  const second = { beganAtMs: 4000, submittedAtMs: 4100, startedAtMs: 4200, executedAtMs: 5000, endedAtMs: 5100 }
  spans.observeAttempt(makeAttempt(queued, { number: 2, instance: 'other', times: second }))
  const completed = { createdAtMs: 1000, startedAtMs: 4200, executedAtMs: 5000, completedAtMs: 5200 }
  spans.observeJob({ ...queued, state: 'succeeded', attempt: 2, times: completed }, 'running')
  expect(ended().map(times)).toEqual([
    ['queue', 1000, 2000],
    ['submit', 2000, 2100],
    ['run', 2200, 3000],
    ['attempt', 2000, 3000],
    ['queue', 3000, 4000],
    ['submit', 4000, 4100],
    ['run', 4200, 5000],
    ['fetch outputs', 5000, 5100],
    ['attempt', 4000, 5100],
    ['job a/one', 1000, 5200],
  ])
  expect(new Set(ended().map((span) => span.spanContext().traceId))).toEqual(new Set([traceIdOf(traceparent)]))
  const attempts = ended().filter(({ name }) => name === 'attempt')
  expect(attempts.map(({ status, attributes }) => [status.code, attributes['comfyui_api.instance']])).toEqual([
    [api.SpanStatusCode.ERROR, 'gpu'],
    [api.SpanStatusCode.UNSET, 'other'],
  ])
})

test('a job that never ran has only waited', () => {
  const { spans, ended } = record()
  spans.observeJob(queued, undefined)
  spans.observeJob({ ...queued, state: 'canceled', times: { createdAtMs: 1000, completedAtMs: 1500 } }, 'queued')
  expect(ended().map(times)).toEqual([
    ['queue', 1000, 1500],
    ['job a/one', 1000, 1500],
  ])
})

test('a job of an earlier process goes on below the same request, without a submit', () => {
  const { spans, ended } = record()
  const adopted = { beganAtMs: 9000, submittedAtMs: undefined, startedAtMs: 9100, executedAtMs: 9200, endedAtMs: 9300 }
  spans.observeAttempt(makeAttempt(queued, { isAdopted: true, times: adopted }))
  spans.observeJob({ ...queued, state: 'succeeded', times: { createdAtMs: 1000, completedAtMs: 9400 } }, 'running')
  expect(ended().map(({ name }) => name)).toEqual(['queue', 'run', 'fetch outputs', 'attempt', 'job a/one'])
  expect(ended().at(-1)?.parentSpanContext?.spanId).toBe(traceparent.slice(36, 52))
})

test('jobs that are open at the end are told as such, once', () => {
  const { spans, ended } = record()
  spans.observeJob(queued, undefined)
  spans.close()
  spans.close()
  expect(ended().map(({ name, attributes }) => [name, attributes['comfyui_api.outcome']])).toEqual([
    ['job a/one', 'open'],
  ])
})

test.each([
  [200, api.SpanStatusCode.UNSET, undefined],
  [404, api.SpanStatusCode.UNSET, undefined],
  [503, api.SpanStatusCode.ERROR, undefined],
  [undefined, api.SpanStatusCode.UNSET, 'caller_left'],
])('a request that is answered with %s has status %s', (status, code, errorType) => {
  const { spans, ended } = record()
  const facts = { requestId: 'r1', method: 'GET', route: '/jobs/:id', path: '/jobs/j1', parent: traceparent }
  const request = spans.beginRequest(facts)
  expect(traceIdOf(request.traceparent)).toBe(traceIdOf(traceparent))
  request.end({ status })
  const [span] = ended()
  expect(span?.name).toBe('GET /jobs/:id')
  expect([span?.status.code, span?.attributes['error.type']]).toEqual([code, errorType])
  expect(request.traceparent).toContain(span?.spanContext().spanId)
})

test('a request without a caller begins a trace', () => {
  const { spans, ended } = record()
  const facts = { requestId: 'r1', method: 'GET', route: undefined, path: '/nowhere', parent: undefined }
  spans.beginRequest(facts).end({ status: 404 })
  expect(ended()[0]).toMatchObject({ name: 'GET', parentSpanContext: undefined })
})

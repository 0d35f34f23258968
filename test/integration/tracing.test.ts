import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import type { JobResource } from '../../src/http/schemas/job.ts'
import { createSimulator } from '../../src/simulator/simulator.ts'
import { createClient } from '../support/call-gateway.ts'
import { OtlpReceiver } from '../support/otlp-receiver.ts'
import { startGateway, testWorkflows } from '../support/start-gateway.ts'

/* Spans as a collector gets them, of jobs that run in the simulator. */

const loaded = vi.hoisted(() => ({ packages: 0 }))
vi.mock('@opentelemetry/sdk-trace', async (importOriginal) => {
  loaded.packages++
  return await importOriginal()
})

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const callersSpan = '00f067aa0ba902b7'

afterEach(() => {
  vi.unstubAllEnvs()
})

/** The configuration gets the variables as an argument; the packages read those of the process. */
async function startTraced(
  env: Readonly<Record<string, string>>,
): Promise<AsyncDisposable & { client: ReturnType<typeof createClient> }> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  const gateway = await startGateway({
    flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows], shippedWorkflows: false },
    env,
  })
  await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(200)
  return {
    client: createClient(() => gateway.url),
    async [Symbol.asyncDispose]() {
      await gateway.close()
      await simulator.close()
    },
  }
}

// First, because a package that was loaded stays loaded.
test('without the variables nothing of OpenTelemetry is loaded', async () => {
  await using stage = await startTraced({})
  await stage.client.run('/test/picture', { color: 1 })
  expect(loaded.packages).toBe(0)
})

test('a whole job is one trace below the span of its caller', async () => {
  await using receiver = await new OtlpReceiver().listen()
  let job: JobResource
  {
    await using stage = await startTraced({
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=images',
      OTEL_SERVICE_NAME: 'pictures',
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
    })
    expect(loaded.packages).toBe(1)
    const headers = { traceparent: `00-${traceId}-${callersSpan}-01`, 'x-request-id': 'order-1' }
    const { id } = await stage.client.run('/test/picture', { color: 1 }, headers)
    job = await stage.client.job(id)
  }
  const request = receiver.span('POST /*')
  const whole = receiver.span('job test/picture')
  const attempt = receiver.span('attempt')
  const ofJob = receiver.spans.filter((span) => span.traceId === traceId)
  expect(job.trace_id).toBe(traceId)
  expect(request).toMatchObject({
    traceId,
    parentSpanId: callersSpan,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/*',
      'url.path': '/test/picture',
      'http.response.status_code': 200,
      'comfyui_api.request.id': 'order-1',
    },
  })
  expect(whole).toMatchObject({
    traceId,
    parentSpanId: request.spanId,
    attributes: {
      'comfyui_api.job.id': job.id,
      'comfyui_api.request.id': 'order-1',
      'comfyui_api.workflow': 'test/picture',
      'comfyui_api.outcome': 'succeeded',
      'comfyui_api.attempts': 1,
      'comfyui_api.outputs': 1,
    },
  })
  expect(receiver.below(whole)).toEqual(['attempt', 'queue'])
  expect(receiver.below(attempt)).toEqual(['fetch outputs', 'run', 'submit'])
  expect(ofJob).toHaveLength(7)
  for (const span of ofJob) {
    expect(span.endTimeUnixNano).toBeGreaterThanOrEqual(span.startTimeUnixNano)
    expect(span.status.code).toBe(0)
  }
  for (const resource of receiver.resources)
    expect(resource).toMatchObject({ 'service.name': 'pictures', 'deployment.environment.name': 'test' })
  for (const { path, headers } of receiver.requests)
    expect([path, headers['x-tenant'], headers['content-type']]).toEqual(['/v1/traces', 'images', 'application/json'])
})

test('a job that fails is an error, with its code and without what its caller sent', async () => {
  const canary = 'canary-77ab'
  await using receiver = await new OtlpReceiver().listen()
  {
    await using stage = await startTraced({ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver.url}/own/path` })
    const response = await stage.client.post('/test/fail', { message: canary }, { cookie: canary })
    expect([response.status, await response.text()]).toEqual([500, expect.any(String)])
  }
  const request = receiver.span('POST /*')
  expect(request.parentSpanId ?? '').toBe('')
  expect(receiver.span('job test/fail')).toMatchObject({
    traceId: request.traceId,
    parentSpanId: request.spanId,
    status: { code: 2, message: 'execution_error' },
    attributes: { 'error.type': 'execution_error', 'comfyui_api.outcome': 'failed' },
  })
  expect(receiver.span('attempt').status.code).toBe(2)
  expect(request.status.code).toBe(2)
  expect(receiver.requests[0]?.path).toBe('/own/path')
  expect(JSON.stringify(receiver.spans, (_, value: unknown) => (typeof value === 'bigint' ? '' : value))).not.toContain(
    canary,
  )
})

test('a trace that is not kept is continued all the same', async () => {
  await using receiver = await new OtlpReceiver().listen()
  {
    await using stage = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url })
    const headers = { traceparent: `00-${traceId}-${callersSpan}-00` }
    const { id } = await stage.client.run('/test/picture', { color: 1 }, headers)
    expect((await stage.client.job(id)).trace_id).toBe(traceId)
  }
  expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([])
})

test('a collector that is down, or takes connections and never answers, costs no job', async () => {
  const sockets: Socket[] = []
  const deaf = createServer((socket) => void sockets.push(socket))
  deaf.listen(0, '127.0.0.1')
  await once(deaf, 'listening')
  const { port } = deaf.address() as AddressInfo
  try {
    for (const url of ['http://127.0.0.1:9', `http://127.0.0.1:${port}`]) {
      await using stage = await startTraced({ OTEL_EXPORTER_OTLP_ENDPOINT: url })
      const results = await Promise.all([1, 2, 3].map((color) => stage.client.run('/test/picture', { color })))
      expect(results.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
    }
  } finally {
    deaf.close()
    for (const socket of sockets) socket.destroy()
  }
})

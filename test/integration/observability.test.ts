import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { parsePythonJson } from '../../src/lib/parse-python-json.ts'
import { createLogger } from '../../src/observability/logger.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { makePng } from '../support/make-image.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

/* What operators see of the whole gateway: its log at the finest level, its metrics, and the history of ComfyUI. */

/** In everything that is to stay out of the log. Of letters that base64 text may have. */
const canary = 'CANARYx5b1eZZZZ'
const key = `key-${canary}-0123456789`
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const auth = { authorization: `Bearer ${key}` }

const lines: string[] = []
let simulator: Simulator
let gateway: RunningGateway

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  const stream = { write: (line: string) => void lines.push(line) }
  gateway = await startGateway({
    flags: {
      comfyuiUrl: [simulator.url.replace('//', `//me:${canary}@`)],
      workflows: [testWorkflows],
      shippedWorkflows: false,
    },
    env: { COMFYUI_API_KEY: key },
    logger: createLogger({ level: 'trace', format: 'json', isTerminal: false, stream }),
  })
  const ready = async () => (await fetch(`${gateway.url}/ready`, { headers: auth })).status
  await vi.waitUntil(async () => (await ready()) === 200, { timeout: 60_000 })
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
})

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...auth, ...headers },
    body: JSON.stringify(body),
  })
}

const lineSchema = z.looseObject({ msg: z.string(), requestId: z.string().optional() })

async function logged(message: string, requestId: string): Promise<z.infer<typeof lineSchema>> {
  const find = () =>
    lines
      .map((line) => lineSchema.parse(JSON.parse(line)))
      .find((line) => line.msg === message && line.requestId === requestId)
  await expect.poll(find, { timeout: 60_000 }).toBeDefined()
  return find() ?? expect.fail(`no line ${message}`)
}

const historySchema = z.record(
  z.string(),
  z.looseObject({ prompt: z.tuple([z.number(), z.string(), z.unknown(), z.looseObject({})]).rest(z.unknown()) }),
)

test('one request is found by its id in the answer, the log, the job and the history of ComfyUI', async () => {
  const headers = { 'x-request-id': 'order-4711', traceparent: `00-${traceId}-00f067aa0ba902b7-01` }
  const response = await post('/test/picture', { color: 1 }, headers)
  await response.arrayBuffer()
  expect([response.status, response.headers.get('x-request-id')]).toEqual([200, 'order-4711'])
  const jobLine = await logged('job ended', 'order-4711')
  expect(jobLine).toMatchObject({
    level: 'info',
    traceId,
    workflow: 'test/picture',
    outcome: 'succeeded',
    attempts: 1,
    instance: new URL(simulator.url).host,
    queueMs: expect.any(Number),
    runMs: expect.any(Number),
    totalMs: expect.any(Number),
  })
  expect(await logged('request answered', 'order-4711')).toMatchObject({
    level: 'debug',
    traceId,
    method: 'POST',
    path: '/test/picture',
    status: 200,
  })
  const text = await (await fetch(`${simulator.url}/history`)).text()
  const [entry] = Object.entries(historySchema.parse(parsePythonJson(text))).filter(
    ([promptId]) => promptId === jobLine['promptId'],
  )
  expect(entry?.[1].prompt[3]).toMatchObject({
    comfyui_api: { job_id: jobLine['jobId'], request_id: 'order-4711', workflow: 'test/picture', trace_id: traceId },
  })
})

test('nothing that a caller or an operator keeps to themselves is in the log', async () => {
  const picture = makePng(64, 64)
  const form = new FormData()
  form.set('picture', new Blob([picture], { type: 'image/png' }), `${canary}.png`)
  const answers = [
    await post('/test/text', { text: canary }, { cookie: `session=${canary}`, 'x-api-key': canary }),
    await post('/test/loaded', { picture: picture.toString('base64') + canary }),
    await post('/test/loaded', { picture: `data:image/png;base64,${picture.toString('base64')}` }),
    await fetch(`${gateway.url}/test/loaded`, { method: 'POST', headers: auth, body: form }),
    await post('/test/picture', { color: canary, [canary]: canary }),
    await post(`/test/picture?token=${canary}`, {}),
    await post('/test/picture', {}, { authorization: `Bearer ${canary}-wrong` }),
    await post('/test/picture', { color: 3 }, { 'idempotency-key': canary, prefer: `wait=${canary}` }),
    await fetch(`${gateway.url}/jobs`, { headers: { 'proxy-authorization': canary, 'x-api-key': key } }),
  ]
  for (const answer of answers) await answer.arrayBuffer()
  expect(new Set(answers.map(({ status }) => Math.floor(status / 100)))).toEqual(new Set([2, 4]))
  for (const answer of answers) await logged('request answered', answer.headers.get('x-request-id') ?? '')
  expect(lines.length).toBeGreaterThan(answers.length)
  expect(lines.filter((line) => line.includes(canary))).toEqual([])
  expect(lines.filter((line) => line.includes(picture.toString('base64').slice(0, 60)))).toEqual([])
})

describe('the metrics of a running gateway', () => {
  const scrape = async () => (await fetch(`${gateway.url}/metrics`, { headers: auth })).text()

  test('need a key', async () => {
    const response = await fetch(`${gateway.url}/metrics`)
    await response.text()
    expect(response.status).toBe(401)
  })

  test('know its jobs, its instance and its requests', async () => {
    await (await post('/test/picture', { color: 2 })).arrayBuffer()
    await (await post('/test/nowhere', {})).arrayBuffer()
    const found = 'route="/{workflow}",status="404"'
    await expect.poll(scrape, { timeout: 60_000 }).toContain(`{le="0.005",method="POST",${found}}`)
    const instance = `comfyui_instance="${new URL(simulator.url).host}"`
    // What is heard is noted a few times a second.
    await expect.poll(scrape).toContain(`\ncomfyui_api_instance_last_heard_timestamp_seconds{${instance}} `)
    const text = await scrape()
    for (const start of [
      'comfyui_api_jobs_total{workflow="test/picture",outcome="succeeded"} ',
      'comfyui_api_job_queue_duration_seconds_count{workflow="test/picture",outcome="succeeded"} ',
      'comfyui_api_job_run_duration_seconds_bucket{le="1800",workflow="test/picture",outcome="succeeded"} ',
      `comfyui_api_job_attempts_total{${instance},outcome="succeeded"} `,
      'comfyui_api_jobs_open{state="queued"} 0',
      'comfyui_api_queue_depth 0',
      `comfyui_api_instance_up{${instance}} 1`,
      `comfyui_api_instance_state{${instance},state="ready"} 1`,
      `comfyui_api_instance_breaker_state{${instance},state="closed"} 1`,
      `comfyui_api_instance_vram_total_bytes{${instance},device="0 `,
      'comfyui_api_event_streams_open 0',
      'nodejs_eventloop_lag_p99_seconds ',
    ])
      expect(text).toContain(`\n${start}`)
    expect(text).not.toContain('nowhere')
    expect(text).not.toContain(canary)
  })

  test('count event streams while they are open', async () => {
    const leaving = new AbortController()
    const stream = await fetch(`${gateway.url}/test/slow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...auth },
      body: '{"seconds":60}',
      signal: leaving.signal,
    })
    expect(stream.status).toBe(200)
    expect(await scrape()).toContain('comfyui_api_event_streams_open 1\n')
    leaving.abort()
    await expect.poll(scrape, { timeout: 60_000 }).toContain('comfyui_api_event_streams_open 0\n')
  })
})

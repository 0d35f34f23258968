import { afterAll, beforeAll, expect, test } from 'vitest'
import { PNG } from 'pngjs'
import { z } from 'zod'
import { parsePythonJson } from '../../src/lib/parse-python-json.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let gateway: RunningGateway

beforeAll(async () => {
  simulator = await createSimulator({ version: '0.33.0', testNodes: true, stepDelayMs: 0 })
  gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
})

function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

async function countEndedPrompts(): Promise<number> {
  const history = z.record(z.string(), z.unknown())
  return Object.keys(
    history.parse(parsePythonJson(await (await fetch(`${simulator.url}/history?max_items=10000`)).text())),
  ).length
}

async function getJob(id: string): Promise<any> {
  return (await fetch(`${gateway.url}/jobs/${id}`)).json()
}

test('answers with the picture that ComfyUI made', async () => {
  const response = await post('/test/picture', { color: 0x336699 }, { accept: 'image/png' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('image/png')
  const picture = PNG.sync.read(Buffer.from(await response.arrayBuffer()))
  expect([picture.width, picture.height]).toEqual([32, 32])
})

test('keeps the order of a batch, and every output can be fetched later', async () => {
  const result = await (await post('/test/picture', { color: 5, batch_size: 3 })).json()
  expect(result.outputs.map((output: { index: number; name: string }) => [output.index, output.name])).toEqual([
    [0, 'image'],
    [1, 'image'],
    [2, 'image'],
  ])
  for (const [index, output] of result.outputs.entries()) {
    const bytes = Buffer.from(await (await fetch(gateway.url + output.url)).arrayBuffer())
    expect(bytes.toString('base64')).toBe(result.images[index])
  }
})

test('returns texts as outputs', async () => {
  const result = await (await post('/test/text', { text: 'héllo' })).json()
  const texts = await Promise.all(
    result.outputs.map(async (output: { url: string }) => (await fetch(gateway.url + output.url)).text()),
  )
  expect(texts).toContain('héllo')
})

test('tells the failed node, its class and message, and no path of the server', async () => {
  const response = await post('/test/fail', { message: 'cannot open /opt/ComfyUI/models/x.safetensors' })
  expect(response.status).toBe(500)
  const problem = await response.json()
  expect(problem).toMatchObject({
    code: 'execution_error',
    retryable: false,
    node: { id: '2', class_type: 'TestFail', exception_type: 'ValueError' },
  })
  expect(JSON.stringify(problem)).not.toContain('/opt/')
  expect(JSON.stringify(problem)).not.toContain('raceback')
  expect(await getJob(problem.job_id)).toMatchObject({ status: 'failed', error: { code: 'execution_error' } })
})

test('tells out of memory from other failures', async () => {
  const response = await post('/test/fail', { kind: 'oom' })
  expect(await response.json()).toMatchObject({ code: 'out_of_memory', retryable: true })
})

test("names the caller's parameter that ComfyUI refused, at its depth", async () => {
  const response = await post('/test/refused', { size: { width: 999_999 } })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({
    code: 'invalid_workflow',
    errors: [
      {
        pointer: '/size/width',
        code: 'value_bigger_than_max',
        node: { id: '1', class_type: 'EmptyImage', input: 'width' },
      },
    ],
  })
})

test('refuses a prompt that ComfyUI would only run in part', async () => {
  const response = await post('/test/refused', { size: { width: 16 }, load: true, model: 'missing.safetensors' })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ errors: [{ pointer: '/model', code: 'value_not_in_list' }] })
})

test('an unknown parameter is refused with the nearest name, also inside an object', async () => {
  const response = await post('/test/refused', { size: { widht: 16 } })
  expect(response.status).toBe(400)
  const { errors } = await response.json()
  expect(errors).toContainEqual(
    expect.objectContaining({ pointer: '/size/widht', message: expect.stringContaining('width') }),
  )
})

test('reports progress over the whole job to one who asks', async () => {
  const accepted = await post('/test/slow', { seconds: 0.6, ticks: 12, nonce: 1 }, { prefer: 'respond-async' })
  expect(accepted.status).toBe(202)
  const { id } = await accepted.json()
  const seen: number[] = []
  for (;;) {
    const job = await getJob(id)
    if (job.progress) seen.push(job.progress.value)
    if (job.status === 'succeeded') break
    expect(['queued', 'running']).toContain(job.status)
  }
  expect(seen.length).toBeGreaterThan(2)
  expect(seen).toEqual(seen.toSorted((left, right) => left - right))
})

test('cancels a job that waits, and one that runs', async () => {
  const ids: string[] = []
  for (const nonce of [11, 12, 13, 14]) {
    const accepted = await post('/test/slow', { seconds: 20, ticks: 400, nonce }, { prefer: 'respond-async' })
    ids.push((await accepted.json()).id)
  }
  for (const id of ids.toReversed()) {
    const response = await fetch(`${gateway.url}/jobs/${id}/cancel`, { method: 'POST' })
    expect(response.status).toBe(200)
    expect(['canceling', 'canceled']).toContain((await response.json()).status)
  }
  await expect
    .poll(async () => (await Promise.all(ids.map(getJob))).map(({ status }) => status), { timeout: 10_000 })
    .toEqual(ids.map(() => 'canceled'))
  const next = await post('/test/picture', { color: 9 })
  expect(next.status).toBe(200)
})

test('one key, ten requests at once: one job', async () => {
  const keys = Array.from({ length: 50 }, (_, index) => `key-${String(index)}`)
  const before = await countEndedPrompts()
  await Promise.all(
    keys.map(async (key, index) => {
      const answers = await Promise.all(
        Array.from({ length: 10 }, async () =>
          (await post('/test/picture', { color: index }, { 'idempotency-key': key, prefer: 'respond-async' })).json(),
        ),
      )
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    }),
  )
  await expect.poll(async () => (await countEndedPrompts()) - before, { timeout: 10_000 }).toBe(keys.length)
})

test('the same key with another body is refused', async () => {
  const headers = { 'idempotency-key': 'reused' }
  expect((await post('/test/picture', { color: 1 }, headers)).status).toBe(200)
  const again = await post('/test/picture', { color: 1 }, headers)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  const other = await post('/test/picture', { color: 2 }, headers)
  expect([other.status, (await other.json()).code]).toEqual([422, 'idempotency_key_reuse'])
})

import { PNG } from 'pngjs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { countEndedPrompts, createClient, readProblem } from '../support/call-gateway.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
let gateway: RunningGateway
const client = createClient(() => gateway.url)

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
})

test('answers with the picture that ComfyUI made', async () => {
  const response = await client.post('/test/picture', { color: 0x336699 }, { accept: 'image/png' })
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('image/png')
  const picture = PNG.sync.read(Buffer.from(await response.arrayBuffer()))
  expect([picture.width, picture.height]).toEqual([32, 32])
})

test('keeps the order of a batch, and every output can be fetched later', async () => {
  const result = await client.run('/test/picture', { color: 5, batch_size: 3 })
  expect(result.outputs.map(({ index, name }) => [index, name])).toEqual([
    [0, 'image'],
    [1, 'image'],
    [2, 'image'],
  ])
  for (const { index, url } of result.outputs) {
    expect((await client.bytes(url)).toString('base64')).toBe(result.images[index])
  }
})

test('returns texts as outputs', async () => {
  const result = await client.run('/test/text', { text: 'héllo' })
  const texts = await Promise.all(result.outputs.map(async ({ url }) => String(await client.bytes(url))))
  expect(texts).toContain('héllo')
})

test('tells the failed node, its class and message, and no path of the server', async () => {
  const response = await client.post('/test/fail', { message: 'cannot open /opt/ComfyUI/models/x.safetensors' })
  expect(response.status).toBe(500)
  const problem = await readProblem(response)
  expect(problem).toMatchObject({
    code: 'execution_error',
    retryable: false,
    node: { id: '2', class_type: 'TestFail', exception_type: 'ValueError' },
  })
  expect(JSON.stringify(problem)).not.toMatch(/\/opt\/|raceback/)
  expect(await client.job(problem.job_id ?? '')).toMatchObject({ status: 'failed', error: { code: 'execution_error' } })
})

test('tells out of memory from other failures', async () => {
  const problem = await readProblem(await client.post('/test/fail', { kind: 'oom' }))
  expect(problem).toMatchObject({ code: 'out_of_memory', retryable: true })
})

test("names the caller's parameter that ComfyUI refused, at its depth", async () => {
  const response = await client.post('/test/refused', { size: { width: 999_999 } })
  expect(response.status).toBe(422)
  expect(await readProblem(response)).toMatchObject({
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
  const before = await countEndedPrompts(simulator.url)
  const response = await client.post('/test/refused', { size: { width: 16 }, load: true, model: 'missing.safetensors' })
  expect(response.status).toBe(422)
  expect(await readProblem(response)).toMatchObject({ errors: [{ pointer: '/model', code: 'value_not_in_list' }] })
  expect((await countEndedPrompts(simulator.url)) - before).toBeLessThanOrEqual(1)
})

test('an unknown parameter is refused with the nearest name, also inside an object', async () => {
  const response = await client.post('/test/refused', { size: { widht: 16 } })
  expect(response.status).toBe(400)
  const { errors } = await readProblem(response)
  const [unknown] = errors.filter(({ pointer }) => pointer === '/size/widht')
  expect(unknown?.message).toContain('"width"')
})

test('reports progress over the whole job to one who asks', async () => {
  const { id } = await client.submit('/test/slow', { seconds: 0.6, ticks: 12, nonce: 1 })
  const seen: number[] = []
  for (let job = await client.job(id); job.status !== 'succeeded'; job = await client.job(id)) {
    expect(['queued', 'running']).toContain(job.status)
    if (job.progress) seen.push(job.progress.value)
  }
  expect(new Set(seen).size).toBeGreaterThan(2)
  expect(seen).toEqual(seen.toSorted((left, right) => left - right))
})

test('cancels jobs that wait, that wait on the instance, and that run', async () => {
  const ids: string[] = []
  for (const nonce of [11, 12, 13, 14]) {
    ids.push((await client.submit('/test/slow', { seconds: 20, ticks: 400, nonce })).id)
  }
  for (const id of ids.toReversed()) expect(['canceling', 'canceled']).toContain((await client.cancel(id)).status)
  const statuses = async () => (await Promise.all(ids.map((id) => client.job(id)))).map(({ status }) => status)
  await expect.poll(statuses).toEqual(ids.map(() => 'canceled'))
  expect((await client.cancel(ids[0] ?? '')).status).toBe('canceled')
  await client.run('/test/picture', { color: 9 })
})

test('one key, ten requests at once: one job, a thousand times', async () => {
  const keys = Array.from({ length: 1000 }, (_, index) => `key-${String(index)}`)
  const before = await countEndedPrompts(simulator.url)
  const work = keys.entries()
  const caller = async () => {
    for (const [index, key] of work) {
      const same = () => client.submit('/test/picture', { color: index }, { 'idempotency-key': key })
      const answers = await Promise.all(Array.from({ length: 10 }, same))
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, caller))
  await expect.poll(async () => (await countEndedPrompts(simulator.url)) - before).toBe(keys.length)
})

test('the same key with another body is refused', async () => {
  const headers = { 'idempotency-key': 'reused' }
  expect((await client.post('/test/picture', { color: 1 }, headers)).status).toBe(200)
  const again = await client.post('/test/picture', { color: 1 }, headers)
  expect(again.headers.get('idempotency-replayed')).toBe('true')
  const other = await client.post('/test/picture', { color: 2 }, headers)
  expect([other.status, (await readProblem(other)).code]).toEqual([422, 'idempotency_key_reuse'])
})

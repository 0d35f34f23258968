import { randomUUID } from 'node:crypto'
import { readdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { jobDetailSchema, jobSchema } from '../../src/http/schemas/job.ts'
import { jobListSchema } from '../../src/http/schemas/job-list.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { parsePythonJson } from '../../src/lib/parse-python-json.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { countEndedPrompts, createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { readEvents } from '../support/read-events.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

const keys = { first: 'first-key-0123456789', second: 'second-key-012345678' }
const generous = 60_000

let simulator: Simulator
let dataDir: string
let gateway: RunningGateway
const client = createClient(() => gateway.url)

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  dataDir = await makeDataDir()
  gateway = await start()
})
afterAll(async () => {
  await gateway.close()
  await simulator.close()
  await rm(dataDir, { recursive: true, force: true })
})

function start(env: Record<string, string> = {}): Promise<RunningGateway> {
  return startGateway({ dataDir, env, flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
}

async function restart(): Promise<void> {
  await gateway.close()
  gateway = await start()
}

function request(method: string, where: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(gateway.url + where, { method, headers })
}

async function statusOf(response: Response): Promise<number> {
  await response.arrayBuffer()
  return response.status
}

/** Waits by long polls, each of which the gateway holds. */
async function ended(id: string) {
  for (;;) {
    const response = await request('GET', `/jobs/${id}`, { prefer: 'wait=30' })
    const job = jobSchema.parse(await response.json())
    if (job.completed_at !== null) return job
  }
}

async function list(query: string) {
  return jobListSchema.parse(await (await request('GET', `/jobs?${query}`)).json())
}

const historySchema = z.record(
  z.string(),
  z.object({ prompt: z.tuple([z.number(), z.string(), z.unknown()]).rest(z.unknown()) }),
)

/** Every graph that ComfyUI ran, as text. */
async function graphsRun(): Promise<string[]> {
  const history = await (await fetch(`${simulator.url}/history?max_items=100000`)).text()
  return Object.values(historySchema.parse(parsePythonJson(history))).map(({ prompt }) => JSON.stringify(prompt[2]))
}

/** Occupies ComfyUI until `release`, so that what comes after waits. */
async function occupy(): Promise<{ release(): Promise<void> }> {
  const jobs = [0, 1].map((nonce) => client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 1000 + nonce }))
  const ids = (await Promise.all(jobs)).map(({ id }) => id)
  await expect.poll(async () => (await client.job(ids[0] ?? '')).status, { timeout: generous }).toBe('running')
  return {
    async release() {
      for (const id of ids) await client.cancel(id)
      for (const id of ids) await ended(id)
    },
  }
}

describe('a chosen id', () => {
  test('is the id of the job, and the same request is the same job', async () => {
    const body = { input: { color: 1 }, id: 'chosen_1-A' }
    const first = await client.post('/test/picture', body)
    expect([first.status, first.headers.get('idempotency-replayed')]).toEqual([200, null])
    const result = resultSchema.parse(await first.json())
    expect(result).toMatchObject({ id: 'chosen_1-A', status: 'succeeded', urls: { self: '/jobs/chosen_1-A' } })
    const again = await client.post('/test/picture', body)
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(resultSchema.parse(await again.json())).toMatchObject({ id: 'chosen_1-A', images: result.images })
  })

  test('is refused with another body, in another workflow, and for a job that has its id from the server', async () => {
    const { id } = await client.submit('/test/picture', { color: 1 }, { 'job-id': 'taken' })
    const other = await client.submit('/test/picture', { color: 1 })
    for (const [route, body, chosen] of [
      ['/test/picture', { color: 2 }, id],
      ['/test/text', { text: 'a' }, id],
      ['/test/picture', { color: 1 }, other.id],
    ] as const) {
      const response = await client.post(route, body, { 'job-id': chosen })
      expect(response.status).toBe(409)
      expect(await readProblem(response)).toMatchObject({ code: 'id_conflict', retryable: false })
    }
  })

  test('makes one job of requests that come at once', async () => {
    const before = await countEndedPrompts(simulator.url)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => client.post('/test/picture', { color: 77 }, { 'job-id': 'at-once' })),
    )
    const ids = await Promise.all(answers.map(async (answer) => resultSchema.parse(await answer.json()).id))
    expect(new Set(ids)).toEqual(new Set(['at-once']))
    expect(answers.filter(({ headers }) => headers.get('idempotency-replayed') === null)).toHaveLength(1)
    expect((await countEndedPrompts(simulator.url)) - before).toBe(1)
  })

  test('of a key that belongs to another job is refused', async () => {
    const headers = { 'idempotency-key': 'with-id' }
    await client.submit('/test/picture', { color: 1 }, { ...headers, 'job-id': 'with-key' })
    const same = await client.submit('/test/picture', { color: 1 }, { ...headers, 'job-id': 'with-key' })
    expect(same.id).toBe('with-key')
    const response = await client.post('/test/picture', { color: 1 }, { ...headers, 'job-id': 'without-key' })
    expect(await readProblem(response)).toMatchObject({ code: 'id_conflict' })
  })

  test('outlives the process', async () => {
    await client.run('/test/picture', { color: 3 }, { 'job-id': 'across' })
    await restart()
    const again = await client.post('/test/picture', { color: 3 }, { 'job-id': 'across' })
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    await again.arrayBuffer()
    expect(await statusOf(await client.post('/test/picture', { color: 4 }, { 'job-id': 'across' }))).toBe(409)
  })

  test('tells upper from lower case, also in the outputs', async () => {
    const [upper, lower] = [
      await client.run('/test/picture', { color: 0xff0000 }, { 'job-id': 'Case' }),
      await client.run('/test/picture', { color: 0x0000ff }, { 'job-id': 'case' }),
    ]
    await restart()
    expect((await client.bytes('/jobs/Case/outputs/0')).toString('base64')).toBe(upper.images[0])
    expect((await client.bytes('/jobs/case/outputs/0')).toString('base64')).toBe(lower.images[0])
  })

  test('of another caller is taken, and nothing more is told', async () => {
    await using _locked = await locked()
    const body = { input: { color: 1 }, id: 'mine' }
    const post = (key: string, sent: unknown) => client.post('/test/picture', sent, { 'x-api-key': key })
    expect(await statusOf(await post(keys.first, body))).toBe(200)
    const [sameBody, otherBody] = [
      await readProblem(await post(keys.second, body)),
      await readProblem(await post(keys.second, { ...body, input: { color: 2 } })),
    ]
    expect([sameBody.code, otherBody.code]).toEqual(['id_conflict', 'id_conflict'])
    expect(sameBody.detail).toBe(otherBody.detail)
  })
})

/** The gateway asks for keys while this lasts. */
async function locked(): Promise<AsyncDisposable> {
  await gateway.close()
  gateway = await start({ COMFYUI_API_KEY: `${keys.first},${keys.second}` })
  return { [Symbol.asyncDispose]: () => restart() }
}

describe('a list', () => {
  test('is narrowed by tags, workflow, state and time, and goes on where it was while jobs arrive', async () => {
    const tag = 'list:test'
    const made = ['a', 'b', 'c', 'd'].map((name, index) => ({ name, color: index }))
    for (const { name, color } of made) {
      await client.run('/test/picture', { color }, { 'job-id': `list-${name}`, 'job-tags': `${tag},${name}` })
    }
    await (await client.post('/test/fail', {}, { 'job-id': 'list-e', 'job-tags': tag })).arrayBuffer()
    const idsOf = async (query: string) => (await list(query)).data.map(({ id }) => id)
    expect(await idsOf(`tag=${tag}`)).toEqual(['list-e', 'list-d', 'list-c', 'list-b', 'list-a'])
    expect(await idsOf(`tag=${tag}&tag=c`)).toEqual(['list-c'])
    expect(await idsOf(`tag=${tag},d`)).toEqual(['list-d'])
    expect(await idsOf(`tag=${tag}&status=failed&status=canceled`)).toEqual(['list-e'])
    expect(await idsOf(`tag=${tag}&workflow=test/picture&limit=2`)).toEqual(['list-d', 'list-c'])
    expect(await idsOf(`tag=${tag}&workflow=test/*&limit=2`)).toEqual(['list-e', 'list-d'])
    expect(await idsOf(`workflow=tes/*`)).toEqual([])
    const { created_at: between } = await client.job('list-c')
    const encoded = encodeURIComponent(between)
    expect(await idsOf(`tag=${tag}&created_before=${encoded}`)).toEqual(['list-b', 'list-a'])
    expect(await idsOf(`tag=${tag}&created_after=${encoded}`)).toEqual(['list-e', 'list-d'])
    const offset = between.replace('Z', '+00:00')
    expect(await idsOf(`tag=${tag}&created_after=${offset}&limit=1`)).toEqual(['list-e'])

    const first = await list(`tag=${tag}&limit=2`)
    await client.run('/test/picture', { color: 9 }, { 'job-tags': tag })
    const second = await list(`tag=${tag}&limit=2&cursor=${first.next_cursor ?? ''}`)
    expect(second.data.map(({ id }) => id)).toEqual(['list-c', 'list-b'])
    expect(second.data[0]?.tags).toEqual([tag, 'c'])
    const third = await list(`tag=${tag}&limit=2&cursor=${second.next_cursor ?? ''}`)
    expect([third.data.map(({ id }) => id), third.has_more, third.next_cursor]).toEqual([['list-a'], false, null])
  })

  test(
    'gives waiting jobs their places',
    async () => {
      const busy = await occupy()
      const waiting = await Promise.all(
        [5, 6, 7].map((nonce) => client.submit('/test/slow', { seconds: 0, nonce }, { 'job-tags': 'place' })),
      )
      const places = new Map((await list('tag=place')).data.map((job) => [job.id, job.queue_position]))
      expect([...places.values()].toSorted()).toEqual([0, 1, 2])
      for (const { id } of waiting) expect((await client.job(id)).queue_position).toBe(places.get(id))
      await busy.release()
      for (const { id } of waiting) expect((await ended(id)).status).toBe('succeeded')
    },
    generous,
  )
})

describe('a deadline', () => {
  test(
    'ends a job that runs, tells its caller, and frees the instance',
    async () => {
      const response = await client.post('/test/slow', { seconds: 60, ticks: 600, nonce: 1 }, { 'cancel-after': '1s' })
      expect(response.status).toBe(504)
      const problem = await readProblem(response)
      expect(problem).toMatchObject({ code: 'deadline_exceeded' })
      const job = await client.job(problem.job_id ?? '')
      expect(job).toMatchObject({ status: 'expired', error: { code: 'deadline_exceeded' } })
      expect(Date.parse(job.deadline_at ?? '') - Date.parse(job.created_at)).toBe(1000)
      await client.run('/test/picture', { color: 21 })
    },
    generous,
  )

  test(
    'ends a job that waits',
    async () => {
      const busy = await occupy()
      const waiting = await client.submit('/test/picture', { color: 22 }, { 'cancel-after': '0.5s' })
      expect(await ended(waiting.id)).toMatchObject({ status: 'expired', started_at: null, attempt: 0 })
      await busy.release()
    },
    generous,
  )

  test(
    'passes while the gateway is away',
    async () => {
      const running = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 2 }, { 'cancel-after': '2s' })
      await expect.poll(async () => (await client.job(running.id)).status, { timeout: generous }).not.toBe('queued')
      const next = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 9 })
      const waiting = await client.submit('/test/picture', { color: 23 }, { 'cancel-after': '2s' })
      await restart()
      expect((await ended(running.id)).status).toBe('expired')
      expect((await ended(waiting.id)).status).toBe('expired')
      expect(await statusOf(await request('DELETE', `/jobs/${next.id}`))).toBe(204)
    },
    generous,
  )
})

test('a job tells what it was run with, defaults included, also after a restart', async () => {
  await client.run('/test/slow', { seconds: 0, nonce: 77 }, { 'job-id': 'told' })
  const inputOf = async () => jobDetailSchema.parse(await (await request('GET', '/jobs/told')).json()).input
  const before = await inputOf()
  expect(before).toEqual({ seconds: 0, ticks: 10, nonce: 77 })
  await restart()
  expect(await inputOf()).toEqual(before)
})

describe('a long poll', () => {
  test('answers when the job has ended', async () => {
    const { id } = await client.submit('/test/slow', { seconds: 0.5, ticks: 5, nonce: 3 })
    const response = await request('GET', `/jobs/${id}`, { prefer: 'wait=60' })
    expect(response.headers.get('preference-applied')).toBe('wait=60')
    expect(jobSchema.parse(await response.json()).status).toBe('succeeded')
  })

  test(
    'answers with the job as it is when the time is over',
    async () => {
      const busy = await occupy()
      const { id } = await client.submit('/test/picture', { color: 24 })
      const response = await request('GET', `/jobs/${id}`, { prefer: 'wait=0' })
      expect(jobSchema.parse(await response.json()).status).toBe('queued')
      await busy.release()
      expect((await ended(id)).status).toBe('succeeded')
    },
    generous,
  )
})

describe('a deleted job', () => {
  const filesOf = (folder: string) => readdir(path.join(dataDir, folder))
  const leave = (folder: string, name: string) => writeFile(path.join(dataDir, folder, name), 'left')

  test('that has ended is gone with its files, and its id and its key are free', async () => {
    const headers = { 'job-id': 'deleted', 'idempotency-key': 'deleted-key' }
    await client.run('/test/picture', { color: 31, batch_size: 2 }, headers)
    const kept = new Set(await filesOf('outputs'))
    expect([...kept].filter((name) => name.startsWith('j~deleted~'))).toHaveLength(2)
    const response = await request('DELETE', '/jobs/deleted')
    expect([response.status, await response.text()]).toEqual([204, ''])
    expect((await filesOf('outputs')).filter((name) => name.startsWith('j~deleted~'))).toEqual([])
    for (const where of ['/jobs/deleted', '/jobs/deleted/outputs/0', '/jobs/deleted/events']) {
      expect(await readProblem(await request('GET', where))).toMatchObject({ code: 'job_not_found' })
    }
    expect(await statusOf(await request('DELETE', '/jobs/deleted'))).toBe(404)
    const other = await client.run('/test/picture', { color: 32 }, headers)
    expect([other.id, other.outputs.length]).toEqual(['deleted', 1])
    expect((await client.bytes('/jobs/deleted/outputs/0')).toString('base64')).toBe(other.images[0])
  })

  test('stays deleted after a restart', async () => {
    const { id } = await client.run('/test/picture', { color: 33 })
    const tag = 'stays'
    await client.run('/test/picture', { color: 34 }, { 'job-tags': tag, 'job-id': 'stays' })
    expect(await statusOf(await request('DELETE', `/jobs/${id}`))).toBe(204)
    expect(await statusOf(await request('DELETE', '/jobs/stays'))).toBe(204)
    await restart()
    expect(await statusOf(await request('GET', `/jobs/${id}`))).toBe(404)
    expect((await list(`tag=${tag}`)).data).toEqual([])
  })

  test('of which a crash left the files loses them at the next start, and no other job does', async () => {
    const picture = makePng(9, 9).toString('base64')
    const kept = await client.run('/test/loaded', { picture }, { 'job-id': 'Kept' })
    const before = { outputs: await filesOf('outputs'), inputs: await filesOf('inputs') }
    await gateway.close()
    for (const name of [`${randomUUID()}.0`, 'j~gone~1.0', 'j~gone~1.1.2.part']) await leave('outputs', name)
    await leave('inputs', `${'0'.repeat(64)}.png`)
    gateway = await start()
    expect(new Set(await filesOf('outputs'))).toEqual(new Set(before.outputs))
    await expect
      .poll(async () => new Set(await filesOf('inputs')), { timeout: generous })
      .toEqual(new Set(before.inputs))
    expect((await client.bytes('/jobs/Kept/outputs/0')).toString('base64')).toBe(kept.images[0])
  })

  test('takes the inputs along that no other job has', async () => {
    const [own, shared] = [makePng(5, 5), makePng(6, 6)].map((bytes) => bytes.toString('base64'))
    await client.run('/test/loaded', { picture: own }, { 'job-id': 'loaded-1' })
    await client.run('/test/loaded', { picture: shared }, { 'job-id': 'loaded-2' })
    await client.run('/test/loaded', { picture: shared }, { 'job-id': 'loaded-3' })
    const before = (await filesOf('inputs')).length
    const counts: number[] = []
    for (const id of ['loaded-1', 'loaded-2', 'loaded-3']) {
      expect(await statusOf(await request('DELETE', `/jobs/${id}`))).toBe(204)
      counts.push(before - (await filesOf('inputs')).length)
    }
    expect(counts).toEqual([1, 1, 2])
  })

  test(
    'that runs or waits is canceled first, and who follows it is told the end',
    async () => {
      const running = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 4 })
      await expect.poll(async () => (await client.job(running.id)).status, { timeout: generous }).toBe('running')
      const next = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 5 })
      const waiting = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 6 })
      const stream = await request('GET', `/jobs/${running.id}/events`)
      for (const { id } of [waiting, next, running]) {
        expect(await statusOf(await request('DELETE', `/jobs/${id}`))).toBe(204)
        expect(await statusOf(await request('GET', `/jobs/${id}`))).toBe(404)
      }
      const events = await readEvents(stream)
      expect(events.at(-1)).toMatchObject({ type: 'end', data: { id: running.id, status: 'canceled' } })
      await client.run('/test/picture', { color: 35 })
    },
    generous,
  )

  test(
    'takes a caller along who waits for it',
    async () => {
      const call = client.post('/test/slow', { seconds: 60, ticks: 600, nonce: 7 }, { 'job-id': 'waited-for' })
      await expect.poll(async () => statusOf(await request('GET', '/jobs/waited-for')), { timeout: generous }).toBe(200)
      expect(await statusOf(await request('DELETE', '/jobs/waited-for'))).toBe(204)
      expect(await readProblem(await call)).toMatchObject({ code: 'job_canceled' })
    },
    generous,
  )
})

async function removeInputs(): Promise<void> {
  const folder = path.join(dataDir, 'inputs')
  for (const name of await readdir(folder)) await rm(path.join(folder, name))
}

/** The picture itself: the file also says what prompt it was made of. */
function pixelsOf(png: Buffer): Buffer {
  return PNG.sync.read(png).data
}

describe('a retry', () => {
  test('runs the same prompt as another job, and says of which', async () => {
    const options = { tags: ['retry'], priority: 3, deadline: '10m' }
    const first = await client.run('/test/picture', { input: { color: 41, batch_size: 2 }, ...options })
    const before = await graphsRun()
    const response = await request('POST', `/jobs/${first.id}/retry`)
    expect(response.status).toBe(202)
    const job = jobSchema.parse(await response.json())
    expect(response.headers.get('location')).toBe(`/jobs/${job.id}`)
    expect(job).toMatchObject({ workflow: 'test/picture', retry_of: first.id, tags: ['retry'] })
    expect(Date.parse(job.deadline_at ?? '') - Date.parse(job.created_at)).toBe(600_000)
    const again = await ended(job.id)
    expect(again).toMatchObject({ status: 'succeeded', outputs: [{ index: 0 }, { index: 1 }] })
    const [graph = ''] = (await graphsRun()).slice(before.length)
    const prefix = /"comfyui-api\/[0-9a-f-]{36}"/
    expect(before.at(-1)?.replace(prefix, '')).toBe(graph.replace(prefix, ''))
    expect(prefix.exec(before.at(-1) ?? '')?.[0], 'files of the first run may be gone').not.toBe(
      prefix.exec(graph)?.[0],
    )
    const picture = await client.bytes(`/jobs/${job.id}/outputs/0`)
    expect(pixelsOf(picture)).toEqual(pixelsOf(Buffer.from(first.images[0] ?? '', 'base64')))
  })

  test('takes other options, waits when asked to, and is known by its key', async () => {
    const first = await client.run('/test/picture', { color: 42 }, { 'job-tags': 'before' })
    const headers = { prefer: 'wait=60', 'job-tags': 'after', 'cancel-after': '5m', 'idempotency-key': 'retry-key' }
    const retry = () => client.post(`/jobs/${first.id}/retry`, { priority: 7, id: 'retried' }, headers)
    const response = await retry()
    expect(response.status).toBe(200)
    const result = resultSchema.parse(await response.json())
    expect(result).toMatchObject({ id: 'retried', retry_of: first.id, tags: ['after'] })
    expect(result.images).toHaveLength(first.images.length)
    const again = await retry()
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([200, 'true'])
    expect(resultSchema.parse(await again.json()).id).toBe('retried')
  })

  test('brings the media along', async () => {
    const picture = makePng(7, 7).toString('base64')
    const first = await client.run('/test/loaded', { picture })
    const retried = jobSchema.parse(await (await request('POST', `/jobs/${first.id}/retry`)).json())
    expect(await statusOf(await request('DELETE', `/jobs/${first.id}`))).toBe(204)
    expect((await ended(retried.id)).status).toBe('succeeded')
    const second = jobSchema.parse(await (await request('POST', `/jobs/${retried.id}/retry`)).json())
    expect(await ended(second.id)).toMatchObject({ status: 'succeeded', retry_of: retried.id })
  })

  test(
    'of a job that has not ended, or that nobody knows, is refused',
    async () => {
      const { id } = await client.submit('/test/slow', { seconds: 60, ticks: 600, nonce: 8 })
      const response = await request('POST', `/jobs/${id}/retry`)
      expect(response.status).toBe(409)
      expect(await readProblem(response)).toMatchObject({ code: 'job_not_retryable' })
      expect(await statusOf(await request('DELETE', `/jobs/${id}`))).toBe(204)
      expect(await readProblem(await request('POST', `/jobs/${id}/retry`))).toMatchObject({ code: 'job_not_found' })
    },
    generous,
  )

  test('refuses what is no option', async () => {
    const { id } = await client.run('/test/picture', { color: 43 })
    const response = await client.post(`/jobs/${id}/retry`, { color: 1 })
    expect(await readProblem(response)).toMatchObject({
      code: 'validation_error',
      errors: [{ pointer: '/color', code: 'unknown_option' }],
    })
    const list = await client.post(`/jobs/${id}/retry`, [])
    expect(await readProblem(list)).toMatchObject({ code: 'malformed_body' })
  })

  test('says when the media are gone', async () => {
    const picture = makePng(8, 8).toString('base64')
    const { id } = await client.run('/test/loaded', { picture })
    await removeInputs()
    const response = await request('POST', `/jobs/${id}/retry`)
    expect(response.status).toBe(410)
    expect(await readProblem(response)).toMatchObject({ code: 'input_expired' })
  })
})

import { expect, test, vi } from 'vitest'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { onePicture, type ScriptedComfyui, type SeenRequest } from '../support/scripted-comfyui.ts'
import { setStage } from '../support/scripted-stage.ts'

/* What clients of ComfyUI get wrong about its sockets, its verdicts and its queue. */
vi.setConfig({ maxConcurrency: 40 })

function routesOf({ requests }: ScriptedComfyui, matching: RegExp): string[] {
  return requests.filter(({ name }) => matching.test(name)).map(({ name }) => name)
}

function textOf({ body }: SeenRequest): string {
  return body.toString()
}

test.concurrent.for(['refused', 'dropped'] as const)(
  'reconnects to a server by which sockets are %s with growing pauses, one socket at a time',
  async (how) => {
    await using stage = await setStage()
    const { comfyui } = stage
    comfyui.sockets = how
    comfyui.dropSockets()
    const droppedAtMs = Date.now()
    await comfyui.when(() => comfyui.handshakes.length === 6)
    const times = [droppedAtMs, ...comfyui.handshakes.slice(1).map(({ atMs }) => atMs)]
    const pauses = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0))
    for (const [index, pauseMs] of pauses.entries()) expect(pauseMs).toBeGreaterThan(120 * 2 ** index)
    expect(comfyui.handshakes.filter(({ isSecond }) => isSecond)).toEqual([])
    expect(new Set(comfyui.handshakes.map(({ clientId }) => clientId)).size).toBe(1)
  },
)

test.concurrent('asks the queue before the history, and not the history of what is queued', async () => {
  await using stage = await setStage({ servers: [{ version: '0.3.64' }] })
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  comfyui.dropSockets()
  await comfyui.requested('GET /queue')
  await comfyui.when(() => comfyui.openSockets === 1)
  expect(routesOf(comfyui, /queue|history/)).not.toContain('GET /history/:id')
  const before = routesOf(comfyui, /queue|history/).length
  prompt.finish(onePicture)
  expect((await stage.ended(job)).status).toBe('succeeded')
  expect(routesOf(comfyui, /queue|history/).slice(before, before + 2)).toEqual(['GET /queue', 'GET /history/:id'])
})

test.concurrent.for(['0.3.64', '0.33.0'] as const)(
  'an error in the messages of %s counts, whatever the status says',
  async (version) => {
    await using stage = await setStage({ servers: [{ version }] })
    const { comfyui } = stage
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await comfyui.nextPrompt()
    const messages = [['execution_error', { prompt_id: prompt.id, node_id: '7', exception_message: 'a cycle' }]]
    prompt.begin()
    prompt.remember()
    prompt.record = { outputs: {}, status: { status_str: 'success', completed: true, messages } }
    prompt.letGo()
    expect((await stage.ended(job)).error).toMatchObject({ code: 'execution_error', node_id: '7' })
  },
)

test.concurrent('a job that is completed with an execution_error has failed', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  const error = { node_id: '7', node_type: 'A', exception_message: 'a cycle', exception_type: 'DependencyCycleError' }
  comfyui.on('GET /jobs/:id', () => ({ json: { status: 'completed', outputs: {}, execution_error: error } }))
  prompt.begin()
  prompt.letGo()
  expect((await stage.ended(job)).error).toMatchObject({ code: 'execution_error', node_id: '7' })
})

test.concurrent('a run without any output is a success', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.executed('9', null)
  prompt.finish({})
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', outputs: [] })
})

test.concurrent('a cached run, in which no node is executed, ends like any other', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.place = 'running'
  prompt.say('execution_start')
  prompt.say('execution_cached', { nodes: ['1', '9'] })
  prompt.finish(onePicture)
  const { status, outputs } = await stage.ended(job)
  expect([status, outputs.length]).toEqual(['succeeded', 1])
})

test.concurrent(
  'an empty history means running or not there yet, and one look that finds nothing is no loss',
  async () => {
    await using stage = await setStage({ servers: [{ version: '0.3.64' }] })
    const { comfyui } = stage
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await comfyui.nextPrompt()
    prompt.begin()
    await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
    comfyui.on('GET /queue', () => ({ json: { queue_running: [], queue_pending: [] } }))
    comfyui.dropSockets()
    await comfyui.requested('GET /history/:id')
    comfyui.on('GET /queue', undefined)
    await comfyui.requested('GET /queue', 2)
    expect((await stage.client.job(job.id)).status).toBe('running')
    prompt.finish(onePicture)
    expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  },
)

test.concurrent('a jobs API that answers 500 is passed over for the queue and the history', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  for (const route of ['GET /jobs', 'GET /jobs/:id', 'POST /jobs/:id/cancel'])
    comfyui.on(route, () => ({ status: 500, text: '500 Internal Server Error' }))
  comfyui.dropSockets()
  await comfyui.requested('GET /system_stats', 2)
  const failing = await stage.client.submit('/test/picture', { color: 1 })
  const first = await comfyui.nextPrompt()
  const canceled = await stage.client.submit('/test/picture', { color: 2 })
  const second = await comfyui.nextPrompt()
  first.begin()
  first.fail()
  second.begin()
  expect((await stage.ended(failing)).error?.code).toBe('execution_error')
  await stage.client.cancel(canceled.id)
  expect((await stage.ended(canceled)).status).toBe('canceled')
  expect(routesOf(comfyui, /interrupt/)).toEqual(['POST /interrupt'])
})

test.concurrent('refuses a prompt that would only run in part, and takes it back', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.on('POST /prompt', (request) => {
    const error = {
      type: 'value_bigger_than_max',
      message: 'Value too big',
      details: 'color',
      extra_info: { input_name: 'color' },
    }
    return comfyui.accepted(comfyui.take(request), { '1': { class_type: 'EmptyImage', errors: [error] } })
  })
  const response = await stage.client.post('/test/picture', { color: 1 })
  expect(response.status).toBe(422)
  expect(await response.json()).toMatchObject({ code: 'invalid_workflow', errors: [{ pointer: '/color' }] })
  expect(routesOf(comfyui, /cancel/)).toEqual(['POST /jobs/:id/cancel'])
  expect(comfyui.prompts.map(({ place, record }) => [place, record])).toEqual([['gone', undefined]])
})

test.concurrent.for(['0.3.40', '0.3.64'] as const)(
  'canceling on %s deletes what waits and interrupts by id what runs, and hits nobody else',
  async (version) => {
    await using stage = await setStage({ servers: [{ version }] })
    const { comfyui } = stage
    const first = await stage.client.submit('/test/picture', { color: 1 })
    const running = await comfyui.nextPrompt()
    running.begin()
    const second = await stage.client.submit('/test/picture', { color: 2 })
    const waiting = await comfyui.nextPrompt()
    await stage.client.cancel(second.id)
    expect((await stage.ended(second)).status).toBe('canceled')
    expect([running.place, waiting.place, comfyui.count('POST /interrupt')]).toEqual(['running', 'gone', 0])
    await stage.client.cancel(first.id)
    expect((await stage.ended(first)).status).toBe('canceled')
    const interrupts = comfyui.requests.filter(({ name }) => name === 'POST /interrupt')
    expect(interrupts.map(textOf)).toEqual([JSON.stringify({ prompt_id: running.id })])
  },
)

test.concurrent('a cancel that ComfyUI does not act on at once is asked for again until it ends', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  let ignored = 2
  comfyui.on('POST /jobs/:id/cancel', () => (ignored-- > 0 ? { json: { cancelled: true } } : undefined))
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  expect((await stage.client.cancel(job.id)).status).toBe('canceling')
  expect((await stage.ended(job)).status).toBe('canceled')
  expect(comfyui.count('POST /jobs/:id/cancel')).toBe(3)
})

test.concurrent('a success that wins over a cancel is a success', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.on('POST /jobs/:id/cancel', () => ({ json: { cancelled: false } }))
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  await stage.client.cancel(job.id)
  prompt.finish(onePicture)
  const { status, outputs } = await stage.ended(job)
  expect([status, outputs.length]).toEqual(['succeeded', 1])
})

test.concurrent('asks for single prompts only, and for the nodes once for each connection', async () => {
  // Without nodes that can be read they would be asked for again and again.
  const objectInfo = { EmptyImage: coreNode('EmptyImage'), SaveImage: coreNode('SaveImage') }
  await using stage = await setStage({ servers: [{ version: '0.3.64', runsAlone: true, objectInfo }] })
  const { comfyui } = stage
  comfyui.publishes = false
  await stage.client.run('/test/picture', { color: 1 })
  comfyui.publishes = true
  await stage.client.run('/test/picture', { color: 2 })
  expect(comfyui.count('GET /history/:id')).toBeGreaterThan(0)
  expect(comfyui.count('GET /history')).toBe(0)
  expect(comfyui.count('GET /object_info')).toBe(comfyui.handshakes.length)
  const lists = comfyui.requests.filter(({ name }) => name === 'GET /jobs')
  expect(lists.map(({ query }) => query.get('limit'))).toEqual(lists.map(() => '1'))
})

test.concurrent('unknown messages and frames that make no sense are passed over', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  comfyui.say('cm-queue-status', { status: 'in_progress' })
  comfyui.say('VHS_latentpreview', { length: 3, rate: 8, id: '1' })
  comfyui.say('executed', { prompt_id: prompt.id, node: 9 })
  comfyui.say('progress', { prompt_id: prompt.id, value: Number.NaN, max: 1 })
  for (const text of ['', '{', '[]', 'null', '"status"', '{"type": "executing"}', '{"type": 3, "data": {}}'])
    comfyui.sendText(text)
  for (const length of [0, 3, 8, 12]) comfyui.sendFrame(Buffer.alloc(length, 0xff))
  comfyui.sendFrame(Buffer.from([0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff, 0x7b]))
  prompt.finish(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  expect(comfyui.handshakes).toHaveLength(1)
})

test.concurrent('progress of the whole job never goes back, however its nodes count', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  const seen: number[] = []
  for (const [node, value, max] of [
    ['1', 0, 1],
    ['1', 8, 10],
    ['1', 1, 10],
    ['9', 1, 3],
    ['1', 0, 500],
    ['9', 3, 3],
  ] as const) {
    prompt.executing(node)
    prompt.progress(node, value, max)
    await vi.waitFor(
      async () => {
        const { progress } = await stage.client.job(job.id)
        expect(progress?.current_node).toBe(node)
        seen.push(progress?.value ?? -1)
      },
      { timeout: 60_000 },
    )
  }
  expect(seen).toEqual(seen.toSorted((left, right) => left - right))
  expect(new Set(seen).size).toBeGreaterThan(1)
  expect(seen.at(-1)).toBeLessThanOrEqual(1)
  prompt.finish(onePicture)
  await stage.ended(job)
})

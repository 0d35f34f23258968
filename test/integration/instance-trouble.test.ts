import { expect, test, vi } from 'vitest'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { readProblem } from '../support/call-gateway.ts'
import { onePicture } from '../support/scripted-comfyui.ts'
import type { ScriptedPrompt } from '../support/scripted-prompt.ts'
import { byPrompts, setStage } from '../support/scripted-stage.ts'

/* What happens to instances, and to jobs because of them. */
vi.setConfig({ maxConcurrency: 40 })

const outOfMemory = { exception_type: 'torch.OutOfMemoryError', exception_message: 'Allocation on device 0 failed\n' }

function colorOf({ request }: ScriptedPrompt): unknown {
  return request.prompt['1']?.inputs['color']
}

test.concurrent('five lost jobs in a row eject an instance, four do not', async () => {
  await using stage = await setStage({ flags: { submitAhead: '3' } })
  const { comfyui } = stage
  comfyui.on('POST /prompt', () => 'hang up')
  const lose = async () => {
    const response = await stage.client.post('/test/picture', { input: { color: 1 }, retry: false })
    expect((await readProblem(response)).code).toBe('instance_lost')
  }
  await Promise.all([lose(), lose(), lose(), lose()])
  expect((await stage.instances())[0]?.status).toBe('ready')
  await lose()
  const view = (await stage.instances())[0]
  expect([view?.status, view?.recent_failures.length]).toEqual(['ejected', 5])
  expect((await fetch(`${stage.gateway.url}/ready`)).status).toBe(503)
})

test.concurrent('mistakes of callers, of workflows and of their size eject nothing', async () => {
  await using stage = await setStage({ flags: { submitAhead: '16' } })
  const { comfyui } = stage
  const post = (color: number) => stage.client.post('/test/picture', { input: { color }, retry: false })
  comfyui.on('POST /prompt', () => ({
    status: 400,
    json: {
      error: { type: 'prompt_outputs_failed_validation', message: 'No', details: '', extra_info: {} },
      node_errors: {},
    },
  }))
  const refused = await Promise.all([1, 2, 3, 4, 5, 6].map(post))
  expect(refused.map(({ status }) => status)).toEqual(Array(6).fill(422))
  comfyui.on('POST /prompt', undefined)
  for (const failure of [{}, outOfMemory]) {
    const calls = [1, 2, 3, 4, 5, 6].map(post)
    for (let count = 0; count < 6; count++) {
      const prompt = await comfyui.nextPrompt()
      prompt.begin()
      prompt.fail(failure)
    }
    const codes = (await Promise.all(calls)).map(async (response) => (await readProblem(response)).code)
    expect(new Set(await Promise.all(codes))).toEqual(
      new Set([failure === outOfMemory ? 'out_of_memory' : 'execution_error']),
    )
  }
  expect(await stage.instances()).toMatchObject([{ status: 'ready', recent_failures: [] }])
})

test.concurrent('out of memory frees the models and is tried once more', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const first = await comfyui.nextPrompt()
  first.begin()
  first.fail(outOfMemory)
  const second = await comfyui.nextPrompt()
  const free = comfyui.requests.find(({ name }) => name === 'POST /free')?.body.toString()
  expect(JSON.parse(free ?? '')).toEqual({ unload_models: true, free_memory: true })
  second.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
})

test.concurrent('out of memory twice fails the job, however many attempts there are', async () => {
  await using stage = await setStage({ env: { COMFYUI_API_MAX_ATTEMPTS: '5' } })
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  for (let run = 0; run < 2; run++) {
    const prompt = await comfyui.nextPrompt()
    prompt.begin()
    prompt.fail(outOfMemory)
  }
  expect(await stage.ended(job)).toMatchObject({ status: 'failed', attempt: 2, error: { code: 'out_of_memory' } })
  expect([comfyui.count('POST /free'), comfyui.prompts.length]).toEqual([1, 2])
  expect(await stage.instances()).toMatchObject([{ status: 'ready', recent_failures: [] }])
})

test.concurrent('out of memory goes to the instance with the most of it', async () => {
  await using stage = await setStage({ servers: [{ vramBytes: 8e9 }, { vramBytes: 8e9 }, { vramBytes: 80e9 }] })
  await Promise.all(
    stage.servers
      .slice(2)
      .map((large) => fetch(`${stage.gateway.url}/instances/${new URL(large.url).host}/drain`, { method: 'POST' })),
  )
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const [small, , large] = stage.servers
  if (!small || !large) throw new Error('three servers are there')
  await Promise.race(stage.servers.map((server) => server.when(() => server.prompts[0]?.isAnswered === true)))
  await fetch(`${stage.gateway.url}/instances/${new URL(large.url).host}/resume`, { method: 'POST' })
  const first = stage.servers.flatMap(({ prompts }) => prompts)[0]
  first?.begin()
  first?.fail(outOfMemory)
  const second = await large.nextPrompt()
  second.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2, instance: new URL(large.url).host })
})

test.concurrent(
  'a second run after out of memory is not taken for the first, whose history is still there',
  async () => {
    await using stage = await setStage()
    const { comfyui } = stage
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const first = await comfyui.nextPrompt()
    first.begin()
    first.fail(outOfMemory)
    const second = await comfyui.nextPrompt()
    second.begin()
    const asked = comfyui.count('GET /jobs/:id')
    comfyui.dropSockets()
    await comfyui.requested('GET /jobs/:id', asked + 1)
    await comfyui.when(() => comfyui.openSockets === 1)
    second.finish(onePicture)
    expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  },
)

test.concurrent('a drained instance ends what it has and gets nothing new until it is resumed', async () => {
  await using stage = await setStage({ servers: [{}, {}] })
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const [holder, other] = await byPrompts(stage)
  const prompt = await holder.nextPrompt()
  const control = async (action: string) =>
    (await fetch(`${stage.gateway.url}/instances/${new URL(holder.url).host}/${action}`, { method: 'POST' })).json()
  expect(await control('drain')).toMatchObject({ status: 'draining', in_flight: 1 })
  other.runsAlone = true
  for (const color of [2, 3, 4]) await stage.client.run('/test/picture', { color })
  expect([holder.prompts.length, other.prompts.length]).toEqual([1, 3])
  prompt.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  holder.runsAlone = true
  expect(await control('resume')).toMatchObject({ status: 'ready', in_flight: 0 })
  await Promise.all([5, 6, 7, 8].map((color) => stage.client.run('/test/picture', { color })))
  expect(holder.prompts.length).toBeGreaterThan(1)
  const unknown = await fetch(`${stage.gateway.url}/instances/nowhere/drain`, { method: 'POST' })
  expect([unknown.status, (await readProblem(unknown)).code]).toEqual([404, 'instance_not_found'])
})

test.concurrent('jobs run by priority, and within one in the order of their acceptance', async () => {
  await using stage = await setStage({ flags: { submitAhead: '0' } })
  const { comfyui } = stage
  const submit = (color: number, priority: number) =>
    stage.client.submit('/test/picture', { input: { color }, priority })
  const first = await submit(0, 0)
  const blocker = await comfyui.nextPrompt()
  const jobs = [first]
  for (const [index, priority] of [0, 5, -5, 5, 0, 100].entries()) jobs.push(await submit(index + 1, priority))
  expect((await stage.client.job(jobs[4]?.id ?? '')).queue_position).toBe(2)
  comfyui.runsAlone = true
  blocker.run(onePicture)
  for (const job of jobs) expect((await stage.ended(job)).status).toBe('succeeded')
  expect(comfyui.prompts.map(colorOf)).toEqual([0, 6, 2, 4, 1, 5, 3])
})

test.concurrent('a workflow has limits of its own: a wait, a silence and a run that take too long', async () => {
  await using stage = await setStage({ flags: { submitAhead: '0' } })
  const { comfyui } = stage
  const silent = await stage.client.submit('/test/limited', { nonce: 1 })
  const silentPrompt = await comfyui.nextPrompt()
  silentPrompt.begin()
  silentPrompt.executing('1')
  const waiting = await stage.client.submit('/test/limited', { nonce: 2 })
  const expired = await stage.ended(waiting)
  expect([expired.status, expired.error?.code, expired.attempt]).toEqual(['expired', 'deadline_exceeded', 0])
  const stalled = await stage.ended(silent)
  expect([stalled.status, stalled.error?.message]).toEqual(['expired', expect.stringMatching(/Nothing was heard/)])
  expect(silentPrompt.place).toBe('gone')
  const long = await stage.client.submit('/test/limited', { nonce: 3 })
  const longPrompt = await comfyui.nextPrompt()
  longPrompt.begin()
  const talking = setInterval(() => longPrompt.progress('1', 1, 2), 300)
  const overrun = await stage.ended(long)
  clearInterval(talking)
  expect([overrun.status, overrun.error?.message]).toEqual([
    'expired',
    expect.stringMatching(/ran for longer than 3 s/),
  ])
  expect((await stage.instances())[0]?.status).toBe('ready')
})

test.concurrent('GET /instances tells what an operator needs, and no secret or path', async () => {
  const objectInfo = { EmptyImage: coreNode('EmptyImage'), SaveImage: coreNode('SaveImage') }
  await using stage = await setStage({ credentials: 'operator:hunter2secret', servers: [{ objectInfo }] })
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  await vi.waitFor(async () => expect((await stage.instances())[0]?.running_job).toBe(job.id), { timeout: 60_000 })
  expect(await stage.instances()).toMatchObject([
    {
      id: new URL(comfyui.url).host,
      url: comfyui.url,
      status: 'ready',
      reason: null,
      since: expect.any(String),
      version: '0.33.0',
      in_flight: 1,
      capacity: 2,
      running_job: job.id,
      models: [],
      recent_failures: [],
      devices: [{ name: 'cuda:0 Scripted', vram_total_bytes: 25_000_000_000, vram_free_bytes: 1_000_000 }],
    },
  ])
  expect(comfyui.requests.every(({ headers }) => headers.authorization?.startsWith('Basic '))).toBe(true)
  expect(comfyui.handshakes[0]?.headers.authorization).toMatch(/^Basic /)
  prompt.fail({ exception_message: 'cannot read /opt/comfyui/models/x.safetensors\n' })
  await stage.ended(job)
  await comfyui.stop()
  await stage.untilInstance(comfyui, 'reconnecting')
  const text = await (await fetch(`${stage.gateway.url}/instances`)).text()
  expect(text).not.toMatch(/hunter2|operator|\/opt|--secret|Basic/)
})

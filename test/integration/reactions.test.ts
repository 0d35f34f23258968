import { expect, test, vi } from 'vitest'
import { readProblem } from '../support/call-gateway.ts'
import { onePicture } from '../support/scripted-comfyui.ts'
import { setStage } from '../support/scripted-stage.ts'

/* What the gateway does on each signal of ComfyUI. Each test has a server of its own: most of the time is waiting. */
vi.setConfig({ maxConcurrency: 40 })

test.concurrent('execution_start makes the job run', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  expect((await stage.client.job(job.id)).status).toBe('queued')
  prompt.begin()
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
  prompt.finish(onePicture)
  expect((await stage.ended(job)).status).toBe('succeeded')
})

test.concurrent('everything may be heard before the answer to POST', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.on('POST /prompt', async (request) => {
    const prompt = comfyui.take(request)
    prompt.run(onePicture)
    await new Promise((resolve) => setTimeout(resolve, 200))
    return comfyui.accepted(prompt)
  })
  const result = await stage.client.run('/test/picture', { color: 1 })
  expect([result.images.length, result.attempt]).toEqual([1, 1])
  expect([comfyui.count('GET /jobs/:id'), comfyui.count('GET /history/:id')]).toEqual([0, 0])
})

test.concurrent('a run heard from the submit to execution_success needs no look-up', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  for (const color of [1, 2, 3]) await stage.client.run('/test/picture', { color })
  const asked = stage.comfyui.requests.filter(({ name }) => /jobs\/:id|history|queue/.test(name))
  expect(asked).toEqual([])
})

test.concurrent('progress, frames and executed outputs are progress only: none of them ends the job', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.executing('1')
  prompt.progress('1', 1, 2)
  prompt.executed('9', onePicture['9'])
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).progress?.value).toBeGreaterThan(0), {
    timeout: 60_000,
  })
  expect(await stage.client.job(job.id)).toMatchObject({ status: 'running', outputs: [] })
  prompt.finish({})
  await stage.ended(job)
})

test.concurrent('an executed output is a hint: after a gap the history says what there is', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.executed('9', { images: [{ filename: 'hint.png', subfolder: '', type: 'output' }] })
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
  stage.comfyui.dropSockets()
  await stage.comfyui.when(() => stage.comfyui.handshakes.length === 2)
  prompt.finish({ '9': { images: [{ filename: 'final.png', subfolder: 'x', type: 'output' }] } })
  expect((await stage.ended(job)).outputs).toHaveLength(1)
  const asked = stage.comfyui.requests
    .filter(({ name }) => name === 'GET /view')
    .map(({ query }) => query.get('filename'))
  expect(asked).toEqual(['final.png'])
})

test.concurrent('an error is provisional: the history is the verdict', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.fail({ node_id: '9', node_type: 'SaveImage', exception_message: 'no room in /opt/comfyui/output\n' })
  const { status, error } = await stage.ended(job)
  expect([status, error?.code, error?.node_id]).toEqual(['failed', 'execution_error', '9'])
  expect(error?.message).not.toContain('/opt')
  expect(stage.comfyui.count('GET /jobs/:id')).toBeGreaterThan(0)
})

test.concurrent('a terminal event with nothing after it is looked up after two seconds', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  const toldAtMs = Date.now()
  prompt.raise()
  prompt.remember()
  expect((await stage.ended(job)).error?.code).toBe('execution_error')
  const asked = stage.comfyui.requests.filter(({ name }) => name === 'GET /jobs/:id')
  expect((asked[0]?.atMs ?? 0) - toldAtMs).toBeGreaterThan(1500)
  expect((asked[0]?.atMs ?? 0) - toldAtMs).toBeLessThan(3500)
})

test.concurrent('an interruption by somebody else ends the job, and says so', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.interrupt()
  expect(await stage.ended(job)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'canceled_upstream' } })
})

test.concurrent('ExecutionBlocked is a warning: the job goes on and succeeds', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.say('execution_error', {
    node_id: '1',
    exception_type: 'ExecutionBlocked',
    exception_message: 'nothing to see',
    traceback: [],
  })
  prompt.finish(onePicture)
  const ended = await stage.ended(job)
  expect([ended.status, ended.outputs.length, ended.warnings]).toEqual(['succeeded', 1, ['nothing to see']])
})

test.concurrent.for(['0.3.64', '0.33.0'] as const)(
  'executing(null) has %s looked up, again and again while the history is late',
  async (version) => {
    await using stage = await setStage({ servers: [{ version }] })
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await stage.comfyui.nextPrompt()
    stage.comfyui.dropSockets()
    await stage.comfyui.when(() => stage.comfyui.handshakes.length === 2)
    prompt.begin()
    prompt.succeed()
    prompt.letGo()
    const route = version === '0.33.0' ? 'GET /jobs/:id' : 'GET /queue'
    await stage.comfyui.requested(route, stage.comfyui.count(route) + 3)
    expect((await stage.client.job(job.id)).status).toBe('running')
    prompt.remember(onePicture)
    const ended = await stage.ended(job)
    expect([ended.status, ended.attempt, ended.outputs.length]).toEqual(['succeeded', 1, 1])
  },
)

test.concurrent('executing(null) of another prompt, or of none, ends nothing', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  stage.comfyui.say('executing', { node: null, prompt_id: '00000000-0000-4000-8000-000000000000' })
  stage.comfyui.say('executing', { node: null })
  stage.comfyui.say('status', { status: { exec_info: { queue_remaining: 0 } } })
  stage.comfyui.say('execution_success', { prompt_id: '00000000-0000-4000-8000-000000000000' })
  prompt.executing('1')
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).progress?.current_node).toBe('1'), {
    timeout: 60_000,
  })
  expect(stage.comfyui.count('GET /jobs/:id')).toBe(0)
  prompt.finish(onePicture)
  expect((await stage.ended(job)).status).toBe('succeeded')
})

test.concurrent('a lost socket keeps the state: the job is polled until the socket is back', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.begin()
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
  comfyui.sockets = 'refused'
  comfyui.dropSockets()
  await stage.untilInstance(comfyui, 'reconnecting')
  await comfyui.requested('GET /jobs/:id', 2)
  expect((await stage.client.job(job.id)).status).toBe('running')
  prompt.run(onePicture)
  const ended = await stage.ended(job)
  expect([ended.status, ended.attempt, ended.outputs.length]).toEqual(['succeeded', 1, 1])
  expect(comfyui.openSockets).toBe(0)
  const asked = comfyui.requests.filter(({ name }) => name === 'GET /jobs/:id').map(({ atMs }) => atMs)
  for (const [index, atMs] of asked.slice(1).entries()) expect(atMs - (asked[index] ?? 0)).toBeGreaterThan(1000)
})

test.concurrent('a socket that is back sends its flags, and all open jobs are looked up at once', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const jobs = [await stage.client.submit('/test/picture', { color: 1 })]
  jobs.push(await stage.client.submit('/test/picture', { color: 2 }))
  const prompts = [await comfyui.nextPrompt(), await comfyui.nextPrompt()]
  comfyui.dropSockets()
  for (const prompt of prompts) {
    prompt.begin()
    prompt.remember(onePicture)
  }
  await comfyui.when(() => comfyui.heard.length === 2)
  const backAtMs = comfyui.handshakes[1]?.atMs ?? 0
  for (const job of jobs) expect((await stage.ended(job)).status).toBe('succeeded')
  expect(comfyui.heard).toEqual(Array(2).fill('{"type":"feature_flags","data":{"supports_preview_metadata":true}}'))
  const asked = comfyui.requests.filter(({ name }) => name === 'GET /jobs/:id')
  expect(new Set(asked.map(({ id }) => id)).size).toBe(2)
  for (const { atMs } of asked) expect(atMs - backAtMs).toBeLessThan(1500)
})

test.concurrent('a job that the look-up finds alive stays what it is', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  comfyui.dropSockets()
  await comfyui.requested('GET /jobs/:id')
  expect((await stage.client.job(job.id)).status).toBe('queued')
  prompt.place = 'running'
  comfyui.dropSockets()
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
  await comfyui.when(() => comfyui.openSockets === 1)
  prompt.finish(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
})

test.concurrent(
  'a job of a restarted server is lost only after two look-ups, and runs again under its id',
  async () => {
    await using stage = await setStage()
    const { comfyui } = stage
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const first = await comfyui.nextPrompt()
    first.begin()
    await comfyui.stop()
    await comfyui.listen()
    const second = await comfyui.nextPrompt()
    const asked = comfyui.requests.filter(({ name }) => name === 'GET /jobs/:id').map(({ atMs }) => atMs)
    expect((asked.at(-1) ?? 0) - (asked[0] ?? 0)).toBeGreaterThanOrEqual(2000)
    expect(second.id).toBe(first.id)
    second.run(onePicture)
    expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  },
)

test.concurrent('a failure whose history somebody cleared is still that failure', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  prompt.raise({ exception_message: 'boom' })
  prompt.forget()
  prompt.letGo()
  expect(await stage.ended(job)).toMatchObject({ status: 'failed', attempt: 1, error: { code: 'execution_error' } })
})

test.concurrent('with retry: false a lost job fails and is never sent again', async () => {
  await using stage = await setStage({ servers: [{}, {}] })
  const response = stage.client.post('/test/picture', { input: { color: 1 }, retry: false })
  await Promise.race(stage.servers.map((server) => server.when(() => server.prompts.length === 1)))
  for (const server of stage.servers) {
    await server.stop()
    await server.listen()
  }
  expect((await readProblem(await response)).code).toBe('instance_lost')
  expect(stage.servers.flatMap(({ prompts }) => prompts)).toHaveLength(1)
})

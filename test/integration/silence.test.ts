import { expect, test, vi } from 'vitest'
import { onePicture } from '../support/scripted-comfyui.ts'
import { byPrompts, setStage } from '../support/scripted-stage.ts'

/* What is noticed although nothing is said: deaf sockets, servers without events, dead workers, deleted prompts. */
vi.setConfig({ maxConcurrency: 40 })

test.concurrent('a deaf socket is replaced after five seconds, and the job is asked for', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.deafen()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  expect(comfyui.handshakes.map(({ isSecond }) => isSecond)).toEqual([false, false])
  const asked = comfyui.count('GET /jobs/:id')
  comfyui.runsAlone = true
  await stage.client.run('/test/picture', { color: 2 })
  expect([comfyui.count('GET /jobs/:id'), comfyui.handshakes.length]).toEqual([asked, 2])
})

test.concurrent('a server that publishes nothing is polled, and its operator is told', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.publishes = false
  for (const color of [1, 2]) {
    const job = await stage.client.submit('/test/picture', { color })
    const prompt = await comfyui.nextPrompt()
    prompt.run(onePicture)
    expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  }
  expect((await stage.instances())[0]?.reason).toMatch(/publishes no events/)
  expect(comfyui.handshakes).toHaveLength(2)
  const job = await stage.client.submit('/test/picture', { color: 3 })
  const prompt = await comfyui.nextPrompt()
  prompt.run(onePicture)
  const submittedAtMs = Date.now()
  expect((await stage.ended(job)).status).toBe('succeeded')
  expect(Date.now() - submittedAtMs).toBeLessThan(3500)
})

test.concurrent('a healthy socket is kept while a job waits behind a silent one', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  await stage.client.submit('/test/picture', { color: 1 })
  const running = await comfyui.nextPrompt()
  running.begin()
  running.executing('1')
  await stage.client.submit('/test/picture', { color: 2 })
  await comfyui.nextPrompt()
  await new Promise((resolve) => setTimeout(resolve, 7000))
  expect(comfyui.handshakes).toHaveLength(1)
})

test.concurrent('a job that somebody else deleted from the queue is noticed, and runs again', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.remove()
  const again = await stage.comfyui.nextPrompt()
  again.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
})

test.concurrent(
  'an instance whose worker died is stuck: what runs and waits there runs elsewhere, until it is restarted',
  async () => {
    await using stage = await setStage({ servers: [{}, {}] })
    const running = await stage.client.submit('/test/picture', { color: 1 })
    const [dead, living] = await byPrompts(stage)
    const prompt = await dead.nextPrompt()
    const blocking = await stage.client.submit('/test/picture', { color: 2 })
    const blocker = await living.nextPrompt()
    const waiting = await stage.client.submit('/test/picture', { color: 3 })
    await dead.nextPrompt()
    living.runsAlone = true
    blocker.begin()
    blocker.executing('1')
    prompt.begin()
    const view = await stage.untilInstance(dead, 'stuck')
    expect(view.reason).toMatch(/restart ComfyUI/)
    expect((await fetch(`${stage.gateway.url}/ready`)).status).toBe(200)
    blocker.finish(onePicture)
    expect(await stage.ended(blocking)).toMatchObject({ status: 'succeeded', attempt: 1 })
    expect(await stage.ended(running)).toMatchObject({ status: 'succeeded', attempt: 2 })
    expect(await stage.ended(waiting)).toMatchObject({ status: 'succeeded', attempt: 1 })
    expect(dead.prompts.map(({ place }) => place)).toEqual(['running', 'gone'])
    await dead.stop()
    await dead.listen()
    await stage.untilInstance(dead, 'ready')
  },
)

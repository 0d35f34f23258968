import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { connect, isEndOf, type Message, type SimulatorClient } from '../support/simulator-client.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(faults: string | readonly string[], options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator({ stepDelayMs: 0, testNodes: true, faults: [faults].flat(), ...options })
  closers.push(() => simulator.close())
  return simulator
}

async function listen(simulator: Simulator, clientId = 'me'): Promise<SimulatorClient> {
  const client = await connect(simulator.url, clientId)
  closers.push(() => client.end())
  return client
}

const image = { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 255 } }
const picture = {
  1: image,
  9: { class_type: 'SaveImage', inputs: { filename_prefix: 'a', images: ['1', 0] } },
}
const sleeping = (seconds: number, ticks: number) => ({
  1: image,
  2: { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks } },
  9: { class_type: 'SaveImage', inputs: { filename_prefix: 's', images: ['2', 0] } },
})

const post = (url: string, body: unknown): Promise<Response> =>
  fetch(url, { method: 'POST', body: JSON.stringify(body) })

function submit(simulator: Simulator, promptId: string, prompt: unknown = picture, clientId = 'me'): Promise<Response> {
  return post(`${simulator.url}/prompt`, { prompt, prompt_id: promptId, client_id: clientId, extra_data: {} })
}

const is =
  (type: string) =>
  (message: Message): boolean =>
    message.type === type

const historySchema = z.record(z.string(), z.object({ status: z.object({ status_str: z.string() }) }))

async function historyOf(simulator: Simulator, promptId: string): Promise<string | undefined> {
  const answer = historySchema.parse(await (await fetch(`${simulator.url}/history/${promptId}`)).json())
  return answer[promptId]?.status.status_str
}

const promptAnswerSchema = z.object({
  prompt_id: z.string(),
  number: z.number(),
  node_errors: z.record(z.string(), z.unknown()),
})

describe('the process', () => {
  test('restarts in the middle of a prompt, and knows nothing afterwards', async () => {
    const simulator = await start('restart=progress,ms=50,times=1')
    const client = await listen(simulator)
    await submit(simulator, randomUUID(), picture)
    const lost = randomUUID()
    await submit(simulator, lost, sleeping(0.02, 2))
    expect(await client.ended).toBe(1006)
    await expect(fetch(`${simulator.url}/prompt`)).rejects.toThrow('fetch failed')
    await simulator.revive()
    expect(await historyOf(simulator, lost)).toBeUndefined()
    expect(await (await fetch(`${simulator.url}/history`)).json()).toEqual({})
    expect(simulator.queue.size()).toBe(0)
    const again = promptAnswerSchema.parse(await (await submit(simulator, randomUUID())).json())
    expect(again.number).toBe(0)
    expect(simulator.faults.fired('restart')).toBe(1)
  })

  test('comes back on the same port by itself', async () => {
    const simulator = await start('restart=queued,ms=20,times=1')
    const client = await listen(simulator)
    const answer = await submit(simulator, randomUUID(), sleeping(5, 1))
    expect(answer.status).toBe(200)
    expect(await client.ended).toBe(1006)
    await expect.poll(async () => (await fetch(`${simulator.url}/prompt`).catch(() => undefined))?.status).toBe(200)
  })

  test('crashes while a prompt waits, and stays away until it is revived', async () => {
    const simulator = await start('crash-every=2')
    const client = await listen(simulator)
    await submit(simulator, randomUUID())
    const ids = [randomUUID(), randomUUID()]
    await Promise.allSettled(ids.map((id) => submit(simulator, id)))
    expect(await client.ended).toBe(1006)
    await expect(fetch(`${simulator.url}/prompt`)).rejects.toThrow('fetch failed')
    await simulator.revive()
    expect(await (await fetch(`${simulator.url}/prompt`)).json()).toEqual({ exec_info: { queue_remaining: 0 } })
  })
})

describe('sockets', () => {
  test.each([
    ['execution_start', is('execution_start')],
    ['progress', is('progress')],
    ['executed', is('executed')],
    ['before-end', is('executed')],
    ['after-end', is('execution_success')],
    ['recorded', is('execution_success')],
  ] as const)('close with 1006 at %s, and the prompt runs on', async (moment, last) => {
    const simulator = await start(`ws-close=${moment},times=1`)
    const [client, bystander] = [await listen(simulator), await listen(simulator, 'other')]
    const id = randomUUID()
    await submit(simulator, id, sleeping(0.01, 1))
    expect(await Promise.all([client.ended, bystander.ended])).toEqual([1006, 1006])
    expect(client.messages.some(last)).toBe(true)
    expect(client.messages.some(isEndOf(id))).toBe(false)
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
    expect(simulator.faults.fired('ws-close')).toBe(1)
  })

  test('close at the fifth tick only', async () => {
    const simulator = await start('ws-close=progress,every=5')
    const client = await listen(simulator)
    await submit(simulator, randomUUID(), sleeping(0.02, 8))
    expect(await client.ended).toBe(1006)
    expect(client.messages.filter(is('progress'))).toHaveLength(5)
  })

  test('go half open: neither messages nor pongs nor a close, while a new one works', async () => {
    const simulator = await start('ws-half-open=execution_start,times=1')
    const [dead, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, sleeping(0.05, 1))
    await dead.next(is('execution_start'))
    const alive = await listen(simulator)
    const answered = Promise.race([dead.ping().then(() => 'pong'), dead.close().then(() => 'closed')])
    await alive.next(isEndOf(id))
    await alive.ping()
    expect(dead.messages.at(-1)?.type).toBe('execution_start')
    expect(await Promise.race([answered, alive.ping().then(() => 'silence')])).toBe('silence')
  })

  test('go deaf: no messages, but pongs, while a new one works', async () => {
    const simulator = await start('ws-deaf=execution_start,times=1')
    const [deaf, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, sleeping(0.05, 1))
    await deaf.next(is('execution_start'))
    const alive = await listen(simulator, 'other')
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
    await alive.next(is('status'))
    await deaf.ping()
    expect(deaf.messages.at(-1)?.type).toBe('execution_start')
  })

  test('are deaf from the start', async () => {
    const simulator = await start('ws-deaf=connect')
    const [deaf, id] = [await listen(simulator), randomUUID()]
    await deaf.next(is('status'))
    await submit(simulator, id)
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
    await deaf.ping()
    expect(deaf.story()).toEqual(['status'])
  })

  test('hear nothing while the server stalls, and everything late', async () => {
    const simulator = await start('ws-stall=queued,ms=150,times=1')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, sleeping(0.02, 1))
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
    const late = await listen(simulator, 'other')
    await late.ping()
    expect(late.story()).toEqual(['status'])
    expect(client.messages.some(is('execution_success'))).toBe(false)
    await client.next(isEndOf(id))
    expect(client.messages.some(is('execution_success'))).toBe(true)
  })

  test('hear nothing of a stall that is cleared in the end, and everything after it', async () => {
    const simulator = await start('ws-stall=now')
    const [client, first, second] = [await listen(simulator), randomUUID(), randomUUID()]
    await submit(simulator, first)
    await expect.poll(() => historyOf(simulator, first)).toBe('success')
    await client.ping()
    expect(client.story()).toEqual(['status'])
    simulator.faults.clear('ws-stall')
    await submit(simulator, second)
    await client.next(isEndOf(second))
    expect(client.messages.some(isEndOf(first))).toBe(false)
  })
})

describe('submitting', () => {
  test('gets no answer, and the prompt runs', async () => {
    const simulator = await start('prompt-drop,times=1')
    const id = randomUUID()
    await expect(submit(simulator, id)).rejects.toThrow('fetch failed')
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
  })
})

describe('running', () => {
  test('ends with the worker, for this prompt and all later ones, whatever is interrupted', async () => {
    const simulator = await start('worker-death,at=2')
    const client = await listen(simulator)
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()]
    for (const id of [first, second, third]) await submit(simulator, id)
    await client.next(isEndOf(first))
    await client.next((message) => 'data' in message && message.data['prompt_id'] === second)
    expect((await post(`${simulator.url}/interrupt`, { prompt_id: second })).status).toBe(200)
    await client.ping()
    expect(simulator.queue.running()?.promptId).toBe(second)
    expect(simulator.queue.pending().map(({ promptId }) => promptId)).toEqual([third])
    expect(await historyOf(simulator, second)).toBeUndefined()
  })

  test('ends some time before the history has it', async () => {
    const simulator = await start('slow-history=100')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id)
    await client.next(is('execution_success'))
    expect(await historyOf(simulator, id)).toBeUndefined()
    await client.next(isEndOf(id))
    expect(await historyOf(simulator, id)).toBe('success')
  })
})

test('the jobs API answers 500, and the rest lives on', async () => {
  const simulator = await start('http-500=jobs')
  for (const path of ['/api/jobs?limit=1', `/api/jobs/${randomUUID()}`]) {
    expect((await fetch(simulator.url + path)).status).toBe(500)
  }
  expect((await fetch(`${simulator.url}/queue`)).status).toBe(200)
  expect(simulator.faults.fired('http-500')).toBe(2)
})

import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import WebSocket from 'ws'
import { z } from 'zod'
import { faultNames, type FaultName } from '../../src/simulator/faults/fault-table.ts'
import { garbageMessages } from '../../src/simulator/faults/garbage-messages.ts'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { connect, isEndOf, type Message, type SimulatorClient } from '../support/simulator-client.ts'

const closers: (() => unknown)[] = []
/** Faults that struck in any of the tests. */
const struck = new Set<FaultName>()
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function start(faults: string | readonly string[], options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator({ stepDelayMs: 0, testNodes: true, faults: [faults].flat(), ...options })
  closers.push(() => {
    for (const name of faultNames) if (simulator.faults.fired(name) > 0) struck.add(name)
    return simulator.close()
  })
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

function dataOf(message: Message): Record<string, unknown> {
  return 'data' in message ? message.data : {}
}

async function statusOfHost({ port }: Simulator, host: string): Promise<number | undefined> {
  const sent = request({ host: '127.0.0.1', port, path: '/simulator/faults', headers: { host } })
  sent.end()
  return new Promise((resolve) => sent.once('response', (answer) => resolve(answer.resume().statusCode)))
}

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
    const simulator = await start('restart=progress,ms=5000,times=1')
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

  test('stays away when it crashes while it comes back', async () => {
    const simulator = await start([])
    simulator.crash()
    const coming = simulator.revive()
    simulator.crash()
    await coming
    await expect(fetch(`${simulator.url}/prompt`)).rejects.toThrow('fetch failed')
    await simulator.revive()
    expect((await fetch(`${simulator.url}/prompt`)).status).toBe(200)
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

  test('get garbage, and stay open', async () => {
    const simulator = await start('ws-garbage=execution_start,times=1')
    const socket = new WebSocket(`${simulator.url.replace('http', 'ws')}/ws?clientId=me`)
    closers.push(() => socket.terminate())
    const messages: (string | Buffer)[] = []
    socket.on('message', (data: Buffer, isBinary) => messages.push(isBinary ? data : data.toString()))
    await once(socket, 'open')
    const id = randomUUID()
    await submit(simulator, id)
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
    await expect.poll(() => messages.some((message) => message.includes('execution_success'))).toBe(true)
    expect(messages).toEqual(expect.arrayContaining([...garbageMessages]))
    expect(socket.readyState).toBe(WebSocket.OPEN)
  })

  test('hear nothing while the server stalls, and everything late', async () => {
    const simulator = await start('ws-stall=queued,ms=400,times=1')
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

  test('hear all of two stalls that follow each other', async () => {
    const simulator = await start('ws-stall=execution_start,ms=60')
    const [client, first, second] = [await listen(simulator), randomUUID(), randomUUID()]
    await submit(simulator, first)
    await submit(simulator, second)
    await client.next(isEndOf(second))
    expect(client.messages.some(isEndOf(first))).toBe(true)
    expect(simulator.faults.fired('ws-stall')).toBe(2)
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

  test('gets its answer late, after the prompt is done', async () => {
    const simulator = await start('prompt-delay=200,times=1')
    const [client, id] = [await listen(simulator), randomUUID()]
    const answer = submit(simulator, id)
    await client.next(isEndOf(id))
    expect(await Promise.race([answer, client.ping().then(() => 'nothing yet')])).toBe('nothing yet')
    expect((await answer).status).toBe(200)
  })

  test('gets its answer after all events', async () => {
    const simulator = await start('events-first')
    const [client, id] = [await listen(simulator), randomUUID()]
    const answer = submit(simulator, id, sleeping(0.03, 1)).then(() => client.story().at(-1))
    await client.next(is('execution_start'))
    expect(await Promise.race([answer, client.ping().then(() => 'nothing yet')])).toBe('nothing yet')
    await answer
    expect(await historyOf(simulator, id)).toBe('success')
  })

  test('gets 500, and the prompt runs', async () => {
    const simulator = await start('prompt-500,times=1')
    const id = randomUUID()
    expect((await submit(simulator, id)).status).toBe(500)
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
  })

  test.each([413, 403, 500, 429, 503])('is refused with %i, and nothing runs', async (status) => {
    const simulator = await start(`prompt-refuse=${status},times=1`)
    const [refused, taken] = [randomUUID(), randomUUID()]
    expect((await submit(simulator, refused)).status).toBe(status)
    expect(simulator.queue.size()).toBe(0)
    expect((await submit(simulator, taken)).status).toBe(200)
    await expect.poll(() => historyOf(simulator, taken)).toBe('success')
    expect(await historyOf(simulator, refused)).toBeUndefined()
  })

  test('gets 200 with node errors, and the prompt runs', async () => {
    const simulator = await start('node-errors')
    const id = randomUUID()
    const answer = await submit(simulator, id)
    expect(answer.status).toBe(200)
    expect(promptAnswerSchema.parse(await answer.json()).node_errors).toMatchObject({
      1: { class_type: 'EmptyImage', dependent_outputs: ['1'], errors: [{ type: 'value_not_in_list' }] },
    })
    await expect.poll(() => historyOf(simulator, id)).toBe('success')
  })

  test.each(['accepted', 'queued'])('somebody else deletes the prompt when it is %s', async (moment) => {
    const simulator = await start([])
    const client = await listen(simulator)
    const [first, second] = [randomUUID(), randomUUID()]
    await submit(simulator, first, sleeping(0.3, 4))
    await client.next(is('execution_start'))
    simulator.faults.set(`prompt-deleted=${moment}`)
    expect((await submit(simulator, second)).status).toBe(200)
    await expect.poll(() => simulator.queue.pending()).toEqual([])
    expect(simulator.faults.fired('prompt-deleted')).toBe(1)
    await client.next(isEndOf(first))
    expect(await historyOf(simulator, second)).toBeUndefined()
    expect(client.story()).not.toContain('execution_interrupted')
  })
})

describe('running', () => {
  test('ends with the worker, for this prompt and all later ones, whatever is interrupted', async () => {
    const simulator = await start('worker-death,at=2')
    const client = await listen(simulator)
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()]
    for (const id of [first, second, third]) await submit(simulator, id)
    await client.next(isEndOf(first))
    await client.next((message) => is('execution_cached')(message) && dataOf(message)['prompt_id'] === second)
    expect((await post(`${simulator.url}/interrupt`, { prompt_id: second })).status).toBe(200)
    expect(await (await post(`${simulator.url}/api/jobs/${second}/cancel`, {})).json()).toEqual({ cancelled: true })
    await client.ping()
    expect(simulator.queue.running()?.promptId).toBe(second)
    expect(simulator.queue.pending().map(({ promptId }) => promptId)).toEqual([third])
    expect(await historyOf(simulator, second)).toBeUndefined()
    simulator.crash()
    await simulator.revive()
    await expect.poll(async () => (await submit(simulator, third).catch(() => undefined))?.status).toBe(200)
    await expect.poll(() => historyOf(simulator, third)).toBe('success')
  })

  test('is held up by a node without a sign of life', async () => {
    const simulator = await start('slow-node=200,at=2')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id)
    await client.next((message) => is('executing')(message) && dataOf(message)['node'] === '9')
    const heard = client.messages.length
    await post(`${simulator.url}/interrupt`, { prompt_id: id })
    expect(client.messages).toHaveLength(heard)
    expect(simulator.queue.running()?.promptId).toBe(id)
    await client.next(isEndOf(id))
  })

  test.each([
    ['execution_start', '1'],
    ['progress', '2'],
    ['executed', '10'],
  ])('is interrupted by somebody else at %s', async (moment, nodeId) => {
    const simulator = await start(`interrupted=${moment},times=1`)
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, {
      ...sleeping(0.01, 2),
      10: { ...picture[9], inputs: { ...picture[9].inputs, images: ['2', 0] } },
    })
    expect(dataOf(await client.next(is('execution_interrupted')))['node_id']).toBe(nodeId)
    await client.next(isEndOf(id))
    expect(await historyOf(simulator, id)).toBe('error')
  })

  test.each(['interrupt', 'cancel'])('succeeds when %s comes too late', async (kind) => {
    const simulator = await start('interrupt-late')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, sleeping(0.3, 10))
    await client.next(is('progress'))
    const path = kind === 'interrupt' ? '/interrupt' : `/api/jobs/${id}/cancel`
    expect((await post(simulator.url + path, { prompt_id: id })).status).toBe(200)
    await client.next(isEndOf(id))
    expect(await historyOf(simulator, id)).toBe('success')
    expect(simulator.faults.fired('interrupt-late')).toBe(1)
  })

  test('runs out of memory once, and works when it is tried again', async () => {
    const simulator = await start('oom,at=2')
    const [client, ids] = [await listen(simulator), [randomUUID(), randomUUID(), randomUUID()]]
    for (const [index, id] of ids.entries()) {
      await submit(simulator, id, { ...picture, 1: { ...image, inputs: { ...image.inputs, color: index } } })
      await client.next(isEndOf(id))
    }
    expect(await Promise.all(ids.map((id) => historyOf(simulator, id)))).toEqual(['success', 'error', 'success'])
    expect(dataOf(await client.next(is('execution_error')))).toMatchObject({
      prompt_id: ids[1],
      exception_type: 'torch.OutOfMemoryError',
    })
  })

  test('tells a blocked part as an error, and succeeds', async () => {
    const simulator = await start('blocked')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id)
    const told = dataOf(await client.next(is('execution_error')))
    expect(told).toMatchObject({ prompt_id: id, exception_type: 'ExecutionBlocked', traceback: [] })
    expect(told).not.toHaveProperty('timestamp')
    await client.next(is('execution_success'))
    await client.next(isEndOf(id))
    expect(await (await fetch(`${simulator.url}/history/${id}`)).text()).not.toContain('execution_error')
  })

  test('shows numbers that are no JSON', async () => {
    const simulator = await start('nan')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id)
    await client.next(isEndOf(id))
    for (const path of [`/history/${id}`, `/api/jobs/${id}`]) {
      const text = await (await fetch(simulator.url + path)).text()
      expect(text).toContain('"score": [NaN, Infinity]')
      expect(() => void JSON.parse(text)).toThrow(SyntaxError)
    }
  })

  test('ends some time before the history has it', async () => {
    const simulator = await start('slow-history=200')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id)
    await client.next(is('execution_success'))
    expect(await historyOf(simulator, id)).toBeUndefined()
    await client.next(isEndOf(id))
    expect(await historyOf(simulator, id)).toBe('success')
  })

  test.each([
    ['one', 'success'],
    ['all', undefined],
  ])('loses its history: %s', async (choice, before) => {
    const simulator = await start(`history-lost=${choice},at=2`)
    const [client, first, second] = [await listen(simulator), randomUUID(), randomUUID()]
    await submit(simulator, first)
    await submit(simulator, second)
    await client.next(isEndOf(second))
    expect(await historyOf(simulator, first)).toBe(before)
    expect(await historyOf(simulator, second)).toBeUndefined()
    expect(client.story()).toContain('execution_success')
  })
})

describe('HTTP', () => {
  test('the jobs API answers 500, and the rest lives on', async () => {
    const simulator = await start('http-500')
    for (const path of ['/api/jobs?limit=1', `/api/jobs/${randomUUID()}`]) {
      expect((await fetch(simulator.url + path)).status).toBe(500)
    }
    expect((await fetch(`${simulator.url}/queue`)).status).toBe(200)
    expect(simulator.faults.fired('http-500')).toBe(2)
  })

  test('everything answers 500 and does nothing', async () => {
    const simulator = await start('http-500=all')
    expect((await fetch(`${simulator.url}/system_stats`)).status).toBe(500)
    expect((await submit(simulator, randomUUID())).status).toBe(500)
    expect(simulator.queue.size()).toBe(0)
  })

  test('chosen routes answer late', async () => {
    const simulator = await start('delay=history,ms=200')
    const late = fetch(`${simulator.url}/history/x`).then(() => 'history')
    const soon = fetch(`${simulator.url}/queue`).then(() => 'queue')
    expect(await Promise.race([late, soon])).toBe('queue')
    expect(await late).toBe('history')
  })

  test('connections are refused for a while, and sockets and prompts live on', async () => {
    const simulator = await start('refuse=execution_start,ms=300,times=1')
    const [client, id] = [await listen(simulator), randomUUID()]
    await submit(simulator, id, sleeping(0.02, 1)).catch(() => undefined)
    await client.next(isEndOf(id))
    await expect(fetch(`${simulator.url}/prompt`)).rejects.toThrow('fetch failed')
    await expect.poll(() => historyOf(simulator, id).catch(() => 'refused')).toBe('success')
    await client.ping()
  })

  describe('a file', () => {
    const path = '/view?filename=a_00001_.png'
    async function startWithFile(fault: string): Promise<{ simulator: Simulator; bytes: Buffer }> {
      const simulator = await start([])
      const client = await listen(simulator)
      const id = randomUUID()
      await submit(simulator, id)
      await client.next(isEndOf(id))
      const bytes = Buffer.from(await (await fetch(simulator.url + path)).arrayBuffer())
      expect(bytes.length).toBeGreaterThan(50)
      simulator.faults.set(fault)
      return { simulator, bytes }
    }

    test.each([404, 500])('is answered with %i', async (status) => {
      const { simulator, bytes } = await startWithFile(`view=${status},times=1`)
      expect((await fetch(simulator.url + path)).status).toBe(status)
      expect(Buffer.from(await (await fetch(simulator.url + path)).arrayBuffer())).toEqual(bytes)
    })

    test('ends in the middle', async () => {
      const { simulator, bytes } = await startWithFile('view=half')
      const answer = await fetch(simulator.url + path)
      expect(answer.headers.get('content-length')).toBe(String(bytes.length))
      await expect(answer.arrayBuffer()).rejects.toThrow('terminated')
    })

    test('has no bytes', async () => {
      const { simulator } = await startWithFile('view=empty')
      const answer = await fetch(simulator.url + path)
      expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([200, 0])
    })

    test('is called a page', async () => {
      const { simulator, bytes } = await startWithFile('view=wrong-type')
      const answer = await fetch(simulator.url + path)
      expect(answer.headers.get('content-type')).toContain('text/html')
      expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes)
    })

    test('has a page in its place', async () => {
      const { simulator } = await startWithFile('view=page')
      const answer = await fetch(simulator.url + path)
      expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      expect(await answer.text()).toContain('<html>')
    })

    test('comes drop by drop', async () => {
      const { simulator, bytes } = await startWithFile('view=drip,ms=50')
      const answer = await fetch(simulator.url + path)
      const drops: Uint8Array[] = []
      for await (const drop of answer.body ?? []) drops.push(z.instanceof(Uint8Array).parse(drop))
      expect(drops.length).toBeGreaterThan(2)
      expect(Buffer.concat(drops)).toEqual(bytes)
    })

    test('is not there although its upload was answered', async () => {
      const simulator = await start('upload-lost,times=1')
      for (const isThere of [false, true]) {
        const form = new FormData()
        form.set('image', new File(['x'], 'x.png'))
        const answer = await fetch(`${simulator.url}/upload/image`, { method: 'POST', body: form })
        expect([answer.status, await answer.json()]).toEqual([200, { name: 'x.png', subfolder: '', type: 'input' }])
        const loading = { ...picture, 1: { class_type: 'LoadImage', inputs: { image: 'x.png' } } }
        expect((await submit(simulator, randomUUID(), loading)).status).toBe(isThere ? 200 : 400)
      }
    })
  })
})

describe('control over HTTP', () => {
  const answerSchema = z.object({
    armed: z.array(z.object({ spec: z.string(), occasions: z.number(), fired: z.number() })),
    faults: z.array(z.object({ name: z.string(), syntax: z.string(), description: z.string(), fired: z.number() })),
  })
  const list = async (url: string) => answerSchema.parse(await (await fetch(url)).json())

  test('sets, counts, lists and clears faults', async () => {
    const simulator = await start([], { controlRoutes: true })
    const url = `${simulator.url}/simulator/faults`
    expect((await post(url, { faults: ['prompt-500,times=1', 'http-500=history'] })).status).toBe(200)
    expect((await submit(simulator, randomUUID())).status).toBe(500)
    const { armed, faults } = await list(url)
    expect(armed).toEqual([
      { spec: 'prompt-500,times=1', occasions: 1, fired: 1 },
      { spec: 'http-500=history', occasions: 0, fired: 0 },
    ])
    expect(faults.find(({ name }) => name === 'prompt-500')?.fired).toBe(1)
    expect(faults.find(({ name }) => name === 'crash')?.syntax).toMatch(/^crash\[=execution_start\|now\|/)
    await fetch(`${url}/http-500`, { method: 'DELETE' })
    expect((await list(url)).armed).toHaveLength(1)
    await fetch(url, { method: 'DELETE' })
    expect((await list(url)).armed).toEqual([])
  })

  test('crashes at once, after the answer', async () => {
    const simulator = await start([], { controlRoutes: true, reviveAfterMs: 20 })
    const client = await listen(simulator)
    expect((await post(`${simulator.url}/simulator/faults`, { faults: ['crash=now'] })).status).toBe(200)
    expect(await client.ended).toBe(1006)
    await expect
      .poll(() =>
        list(`${simulator.url}/simulator/faults`).then(
          () => 'up',
          () => 'down',
        ),
      )
      .toBe('up')
    expect(simulator.faults.fired('crash')).toBe(1)
  })

  test('refuses what is no fault, web pages and other names of this machine', async () => {
    const simulator = await start([], { controlRoutes: true })
    const url = `${simulator.url}/simulator/faults`
    const wrong = await post(url, { faults: ['oom', 'crahs'] })
    expect([wrong.status, await wrong.text()]).toEqual([400, expect.stringContaining('Did you mean crash?')])
    for (const body of ['oom', { faults: 'oom' }, { faults: [1] }]) expect((await post(url, body)).status).toBe(400)
    expect((await fetch(`${url}/crahs`, { method: 'DELETE' })).status).toBe(404)
    expect((await fetch(url, { method: 'PUT' })).status).toBe(405)
    expect((await fetch(url, { headers: { origin: simulator.url } })).status).toBe(403)
    expect(await statusOfHost(simulator, 'rebound.example')).toBe(403)
    expect((await list(url)).armed).toEqual([])
  })

  test('is not there unless asked for, and never beyond loopback', async () => {
    const simulator = await start([])
    expect((await fetch(`${simulator.url}/simulator/faults`)).status).toBe(404)
    expect((await post(`${simulator.url}/simulator/faults`, { faults: ['oom'] })).status).toBe(405)
    await expect(start([], { controlRoutes: true, host: '0.0.0.0' })).rejects.toThrow('only on loopback')
  })
})

test('a fault that is none stops the start and frees the port', async () => {
  const { port, close } = await createSimulator()
  await close()
  await expect(createSimulator({ port, faults: ['oom', 'crahs'] })).rejects.toThrow('Did you mean crash?')
  expect((await start([], { port })).port).toBe(port)
})

describe('ComfyUI 0.3.40', () => {
  test('makes its own ids, interrupts whatever runs, and knows neither flags nor progress_state nor jobs', async () => {
    const simulator = await start([], { version: '0.3.40' })
    const client = await listen(simulator)
    const asked = randomUUID()
    const { prompt_id: made } = promptAnswerSchema.parse(
      await (await submit(simulator, asked, sleeping(0.5, 50))).json(),
    )
    expect(made).not.toBe(asked)
    await client.next(is('progress'))
    await post(`${simulator.url}/interrupt`, { prompt_id: asked })
    await client.next(isEndOf(made))
    expect(await historyOf(simulator, made)).toBe('error')
    expect(client.story()).not.toContain('progress_state')
    for (const path of ['/features', '/api/features', '/api/jobs']) {
      expect((await fetch(simulator.url + path)).status).toBe(404)
    }
    const targeted = await post(`${simulator.url}/prompt`, { prompt: picture, partial_execution_targets: [] })
    expect(targeted.status).toBe(200)
    const stats = await (await fetch(`${simulator.url}/system_stats`)).json()
    expect(stats).toMatchObject({ system: { comfyui_version: '0.3.40' } })
  })
})

test('every fault of the table struck in one of the tests above', () => {
  expect(faultNames.filter((name) => !struck.has(name))).toEqual([])
})

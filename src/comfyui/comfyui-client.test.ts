import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { afterEach, describe, expect, test } from 'vitest'
import { createSimulator } from '../simulator/simulator.ts'
import { ComfyuiClient, type InputUpload } from './comfyui-client.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

const promptId = '0b9c1c1e-6a0e-4a51-9f0e-3f6f4f6f9c11'

function connect(url: string, headers: Record<string, string> = {}): ComfyuiClient {
  const client = new ComfyuiClient({
    url: new URL(url),
    headers,
    connectTimeoutMs: 1000,
    submitTimeoutMs: 5000,
    fetchTimeoutMs: 5000,
  })
  closers.push(() => client.close())
  return client
}

function body(prompt: object): string {
  return JSON.stringify({ prompt, prompt_id: promptId, client_id: 'test' })
}

const picture = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 7 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'client' } },
}
const sleep = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 7 } },
  '2': { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds: 30, ticks: 600, nonce: 1 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'client' } },
}

describe.each(['0.33.0', '0.3.64', '0.3.40'] as const)('with ComfyUI %s', (version) => {
  async function start(): Promise<ComfyuiClient> {
    const simulator = await createSimulator({ version, testNodes: true, stepDelayMs: 0 })
    closers.push(() => simulator.close())
    const client = connect(simulator.url)
    expect((await client.probe()).system.comfyui_version).toBe(version)
    return client
  }

  test('a prompt is found while it waits, while it runs, and when it ended', async () => {
    const client = await start()
    expect(await client.lookUp(promptId)).toEqual({ state: 'absent' })
    const running = await client.submitPrompt(body(sleep))
    const waiting = await client.submitPrompt(
      JSON.stringify({ prompt: picture, prompt_id: promptId.replace('0b', '0c'), client_id: 'test' }),
    )
    if (running.kind === 'refused' || waiting.kind === 'refused') throw new Error('refused')
    await expect.poll(() => client.lookUp(running.promptId)).toEqual({ state: 'running' })
    expect(await client.lookUp(waiting.promptId)).toEqual({ state: 'pending' })

    await client.cancel(running.promptId)
    await expect
      .poll(() => client.lookUp(running.promptId))
      .toEqual({ state: 'ended', ending: { outcome: 'interrupted' } })
    await expect.poll(async () => (await client.lookUp(waiting.promptId)).state).toBe('ended')
    const { ending } = (await client.lookUp(waiting.promptId)) as { ending: { outputs: Record<string, unknown> } }
    expect(ending).toMatchObject({ outcome: 'success', outputs: { '2': { images: [{ type: 'output' }] } } })
  })

  test('a waiting prompt is dropped without a trace, and the running one stays', async () => {
    const client = await start()
    const running = await client.submitPrompt(body(sleep))
    const waiting = await client.submitPrompt(
      JSON.stringify({ prompt: picture, prompt_id: promptId.replace('0b', '0c'), client_id: 'test' }),
    )
    if (running.kind === 'refused' || waiting.kind === 'refused') throw new Error('refused')
    await expect.poll(() => client.lookUp(running.promptId)).toEqual({ state: 'running' })
    await client.cancel(waiting.promptId)
    expect(await client.lookUp(waiting.promptId)).toEqual({ state: 'absent' })
    expect(await client.lookUp(running.promptId)).toEqual({ state: 'running' })
  })

  test('a refusal names the nodes', async () => {
    const client = await start()
    const wrong = { ...picture, '1': { class_type: 'EmptyImage', inputs: { ...picture['1'].inputs, width: 1e9 } } }
    expect(await client.submitPrompt(body(wrong))).toMatchObject({
      kind: 'refused',
      errorType: 'prompt_outputs_failed_validation',
      nodeErrors: { '1': { errors: [{ type: 'value_bigger_than_max' }] } },
    })
  })

  test('a refusal names the node whose class is not there', async () => {
    const client = await start()
    const unknown = { ...picture, '7:a': { class_type: 'Nobody', inputs: {}, _meta: { title: 'x' } } }
    expect(await client.submitPrompt(body(unknown))).toMatchObject({ kind: 'refused', missingNodeId: '7:a' })
  })

  test('a file goes there and back under the name it got', async () => {
    const client = await start()
    const fileOf = (text: string): InputUpload => ({
      name: 'comfyui-api/a b.png',
      contentType: 'image/png',
      sizeBytes: text.length,
      content: Readable.from([Buffer.from(text.slice(0, 3)), Buffer.from(text.slice(3))]),
    })
    expect(await client.uploadInput(fileOf('these bytes'))).toBe('comfyui-api/a b.png')
    expect(await client.uploadInput(fileOf('these bytes'))).toBe('comfyui-api/a b.png')
    const other = await client.uploadInput(fileOf('other bytes'))
    expect(other).not.toBe('comfyui-api/a b.png')
    const { body: found } = await client.openFile({ filename: 'a b.png', subfolder: 'comfyui-api', type: 'input' })
    expect(found).toEqual(Buffer.from('these bytes'))
    await expect(client.openFile({ filename: 'none.png', subfolder: '', type: 'output' })).rejects.toMatchObject({
      reason: 'bad_answer',
      status: 404,
    })
  })
})

describe('with a server that answers otherwise', () => {
  async function answer(
    answers: Readonly<Record<string, { readonly status: number; readonly text: string }>>,
    path = '',
    headers: Record<string, string> = {},
  ) {
    const requests: IncomingMessage[] = []
    const server = createServer((request, response) => {
      requests.push(request)
      request.resume()
      const found = answers[`${request.method ?? ''} ${request.url?.split('?')[0] ?? ''}`]
      response.writeHead(found?.status ?? 404).end(found?.text ?? '')
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(
      () =>
        new Promise((resolve) => {
          server.close(resolve)
          server.closeAllConnections()
        }),
    )
    return {
      client: connect(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}${path}`, headers),
      requests,
    }
  }

  const stats = { status: 200, text: '{"system": {"comfyui_version": "1"}, "devices": []}' }
  const emptyQueue = { status: 200, text: '{"queue_running": [], "queue_pending": []}' }

  test('the older routes are asked while the jobs API is broken', async () => {
    const { client } = await answer({
      'GET /api/system_stats': stats,
      'GET /api/jobs': { status: 500, text: '' },
      [`GET /api/jobs/${promptId}`]: { status: 500, text: '' },
      'GET /api/queue': emptyQueue,
      [`GET /api/history/${promptId}`]: {
        status: 200,
        text: `{"${promptId}": {"outputs": {"9": {"text": ["x"]}}, "status": {"messages": [], "x": NaN}}}`,
      },
    })
    await client.probe()
    expect(await client.lookUp(promptId)).toMatchObject({
      state: 'ended',
      ending: { outputs: { '9': { text: ['x'] } } },
    })
  })

  test('keeps a base path, sends its headers, and nothing by which ComfyUI would take it for a page', async () => {
    const { client, requests } = await answer({ 'GET /comfy/api/queue': emptyQueue }, '/comfy/', {
      authorization: 'Bearer secret',
    })
    await expect(client.lookUp(promptId)).rejects.toMatchObject({ reason: 'bad_answer', status: 404 })
    expect(requests.map(({ url }) => url)).toEqual(['/comfy/api/queue', `/comfy/api/history/${promptId}`])
    expect(requests[0]?.headers).toMatchObject({ authorization: 'Bearer secret' })
    for (const header of ['origin', 'referer', 'cookie']) expect(requests[0]?.headers).not.toHaveProperty(header)
  })

  test('is asked also while many of its files wait for slow readers', async () => {
    const { client } = await answer({
      'GET /api/view': { status: 200, text: 'x'.repeat(1_500_000) },
      'GET /api/queue': emptyQueue,
      [`GET /api/history/${promptId}`]: { status: 200, text: '{}' },
    })
    const files = await Promise.all(
      Array.from({ length: 40 }, () => client.openFile({ filename: 'a.mp4', subfolder: '', type: 'output' })),
    )
    expect(await client.lookUp(promptId)).toEqual({ state: 'absent' })
    for (const { body: unread } of files) if (!Buffer.isBuffer(unread)) unread.destroy()
  })

  test('a refusal may be one line of text, and its list of nodes empty', async () => {
    const refusal = { status: 400, text: '{"error": "no prompt", "node_errors": []}' }
    const { client } = await answer({ 'POST /api/prompt': refusal })
    expect(await client.submitPrompt('{}')).toMatchObject({ kind: 'refused', message: 'no prompt' })
  })

  test.each([
    { status: 200, text: 'no JSON' },
    { status: 200, text: '{"prompt_id": 5}' },
    { status: 500, text: 'Internal Server Error' },
  ])('an answer that is none is told as such: %j', async (nonsense) => {
    const { client } = await answer({ 'POST /api/prompt': nonsense })
    await expect(client.submitPrompt('{}')).rejects.toMatchObject({ reason: 'bad_answer', status: nonsense.status })
  })
})

test('a server that is not there was not reached', async () => {
  const simulator = await createSimulator()
  await simulator.close()
  await expect(connect(simulator.url).lookUp(promptId)).rejects.toMatchObject({ reason: 'unreachable' })
})

import { randomUUID } from 'node:crypto'
import { PNG } from 'pngjs'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { createSimulator, type Simulator, type SimulatorOptions } from '../../src/simulator/simulator.ts'
import { connect, isEndOf, type Message, type SimulatorClient } from '../support/simulator-client.ts'

const simulators: Simulator[] = []
afterEach(async () => {
  await Promise.all(simulators.splice(0).map((simulator) => simulator.close()))
})

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await createSimulator({ stepDelayMs: 0, testNodes: true, ...options })
  simulators.push(simulator)
  return simulator
}

const image = { class_type: 'EmptyImage', inputs: { width: 64, height: 32, batch_size: 1, color: 255 } }
const savedImage = (prefix = 'a') => ({
  1: image,
  9: { class_type: 'SaveImage', inputs: { filename_prefix: prefix, images: ['1', 0] } },
})
const sleeping = (seconds: number, ticks: number) => ({
  1: image,
  2: { class_type: 'TestSleep', inputs: { image: ['1', 0], seconds, ticks } },
  9: { class_type: 'SaveImage', inputs: { filename_prefix: 's', images: ['2', 0] } },
})
const textToImage = (seed: number, steps = 3) => ({
  3: {
    class_type: 'KSampler',
    inputs: {
      seed,
      steps,
      cfg: 7,
      sampler_name: 'euler',
      scheduler: 'normal',
      denoise: 1,
      model: ['4', 0],
      positive: ['6', 0],
      negative: ['7', 0],
      latent_image: ['5', 0],
    },
  },
  4: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'sd_xl_base_1.0.safetensors' } },
  5: { class_type: 'EmptyLatentImage', inputs: { width: 128, height: 96, batch_size: 1 } },
  6: { class_type: 'CLIPTextEncode', inputs: { text: 'a cat', clip: ['4', 1] } },
  7: { class_type: 'CLIPTextEncode', inputs: { text: '', clip: ['4', 1] } },
  8: { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
  9: { class_type: 'SaveImage', inputs: { filename_prefix: 'sd', images: ['8', 0] } },
})

const historySchema = z.record(
  z.string(),
  z.object({
    outputs: z.record(z.string(), z.record(z.string(), z.array(z.unknown()))),
    status: z.object({ status_str: z.string(), messages: z.array(z.tuple([z.string(), z.unknown()])) }),
  }),
)

async function post(simulator: Simulator, path: string, body: unknown): Promise<Response> {
  return fetch(simulator.url + path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
}

async function submit(simulator: Simulator, prompt: unknown, extra: Record<string, unknown> = {}): Promise<string> {
  const id = randomUUID()
  const response = await post(simulator, '/api/prompt', { prompt, prompt_id: id, client_id: 'me', ...extra })
  expect(await response.json()).toMatchObject({ prompt_id: id, node_errors: {} })
  return id
}

async function run(simulator: Simulator, client: SimulatorClient, prompt: unknown, extra = {}): Promise<string> {
  const id = await submit(simulator, prompt, extra)
  await client.next(isEndOf(id))
  return id
}

async function historyOf(simulator: Simulator, id: string) {
  const answer: unknown = await (await fetch(`${simulator.url}/api/history/${id}`)).json()
  return historySchema.parse(answer)[id]
}

const view = (simulator: Simulator, query: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${simulator.url}/api/view?${query}`, { headers })

const saved = (filename: string) => ({ images: [{ filename, subfolder: '', type: 'output' }] })

test('tells the story of a prompt in the order of a real server, and has the history before the last word', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const id = await run(simulator, client, savedImage())
  expect(client.story()).toEqual([
    'status',
    'status',
    'status',
    'execution_start',
    'execution_cached',
    'progress_state',
    'executing 1',
    'progress_state',
    'progress_state',
    'executing 9',
    'executed 9',
    'progress_state',
    'execution_success',
    'status',
    'executing null',
  ])
  expect(await historyOf(simulator, id)).toMatchObject({
    outputs: { 9: saved('a_00001_.png') },
    status: { status_str: 'success' },
  })
  await client.close()
})

test('writes the text of its messages as Python does', async () => {
  const simulator = await start()
  const response = await post(simulator, '/api/prompt', { prompt: savedImage(), prompt_id: null })
  expect(await response.text()).toMatch(/^\{"prompt_id": "[0-9a-f-]{36}", "number": 0, "node_errors": \{\}\}$/)
})

test('answers a repeated prompt from its cache, with the old file', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  await run(simulator, client, savedImage())
  client.messages.length = 0
  await run(simulator, client, savedImage())
  expect(client.story().filter((word) => word !== 'status')).toEqual([
    'execution_start',
    'execution_cached',
    'executed 9',
    'progress_state',
    'execution_success',
    'executing null',
  ])
  expect(client.messages).toContainEqual(
    expect.objectContaining({ type: 'executed', data: expect.objectContaining({ output: saved('a_00001_.png') }) }),
  )
  await client.close()
})

test('samples with progress and with the previews that the client understands', async () => {
  const simulator = await start()
  const modern = await connect(simulator.url, 'modern', { flags: { supports_preview_metadata: true } })
  const plain = await connect(simulator.url, 'plain')
  const isFrame = (message: Message): boolean => message.type === 'binary'
  const first = await submit(simulator, textToImage(1), { client_id: 'modern', extra_data: { preview_method: 'auto' } })
  await modern.next(isEndOf(first))
  const tick = modern.story().indexOf('frame 4')
  expect(modern.story().slice(tick - 1, tick + 2)).toEqual(['progress_state', 'frame 4', 'progress'])
  expect(modern.messages.filter(isFrame)).toHaveLength(3)
  expect(plain.messages.filter(isFrame)).toHaveLength(0)

  const second = await submit(simulator, textToImage(2), { client_id: 'plain', extra_data: { preview_method: 'auto' } })
  await plain.next(isEndOf(second))
  const plainTick = plain.story().indexOf('frame 1')
  expect(plain.story().slice(plainTick - 2, plainTick + 1)).toEqual(['progress_state', 'progress', 'frame 1'])

  const third = await submit(simulator, textToImage(3), { client_id: 'plain' })
  await plain.next(isEndOf(third))
  expect(plain.messages.filter(isFrame)).toHaveLength(3)
  await Promise.all([modern.close(), plain.close()])
})

test('saves pictures of the size asked for, with the graph in them', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const extra = { extra_data: { extra_pnginfo: { workflow: { id: 'w' } } } }
  await run(simulator, client, textToImage(5), extra)
  const file = Buffer.from(await (await view(simulator, 'filename=sd_00001_.png')).arrayBuffer())
  expect(PNG.sync.read(file)).toMatchObject({ width: 128, height: 96 })
  expect(file.includes('tEXtprompt\0{"3": {"class_type": "KSampler"')).toBe(true)
  expect(file.includes('tEXtworkflow\0{"id": "w"}')).toBe(true)

  await run(simulator, client, textToImage(6), extra)
  const other = Buffer.from(await (await view(simulator, 'filename=sd_00002_.png')).arrayBuffer())
  expect(PNG.sync.read(other).data.equals(PNG.sync.read(file).data)).toBe(false)
  await client.close()
})

test('serves files with ranges, validators and previews', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  await run(simulator, client, savedImage('sub/b'))
  const query = 'filename=b_00001_.png&subfolder=sub&type=output'
  const whole = await view(simulator, query)
  const bytes = Buffer.from(await whole.arrayBuffer())
  const etag = whole.headers.get('etag') ?? ''
  expect([whole.status, whole.headers.get('content-type')]).toEqual([200, 'image/png'])

  const part = await view(simulator, query, { range: 'bytes=2-5' })
  expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 2-5/${bytes.length}`])
  expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(2, 6))
  expect((await view(simulator, query, { range: 'bytes=-4' })).headers.get('content-length')).toBe('4')
  expect((await view(simulator, query, { range: 'bytes=999999-' })).status).toBe(416)
  expect((await view(simulator, query, { range: 'junk' })).status).toBe(416)
  expect((await view(simulator, query, { 'if-none-match': etag })).status).toBe(304)

  const head = await fetch(`${simulator.url}/view?${query}`, { method: 'HEAD' })
  expect([head.status, head.headers.get('content-length')]).toEqual([200, String(bytes.length)])
  const preview = await view(simulator, `${query}&preview=webp;70`)
  expect(preview.headers.get('content-type')).toBe('image/webp')
  expect(Buffer.from(await preview.arrayBuffer()).toString('latin1', 8, 16)).toBe('WEBPVP8L')
  const alpha = PNG.sync.read(Buffer.from(await (await view(simulator, `${query}&channel=a`)).arrayBuffer()))
  expect(alpha.data[3]).toBe(255)
  await client.close()
})

test.each<[query: string, status: number]>([
  ['', 404],
  ['filename=', 400],
  ['filename=%2Fetc%2Fpasswd', 400],
  ['filename=a..b.png', 400],
  ['filename=a.png&type=secret', 400],
  ['filename=a.png&subfolder=..%2F..', 403],
  ['filename=a.png', 404],
])('view?%s is %i', async (query, status) => {
  expect((await view(await start(), query)).status).toBe(status)
})

test('loads what was uploaded, pixel by pixel, and numbers names that are taken', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const png = new PNG({ width: 5, height: 3, colorType: 2 })
  for (let index = 0; index < png.data.length; index += 1) png.data[index] = index % 4 === 3 ? 255 : (index * 7) % 256
  const upload = async (bytes: Buffer, fields: Record<string, string> = {}): Promise<Response> => {
    const form = new FormData()
    form.set('image', new Blob([new Uint8Array(bytes)]), 'in.png')
    for (const [name, value] of Object.entries(fields)) form.set(name, value)
    return fetch(`${simulator.url}/upload/image`, { method: 'POST', body: form })
  }
  const file = PNG.sync.write(png, { colorType: 2 })
  expect(await (await upload(file)).json()).toEqual({ name: 'in.png', subfolder: '', type: 'input' })
  expect(await (await upload(file)).json()).toMatchObject({ name: 'in.png' })
  expect(await (await upload(Buffer.from('other'))).json()).toMatchObject({ name: 'in (1).png' })
  expect((await upload(file, { subfolder: '../up' })).status).toBe(400)
  expect((await upload(file, { type: 'elsewhere' })).status).toBe(500)

  const prompt = {
    1: { class_type: 'LoadImage', inputs: { image: 'in.png' } },
    9: { class_type: 'SaveImage', inputs: { filename_prefix: 'copy', images: ['1', 0] } },
  }
  await run(simulator, client, prompt)
  const copy = PNG.sync.read(Buffer.from(await (await view(simulator, 'filename=copy_00001_.png')).arrayBuffer()))
  expect(copy.data.equals(png.data)).toBe(true)
  const listed = await (await fetch(`${simulator.url}/object_info/LoadImage`)).text()
  expect(listed).toContain('["in (1).png", "in.png"]')
  await client.close()
})

test('interrupts what runs, and only that', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const id = await submit(simulator, sleeping(30, 300))
  await client.next((message) => message.type === 'progress')
  await post(simulator, '/interrupt', { prompt_id: randomUUID() })
  await post(simulator, '/interrupt', { prompt_id: id })
  await client.next(isEndOf(id))
  expect(client.story()).toContain('execution_interrupted')
  expect(await historyOf(simulator, id)).toMatchObject({ outputs: {}, status: { status_str: 'error' } })
  const job: unknown = await (await fetch(`${simulator.url}/api/jobs/${id}`)).json()
  expect(job).toMatchObject({ id, status: 'cancelled' })
  await client.close()
})

test('runs by number and forgets pending prompts that are deleted', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const first = await submit(simulator, sleeping(0.2, 2))
  await client.next((message) => message.type === 'execution_start')
  const late = await submit(simulator, savedImage('late'))
  const gone = await submit(simulator, savedImage('gone'))
  const early = await submit(simulator, savedImage('early'), { front: true })
  await post(simulator, '/queue', { delete: [gone, randomUUID()] })
  await Promise.all([first, late, early].map((id) => client.next(isEndOf(id))))
  const started = client.messages.filter((message) => message.type === 'execution_start')
  expect(started.map((message) => 'data' in message && message.data['prompt_id'])).toEqual([first, early, late])
  expect(await historyOf(simulator, gone)).toBeUndefined()
  expect((await fetch(`${simulator.url}/api/jobs/${gone}`)).status).toBe(404)
  await client.close()
})

test('draws in place of what it cannot execute, and says so', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const prompt = {
    1: image,
    2: { class_type: 'ImageBlur', inputs: { image: ['1', 0], blur_radius: 1, sigma: 1 } },
    9: { class_type: 'SaveImage', inputs: { filename_prefix: 'x', images: ['2', 0] } },
  }
  await run(simulator, client, prompt)
  const executed = client.messages.find((message) => message.type === 'executed')
  expect(executed).toMatchObject({ data: { node: '9', output: { images: [{ type: 'output' }] } } })
  await client.close()
})

test('a worker that dies keeps its prompt running for ever, as a real one', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const dangling = { ...image, inputs: { ...image.inputs, undeclared: ['77', 0] } }
  await submit(simulator, { ...savedImage(), 1: dangling })
  await client.next((message) => message.type === 'execution_start')
  await submit(simulator, savedImage())
  const prompt: unknown = await (await fetch(`${simulator.url}/prompt`)).json()
  expect(prompt).toEqual({ exec_info: { queue_remaining: 2 } })
  await client.close()
})

test('a client whose older socket closes late hears nothing any more', async () => {
  const simulator = await start()
  const older = await connect(simulator.url, 'me')
  const newer = await connect(simulator.url, 'me')
  await older.close()
  const bystander = await connect(simulator.url, 'other')
  await submit(simulator, savedImage())
  await bystander.next(
    (message) => 'data' in message && JSON.stringify(message.data) === '{"status":{"exec_info":{"queue_remaining":0}}}',
  )
  await expect.poll(() => bystander.story().filter((word) => word === 'status')).toHaveLength(4)
  expect(newer.story()).toEqual(['status'])
  await Promise.all([newer.close(), bystander.close()])
})

test.each<[method: string, path: string, body: string | undefined, status: number]>([
  ['GET', '/nope', undefined, 404],
  ['POST', '/nope', '', 405],
  ['POST', '/api/view', '', 405],
  ['OPTIONS', '/nope', undefined, 200],
  ['GET', '/jobs', undefined, 404],
  ['GET', '/api/jobs?limit=0', undefined, 400],
  ['GET', '/api/internal/files/output', undefined, 404],
  ['GET', '/internal/files/output', undefined, 200],
  ['GET', '/history?max_items=x', undefined, 500],
  ['GET', '/api/object_info/Nope', undefined, 200],
  ['GET', '/models/nope', undefined, 404],
  ['GET', '/ws', undefined, 400],
  ['POST', '/prompt', '{nope', 500],
  ['POST', '/prompt', 'null', 500],
  ['POST', '/prompt', '[]', 400],
  ['POST', '/queue', '"s"', 200],
  ['POST', '/queue', '{"delete": null}', 500],
  ['POST', '/free', '[]', 500],
  ['POST', '/interrupt', '{nope', 200],
  ['POST', '/interrupt', '[]', 500],
  ['POST', '/api/jobs/cancel', '{"job_ids": ["x"]}', 400],
])('%s %s with %s is %i', async (method, path, body, status) => {
  const response = await fetch((await start()).url + path, { method, ...(body !== undefined && { body }) })
  expect(response.status).toBe(status)
})

test('lists jobs newest first, in pages, by status', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const failing = {
    ...sleeping(0, 1),
    2: { class_type: 'TestFail', inputs: { image: ['1', 0], message: 'x', kind: 'oom' } },
  }
  const ids = [await run(simulator, client, savedImage()), await run(simulator, client, failing)]
  const list = async (query: string): Promise<unknown> => (await fetch(`${simulator.url}/api/jobs?${query}`)).json()
  expect(await list('sort_order=asc&limit=1')).toMatchObject({
    jobs: [{ id: ids[0], status: 'completed', outputs_count: 1, preview_output: { nodeId: '9', mediaType: 'images' } }],
    pagination: { offset: 0, limit: 1, total: 2, has_more: true },
  })
  expect(await list('status=failed')).toMatchObject({
    jobs: [{ id: ids[1], execution_error: { node_id: '2', exception_type: 'torch.OutOfMemoryError' } }],
    pagination: { limit: null, total: 1, has_more: false },
  })
  expect(await list('status=nope')).toHaveProperty('error')
  await client.close()
})

test('one prompt with malformed metadata breaks the list of jobs for everybody, as in a real server', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  const id = await run(simulator, client, savedImage(), { extra_data: { extra_pnginfo: null } })
  expect((await fetch(`${simulator.url}/api/jobs`)).status).toBe(500)
  await post(simulator, '/history', { delete: [id] })
  expect((await fetch(`${simulator.url}/api/jobs`)).status).toBe(200)
  await client.close()
})

test('sends results over the socket and texts into the history when the nodes do', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me', { flags: { supports_preview_metadata: true } })
  const id = await run(simulator, client, {
    1: image,
    2: { class_type: 'GetImageSize', inputs: { image: ['1', 0] } },
    3: { class_type: 'PreviewAny', inputs: { source: ['2', 1] } },
    9: { class_type: 'SaveImageWebsocket', inputs: { images: ['1', 0] } },
  })
  expect(await historyOf(simulator, id)).toMatchObject({ outputs: { 3: { text: ['32'] } } })
  expect(Object.keys((await historyOf(simulator, id))?.outputs ?? {})).toEqual(['3'])
  const frames = client.messages.flatMap((message) => ('frame' in message ? [message.frame] : []))
  const [text, result] = [3, 4].map((type) => frames.find((frame) => frame.readUInt32BE(0) === type))
  expect(text?.toString('utf8', 9)).toBe('width: 64, height: 32\n batch size: 1')
  const png = result?.subarray(8 + result.readUInt32BE(4)) ?? Buffer.alloc(0)
  expect(PNG.sync.read(png)).toMatchObject({ width: 64, height: 32 })
  await client.close()
})

test('an older release knows no jobs API and takes any id', async () => {
  const simulator = await start({ version: '0.3.64' })
  expect((await fetch(`${simulator.url}/api/jobs`)).status).toBe(404)
  const accepted = await post(simulator, '/prompt', { prompt: savedImage(), prompt_id: 'any' })
  expect(await accepted.json()).toMatchObject({ prompt_id: 'any' })
  const stats: unknown = await (await fetch(`${simulator.url}/system_stats`)).json()
  expect(stats).toMatchObject({ system: { comfyui_version: '0.3.64', os: 'posix' } })
})

test('refuses pages of other origins', async () => {
  const { url, port } = await start()
  const status = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(`${url}/prompt`, { headers })).status
  expect(await status({ origin: `http://localhost:${port}` })).toBe(403)
  expect(await status({ origin: url })).toBe(200)
  expect(await status({ 'sec-fetch-site': 'cross-site' })).toBe(403)
})

test('shows its models in the lists of the loaders', async () => {
  const simulator = await start({ models: { loras: ['mine.safetensors'] } })
  const list: unknown = await (await fetch(`${simulator.url}/models/loras`)).json()
  expect(list).toEqual(['mine.safetensors'])
  const info: unknown = await (await fetch(`${simulator.url}/object_info`)).json()
  expect(info).toMatchObject({ LoraLoader: { input: { required: { lora_name: [['mine.safetensors'], {}] } } } })
  const prompt = { ...textToImage(1) }
  const refused = await post(simulator, '/prompt', { prompt })
  expect(await refused.json()).toMatchObject({ node_errors: { 4: { errors: [{ type: 'value_not_in_list' }] } } })
})

test('closes while a prompt runs and clients are connected', async () => {
  const simulator = await start()
  const client = await connect(simulator.url, 'me')
  await submit(simulator, sleeping(60, 1))
  await client.next((message) => message.type === 'execution_start')
  await simulator.close()
  await expect(fetch(simulator.url)).rejects.toThrow()
})

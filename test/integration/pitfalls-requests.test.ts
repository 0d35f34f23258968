import { expect, test, vi } from 'vitest'
import { readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { readEvents } from '../support/read-events.ts'
import { onePicture, type ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { setStage } from '../support/scripted-stage.ts'

/* What clients of ComfyUI get wrong about what they send, and about the answers. */
vi.setConfig({ maxConcurrency: 40 })

const picture = makePng(8, 8).toString('base64')

/** When the requests of a name came. */
function timesOf({ requests }: ScriptedComfyui, wanted: string): number[] {
  return requests.filter(({ name }) => name === wanted).map(({ atMs }) => atMs)
}

test.concurrent('nothing of a caller and nothing of a browser is sent, and no compression is offered', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  const { comfyui } = stage
  const own = { origin: stage.gateway.url, referer: `${stage.gateway.url}/docs`, cookie: 'session=1' }
  await stage.client.run('/test/loaded', { picture }, { ...own, 'sec-fetch-site': 'same-origin', 'x-mine': 'yes' })
  expect(comfyui.requests.map(({ name }) => name)).toContain('POST /upload/image')
  const sent = [...comfyui.requests, ...comfyui.handshakes].flatMap(({ headers }) => Object.keys(headers))
  const unwanted =
    /^(origin|referer|cookie|sec-fetch-.*|x-.*|forwarded|authorization|sec-websocket-extensions|accept-encoding)$/
  expect(sent.filter((name) => unwanted.test(name))).toEqual([])
})

test.concurrent('a prompt is sent in the form that every version takes', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  const { comfyui } = stage
  await stage.client.run('/test/picture', { color: 1 })
  const body: unknown = JSON.parse(comfyui.requests.find(({ name }) => name === 'POST /prompt')?.body.toString() ?? '')
  expect(body).toEqual({
    prompt: {
      '1': {
        class_type: 'EmptyImage',
        inputs: { width: 32, height: 32, batch_size: 1, color: 1 },
        _meta: { title: 'EmptyImage' },
      },
      '9': {
        class_type: 'SaveImage',
        inputs: { images: ['1', 0], filename_prefix: expect.any(String) },
        _meta: { title: 'SaveImage' },
      },
    },
    prompt_id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
    client_id: comfyui.handshakes[0]?.clientId,
    extra_data: {
      preview_method: 'none',
      comfyui_api: { job_id: expect.any(String), request_id: expect.any(String), workflow: 'test/picture' },
    },
  })
})

test.concurrent('every job saves under a prefix of its own, so that nothing is a cached old file', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  for (let run = 0; run < 3; run++) await stage.client.run('/test/picture', { color: 1 })
  const prefixes = stage.comfyui.prompts.map(({ request }) => request.prompt['9']?.inputs['filename_prefix'])
  expect(new Set(prefixes).size).toBe(3)
})

test.concurrent('large whole numbers arrive exactly, and larger ones are refused instead of rounded', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  const seedOf = (seed: string) =>
    fetch(`${stage.gateway.url}/test/slow`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"seconds":0,"nonce":${seed}}`,
    })
  expect((await seedOf('9007199254740991')).status).toBe(200)
  expect(stage.comfyui.requests.find(({ name }) => name === 'POST /prompt')?.body.toString()).toContain(
    '"nonce":9007199254740991',
  )
  for (const seed of ['9007199254740993', '18446744073709551615']) {
    const response = await seedOf(seed)
    expect([response.status, (await readProblem(response)).errors[0]?.pointer]).toEqual([400, '/nonce'])
  }
  expect(stage.comfyui.prompts).toHaveLength(1)
})

test.concurrent.for(['0.3.64', '0.33.0'] as const)(
  'answers of %s with NaN, Infinity and numbers of 64 bits are read',
  async (version) => {
    await using stage = await setStage({ servers: [{ version }] })
    const { comfyui } = stage
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await comfyui.nextPrompt()
    comfyui.dropSockets()
    await comfyui.requested('GET /system_stats', 2)
    await comfyui.when(() => comfyui.openSockets === 1)
    prompt.begin()
    prompt.progress('1', Number.NaN, Number.POSITIVE_INFINITY)
    prompt.finish({
      '7': { text: ['a "NaN" text'], score: [Number.NaN, Number.NEGATIVE_INFINITY, 18446744073709551615n] },
      ...onePicture,
    })
    const { status, outputs } = await stage.ended(job)
    expect([status, outputs.map(({ type }) => type).toSorted()]).toEqual(['succeeded', ['image', 'text']])
  },
)

test.concurrent(
  'a POST without an answer is sent again with the same id, after two looks two seconds apart',
  async () => {
    await using stage = await setStage({ env: { COMFYUI_API_SUBMIT_TIMEOUT_SECONDS: '1' } })
    const { comfyui } = stage
    let unanswered = 1
    comfyui.on('POST /prompt', () => (unanswered-- > 0 ? 'never' : undefined))
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await comfyui.nextPrompt()
    const ids = comfyui.requests.filter(({ name }) => name === 'POST /prompt').map(({ body }) => body.toString())
    expect(ids).toHaveLength(2)
    expect(new Set(ids.map((body) => /"prompt_id":"([^"]+)"/.exec(body)?.[1]))).toEqual(new Set([prompt.id]))
    const [firstLook = 0, secondLook = 0] = timesOf(comfyui, 'GET /jobs/:id')
    const [firstPost = 0, secondPost = 0] = timesOf(comfyui, 'POST /prompt')
    expect(firstLook - firstPost).toBeGreaterThan(2000)
    expect(secondLook - firstLook).toBeGreaterThanOrEqual(2000)
    expect(secondPost).toBeGreaterThanOrEqual(secondLook)
    prompt.run(onePicture)
    expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 2 })
  },
)

test.concurrent.for([
  ['the connection breaks', 'hang up'],
  ['the answer is 500', { status: 500, text: '500 Internal Server Error' }],
  ['a proxy answers 502', { status: 502, text: '<html>' }],
  ['the answer is no JSON', { text: 'OK' }],
] as const)('a prompt that was queued although %s is followed, not sent again', async ([, answer]) => {
  await using stage = await setStage()
  const { comfyui } = stage
  comfyui.on('POST /prompt', (request) => {
    comfyui.take(request)
    return answer
  })
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  await comfyui.requested('GET /jobs/:id')
  prompt.run(onePicture)
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', attempt: 1 })
  expect(comfyui.prompts).toHaveLength(1)
})

test.concurrent('a prompt that one instance always answers with 500 is not tried for ever', async () => {
  await using stage = await setStage()
  stage.comfyui.on('POST /prompt', () => ({ status: 500, text: '500 Internal Server Error' }))
  const response = await stage.client.post('/test/picture', { color: 1 })
  expect((await readProblem(response)).code).toBe('instance_lost')
  expect(stage.comfyui.count('POST /prompt')).toBe(2)
})

test.concurrent('a server that gives ids of its own is followed under those', async () => {
  await using stage = await setStage({ servers: [{ version: '0.3.40' }] })
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  expect(prompt.id).not.toBe(prompt.request.prompt_id)
  prompt.begin()
  await vi.waitFor(async () => expect((await stage.client.job(job.id)).status).toBe('running'), { timeout: 60_000 })
  prompt.finish(onePicture)
  const { status, outputs } = await stage.ended(job)
  expect([status, outputs.length]).toEqual(['succeeded', 1])
  expect(comfyui.requests.filter(({ id }) => id !== '').map(({ id }) => id)).toEqual([prompt.id])
})

test.concurrent('a server that gives ids of its own may have ended the prompt before it told the id', async () => {
  await using stage = await setStage({ servers: [{ version: '0.3.40' }] })
  const { comfyui } = stage
  comfyui.on('POST /prompt', async (request) => {
    const prompt = comfyui.take(request)
    prompt.run(onePicture)
    await new Promise((resolve) => setTimeout(resolve, 200))
    return comfyui.accepted(prompt)
  })
  const submittedAtMs = Date.now()
  const result = await stage.client.run('/test/picture', { color: 1 })
  expect([result.attempt, result.images.length]).toEqual([1, 1])
  expect(Date.now() - submittedAtMs).toBeLessThan(5000)
})

test.concurrent('an input goes by the name that ComfyUI gave it, sub-folder included', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  const { comfyui } = stage
  comfyui.on('POST /upload/image', () => ({ json: { name: 'other (1).png', subfolder: 'deep/er', type: 'input' } }))
  await stage.client.run('/test/loaded', { picture })
  expect(comfyui.prompts[0]?.request.prompt['1']?.inputs['image']).toBe('deep/er/other (1).png')
})

test.concurrent('an input is a file with a name and no directories in it, and is sent once', async () => {
  await using stage = await setStage({ servers: [{ runsAlone: true }] })
  const { comfyui } = stage
  await stage.client.run('/test/loaded', { picture })
  await stage.client.run('/test/loaded', { picture })
  const uploads = comfyui.requests.filter(({ name }) => name === 'POST /upload/image')
  expect(uploads).toHaveLength(1)
  expect(uploads[0]?.body.toString('latin1')).toMatch(/name="image"; filename="[^"/\\]+\.png"/)
  comfyui.dropSockets()
  await comfyui.requested('GET /system_stats', 2)
  await stage.client.run('/test/loaded', { picture })
  expect(comfyui.count('POST /upload/image')).toBe(2)
})

test.concurrent('a string is no input file: no path of a caller reaches a loader', async () => {
  await using stage = await setStage()
  for (const path of ['/etc/passwd', '../../secret.png', 'other.png [output]', 'C:\\x.png']) {
    expect([400, 422]).toContain((await stage.client.post('/test/loaded', { picture: path })).status)
  }
  expect(stage.comfyui.requests.map(({ name }) => name)).not.toContain('POST /prompt')
})

test.concurrent('booleans, whole numbers and texts are not taken one for the other', async () => {
  await using stage = await setStage()
  for (const body of [{ color: '1' }, { color: 1.5 }, { color: null }, { color: true }, { color: 1, batch_size: '2' }])
    expect((await stage.client.post('/test/picture', body)).status).toBe(400)
  expect(stage.comfyui.count('POST /prompt')).toBe(0)
})

test.concurrent(
  'an output that is not there fails the job in the end, and the instance keeps its good name',
  async () => {
    await using stage = await setStage({ servers: [{ runsAlone: true }] })
    const { comfyui } = stage
    comfyui.on('GET /view', () => ({ status: 404, text: '' }))
    const calls = [1, 2, 3, 4, 5, 6].map((color) => stage.client.post('/test/picture', { color }))
    for (const response of await Promise.all(calls))
      expect([response.status, (await readProblem(response)).code]).toEqual([502, 'upstream_error'])
    expect((await stage.instances())[0]?.status).toBe('ready')
    expect(comfyui.prompts.length).toBeLessThanOrEqual(12)
  },
)

test.concurrent('files are fetched by name, sub-folder and type, each encoded', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await comfyui.nextPrompt()
  prompt.run({ '9': { images: [{ filename: 'a&b ü#.png', subfolder: 'x\\y/z', type: 'temp' }] } })
  expect((await stage.ended(job)).outputs).toHaveLength(1)
  const asked = comfyui.requests.find(({ name }) => name === 'GET /view')?.query
  expect(Object.fromEntries(asked ?? [])).toEqual({ filename: 'a&b ü#.png', subfolder: 'x\\y/z', type: 'temp' })
})

test.concurrent(
  'finds videos under images and gifs, sounds, files and texts, and tells no path of the server',
  async () => {
    await using stage = await setStage()
    const job = await stage.client.submit('/test/picture', { color: 1 })
    const prompt = await stage.comfyui.nextPrompt()
    const file = (filename: string) => ({ filename, subfolder: '', type: 'output' })
    prompt.run({
      '2': { images: [file('core.mp4')], animated: [true] },
      '3': { gifs: [{ ...file('pack.webm'), format: 'video/webm', fullpath: '/opt/comfyui/output/pack.webm' }] },
      '4': { audio: [file('sound.flac')] },
      '5': { text: ['a caption'] },
      '6': { '3d': [file('mesh.glb')], result: ['/opt/comfyui/output/mesh.glb', {}] },
      '7': { source: [{ source: 'websocket', 'content-type': 'image/png', type: 'output' }] },
    })
    const ended = await stage.ended(job)
    expect(ended.outputs.map(({ type, node_id: node, content_type: media }) => [type, node, media])).toEqual([
      ['video', '2', 'video/mp4'],
      ['video', '3', 'video/webm'],
      ['audio', '4', 'audio/flac'],
      ['text', '5', 'text/plain; charset=utf-8'],
      ['3d', '6', 'model/gltf-binary'],
    ])
    expect(JSON.stringify(ended)).not.toContain('/opt')
  },
)

test.concurrent('pictures that only go over the socket are no results', async () => {
  await using stage = await setStage()
  const job = await stage.client.submit('/test/picture', { color: 1 })
  const prompt = await stage.comfyui.nextPrompt()
  prompt.begin()
  stage.comfyui.sendFrame(Buffer.concat([Buffer.from([0, 0, 0, 1, 0, 0, 0, 2]), makePng(8, 8)]))
  prompt.finish({})
  expect(await stage.ended(job)).toMatchObject({ status: 'succeeded', outputs: [] })
})

test.concurrent('previews without an id belong to the job that runs, and to no other', async () => {
  await using stage = await setStage()
  const { comfyui } = stage
  const frame = (mark: number) => Buffer.from([0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xd8, 0xff, mark])
  const follow = ({ id }: { id: string }) => fetch(`${stage.gateway.url}/jobs/${id}/events?previews=true`)
  const previewsOf = async (stream: Response) =>
    (await readEvents(stream)).filter(({ type }) => type === 'preview').map(({ data }) => JSON.stringify(data))
  const first = await stage.client.submit('/test/picture', { input: { color: 1 }, previews: true })
  const running = await comfyui.nextPrompt()
  const second = await stage.client.submit('/test/picture', { input: { color: 2 }, previews: true })
  const waiting = await comfyui.nextPrompt()
  const seen = [previewsOf(await follow(first)), previewsOf(await follow(second))]
  comfyui.sendFrame(frame(1))
  running.begin()
  await vi.waitFor(async () => expect((await stage.client.job(first.id)).status).toBe('running'), { timeout: 60_000 })
  comfyui.sendFrame(frame(2))
  running.finish(onePicture)
  await stage.ended(first)
  comfyui.sendFrame(frame(3))
  waiting.begin()
  comfyui.sendFrame(frame(4))
  waiting.finish(onePicture)
  const [ofFirst, ofSecond] = await Promise.all(seen)
  const base64 = (mark: number) => Buffer.from([0xff, 0xd8, 0xff, mark]).toString('base64')
  expect(ofFirst).toEqual([expect.stringContaining(base64(2))])
  expect(ofSecond).toEqual([expect.stringContaining(base64(4))])
})

import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { symlinkSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { pngChunk, pngOf, pngText } from '../support/make-media.ts'
import { PacedFile, type RawStage, setRawStage } from '../support/raw-stage.ts'
import { onePicture, type ScriptedComfyui } from '../support/scripted-comfyui.ts'
import type { ScriptedPrompt } from '../support/scripted-prompt.ts'
import { openRaw } from '../support/raw-http.ts'

/* Outputs on their way from an instance to a caller who wants them as they are. */
vi.setConfig({ maxConcurrency: 8 })

const mebibyte = 1024 * 1024
const pixels = pngChunk('IDAT', randomBytes(4 * mebibyte))
const picture = pngOf(pngText.plain(['prompt', '{"1": {}}']), pixels)
/** More than the system has buffers for. */
const large = pngOf(pngChunk('IDAT', randomBytes(96 * mebibyte)))
const strippedPicture = pngOf(pixels)

const image = (filename: string) => ({ filename, subfolder: '', type: 'output' })
const twoPictures = { '9': { images: [image('a.png'), image('b.png')] } }

const ways = [
  { outputs: 'keep', limits: {} },
  { outputs: 'stream', limits: { storesRawAnswers: false } },
] as const

/** The job of the only call so far, once ComfyUI has it. */
async function jobOf({ jobs, comfyui }: RawStage): Promise<{ id: string; prompt: ScriptedPrompt }> {
  const prompt = await comfyui.nextPrompt()
  const [job] = jobs.list({ limit: 1 })
  if (!job) throw new Error('a job is there')
  return { id: job.id, prompt }
}

/** What came until the answer ended or broke off. */
async function readUntilBroken(response: IncomingMessage): Promise<{ bytes: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = []
  response.on('data', (chunk: Buffer) => void chunks.push(chunk))
  response.on('error', () => {})
  await new Promise((resolve) => response.once('close', resolve))
  return { bytes: Buffer.concat(chunks), isWhole: response.complete }
}

/** Reads until at least so much is there, and then no more. */
async function readSome(response: IncomingMessage, atLeastBytes: number): Promise<number> {
  let bytes = 0
  while (bytes < atLeastBytes) {
    const chunk: unknown = response.read()
    if (Buffer.isBuffer(chunk)) bytes += chunk.length
    else await once(response, 'readable')
  }
  return bytes
}

test.concurrent.each(
  ways.flatMap((way) => [
    { ...way, metadata: 'keep', announcesSize: true },
    { ...way, metadata: 'keep', announcesSize: false },
    { ...way, metadata: 'strip', announcesSize: true },
  ]),
)('every byte arrives: %j', async ({ outputs, limits, metadata, announcesSize }) => {
  await using stage = await setRawStage({ limits })
  const file = new PacedFile(picture, { announcesSize })
  stage.comfyui.on('GET /view', () => file.answer())
  const caller = stage.call({ 'job-output-metadata': metadata })
  const { id, prompt } = await jobOf(stage)
  prompt.run(onePicture)
  const response = await caller.response
  const bytes = await buffer(response)
  const expected = metadata === 'strip' ? strippedPicture : picture
  expect(bytes.equals(expected)).toBe(true)
  const length = metadata === 'keep' && announcesSize ? String(expected.length) : undefined
  expect(response.headers).toMatchObject({
    'content-type': 'image/png',
    'job-id': id,
    'content-location': `/jobs/${id}/outputs/0`,
    'content-disposition': expect.stringMatching(/^inline; filename="[^"]+\.png"$/),
    etag: `"${id}.0"`,
    'output-count': '1',
    link: `</jobs/${id}>; rel="describedby"`,
    vary: 'Accept, Prefer',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "sandbox; default-src 'none'",
  })
  expect(response.headers['content-length']).toBe(length)
  expect(response.headers['x-request-id']).toEqual(expect.any(String))

  const job = await stage.started.ended({ id })
  const isKept = outputs === 'keep'
  const { isPassedOn, isStripped, sizeBytes } = job.outputs[0] ?? {}
  expect([isPassedOn, isStripped, sizeBytes]).toEqual([
    isKept ? undefined : true,
    metadata === 'strip' ? true : undefined,
    expected.length,
  ])
  const again = await fetch(`${stage.url}/jobs/${id}/outputs/0`)
  if (isKept) expect(Buffer.from(await again.arrayBuffer()).equals(expected)).toBe(true)
  else {
    const problem = problemSchema.parse(await again.json())
    expect([again.status, problem.code]).toEqual([410, 'output_expired'])
    expect(problem.detail).toContain('--outputs stream')
  }
  const resource = (await (await fetch(`${stage.url}/jobs/${id}`)).json()) as { outputs: { kept: boolean }[] }
  expect(resource.outputs[0]?.kept).toBe(isKept)
  expect(stage.comfyui.count('GET /view')).toBe(1)
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(ways)('the first bytes arrive before the last ones left: $outputs', async ({ limits }) => {
  await using stage = await setRawStage({ limits })
  const gate = Promise.withResolvers<undefined>()
  const file = new PacedFile(picture).stopAt(2 * mebibyte, gate.promise)
  stage.comfyui.on('GET /view', () => file.answer())
  const caller = stage.call()
  const { prompt } = await jobOf(stage)
  prompt.run(onePicture)
  const response = await caller.response
  const early = await readSome(response, mebibyte)
  expect(file.sentBytes).toBe(2 * mebibyte)
  gate.resolve(undefined)
  expect(early + (await buffer(response)).length).toBe(picture.length)
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(ways)(
  'the last bytes come when all of the job is there: $outputs',
  async ({ outputs, limits }) => {
    await using stage = await setRawStage({ limits })
    const gate = Promise.withResolvers<undefined>()
    const tapped = new PacedFile(picture)
    const other = new PacedFile(picture).stopAt(2 * mebibyte, gate.promise)
    stage.comfyui.on('GET /view', ({ query }) => (query.get('filename') === 'a.png' ? tapped : other).answer())
    const caller = stage.call()
    const { id, prompt } = await jobOf(stage)
    prompt.run(twoPictures)
    const response = await caller.response
    let received = 0
    response.on('data', (chunk: Buffer) => void (received += chunk.length))
    await stage.comfyui.requested('GET /view', 2)
    expect(received).toBeLessThan(picture.length)
    gate.resolve(undefined)
    await once(response, 'end')
    expect(received).toBe(picture.length)
    if (outputs === 'keep') expect(stage.jobs.get(id)?.state).toBe('succeeded')
    const job = await stage.started.ended({ id })
    expect(job.outputs.map(({ index, isPassedOn = false }) => [index, isPassedOn])).toEqual([
      [0, outputs === 'stream'],
      [1, false],
    ])
    expect((await stage.stored(job, 1))?.equals(picture)).toBe(true)
    expect(await stage.leftovers()).toEqual([])
  },
)

test.concurrent.each(ways)(
  'a caller who takes nothing holds up the instance, is dropped, and the output is stored: $outputs',
  async ({ limits }) => {
    await using stage = await setRawStage({ limits: { ...limits, stalledReaderTimeoutMs: 500 } })
    const file = new PacedFile(large)
    stage.comfyui.on('GET /view', () => file.answer())
    const caller = stage.call()
    const { id, prompt } = await jobOf(stage)
    prompt.run(onePicture)
    const response = await caller.response
    let sentBytes = large.length
    stage.responses[0]?.once('close', () => {
      sentBytes = file.sentBytes
    })
    const job = await stage.started.ended({ id })
    // What left the instance until then is in buffers of the system. All else had to wait there.
    expect(sentBytes).toBeLessThan(large.length / 2)
    expect(job).toMatchObject({ state: 'succeeded', outputs: [{ sizeBytes: large.length }] })
    expect(job.outputs[0]?.isPassedOn).toBeUndefined()
    expect((await stage.stored(job, 0))?.equals(large)).toBe(true)
    const { bytes, isWhole } = await readUntilBroken(response)
    expect([isWhole, bytes.length < large.length / 2]).toEqual([false, true])
    expect(await stage.leftovers()).toEqual([])
  },
)

test.concurrent.each(ways)(
  'a caller who goes away in the middle takes nothing along: $outputs',
  async ({ outputs, limits }) => {
    await using stage = await setRawStage({ limits })
    const gate = Promise.withResolvers<undefined>()
    const file = new PacedFile(picture).stopAt(2 * mebibyte, gate.promise)
    stage.comfyui.on('GET /view', () => file.answer())
    const caller = stage.call()
    const { id, prompt } = await jobOf(stage)
    prompt.run(onePicture)
    const response = await caller.response
    response.on('error', () => {})
    await readSome(response, mebibyte)
    response.destroy()
    gate.resolve(undefined)
    const job = await stage.started.ended({ id })
    expect([job.state, job.attempt, job.outputs[0]?.isPassedOn]).toEqual(['succeeded', 1, undefined])
    expect((await stage.stored(job, 0))?.equals(picture)).toBe(true)
    expect(stage.comfyui.count('GET /view')).toBe(outputs === 'keep' ? 1 : 2)
    expect(await stage.leftovers()).toEqual([])
  },
)

test.concurrent.each(ways)(
  'an instance that breaks off before the first byte costs the caller nothing: $outputs',
  async ({ limits }) => {
    await using stage = await setRawStage({ limits })
    const file = new PacedFile(picture)
    let calls = 0
    stage.comfyui.on('GET /view', () => (++calls === 1 ? 'hang up' : file.answer()))
    const caller = stage.call()
    const { id, prompt } = await jobOf(stage)
    prompt.run(onePicture)
    const response = await caller.response
    expect([response.statusCode, (await buffer(response)).equals(picture)]).toEqual([200, true])
    expect((await stage.started.ended({ id })).attempt).toBe(1)
    expect(await stage.leftovers()).toEqual([])
  },
)

test.concurrent.each(ways)('another instance takes over before the first byte: $outputs', async ({ limits }) => {
  await using stage = await setRawStage({ servers: 2, limits })
  const file = new PacedFile(picture)
  let first: ScriptedComfyui | undefined
  for (const server of stage.servers) {
    server.runsAlone = true
    server.on('GET /view', () => {
      first ??= server
      if (first !== server) return file.answer()
      void server.hide()
      return 'never'
    })
  }
  const response = await stage.call().response
  expect([response.statusCode, (await buffer(response)).equals(picture)]).toEqual([200, true])
  const job = await stage.started.ended({ id: String(response.headers['job-id']) })
  expect(job.attempt).toBe(2)
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(ways)(
  'an instance that breaks off after it costs this caller the answer, and nobody else: $outputs',
  async ({ limits }) => {
    await using stage = await setRawStage({ limits })
    const file = new PacedFile(picture).stopAt(2 * mebibyte, 'break')
    stage.comfyui.on('GET /view', () => file.answer())
    const caller = stage.call()
    const { id, prompt } = await jobOf(stage)
    const waiting = fetch(`${stage.url}/jobs/${id}`, { headers: { prefer: 'wait=60' } })
    prompt.run(onePicture)
    const { bytes, isWhole } = await readUntilBroken(await caller.response)
    expect(isWhole).toBe(false)
    expect(bytes.equals(picture.subarray(0, bytes.length))).toBe(true)
    expect(await (await waiting).json()).toMatchObject({ status: 'succeeded', outputs: [{ kept: true }] })
    const job = await stage.started.ended({ id })
    expect((await stage.stored(job, 0))?.equals(picture)).toBe(true)
    expect(await stage.leftovers()).toEqual([])
  },
)

test.concurrent('a full disk breaks the answer off, and fails the job', async () => {
  await using stage = await setRawStage()
  const file = new PacedFile(picture)
  stage.comfyui.on('GET /view', () => file.answer())
  const caller = stage.call()
  const { id, prompt } = await jobOf(stage)
  // Whatever is written there meets a full disk.
  symlinkSync('/dev/full', join(stage.directory, `${id}.0.1.part`))
  prompt.run(onePicture)
  const { bytes, isWhole } = await readUntilBroken(await caller.response)
  expect([isWhole, bytes.length < picture.length]).toEqual([false, true])
  expect(await stage.started.ended({ id })).toMatchObject({
    state: 'failed',
    outputs: [],
    error: { code: 'storage_unavailable' },
  })
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent('with nothing to store a full disk is no matter', async () => {
  await using stage = await setRawStage({ limits: { storesRawAnswers: false } })
  const file = new PacedFile(picture)
  stage.comfyui.on('GET /view', () => file.answer())
  const caller = stage.call()
  const { id, prompt } = await jobOf(stage)
  symlinkSync('/dev/full', join(stage.directory, `${id}.0.1.part`))
  prompt.run(onePicture)
  expect((await buffer(await caller.response)).equals(picture)).toBe(true)
  expect((await stage.started.ended({ id })).state).toBe('succeeded')
})

test.concurrent.each([
  ['a later output', twoPictures],
  ['the job', onePicture],
])('an answer is not ended as whole when %s fails', async (_what, outputs) => {
  await using stage = await setRawStage({ jobLimits: { maxAttempts: 1 } })
  const file = new PacedFile(picture)
  const gate = Promise.withResolvers<undefined>()
  if (outputs === onePicture) file.stopAt(2 * mebibyte, gate.promise)
  stage.comfyui.on('GET /view', ({ query }) =>
    query.get('filename') === 'a.png' ? file.answer() : { status: 404, text: '' },
  )
  const caller = stage.call()
  const { id, prompt } = await jobOf(stage)
  prompt.run(outputs)
  const response = await caller.response
  const reading = readUntilBroken(response)
  if (outputs === onePicture) {
    await stage.jobs.cancel(id)
    gate.resolve(undefined)
  }
  expect((await reading).isWhole).toBe(false)
  expect((await stage.started.ended({ id })).state).toBe(outputs === onePicture ? 'canceled' : 'failed')
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(ways)('two callers with one key get the same, from one transfer: $outputs', async ({ limits }) => {
  await using stage = await setRawStage({ limits })
  const gate = Promise.withResolvers<undefined>()
  const file = new PacedFile(picture).stopAt(2 * mebibyte, gate.promise)
  stage.comfyui.on('GET /view', () => file.answer())
  const first = stage.call({ 'idempotency-key': 'mine' })
  const { id, prompt } = await jobOf(stage)
  const second = stage.call({ 'idempotency-key': 'mine' })
  prompt.run(onePicture)
  const response = await first.response
  await readSome(response, mebibyte)
  response.on('error', () => {})
  response.destroy()
  gate.resolve(undefined)
  const replayed = await second.response
  expect(replayed.headers['idempotency-replayed']).toBe('true')
  expect((await buffer(replayed)).equals(picture)).toBe(true)
  expect((await stage.started.ended({ id })).outputs[0]?.isPassedOn).toBeUndefined()
  expect(stage.comfyui.count('GET /view')).toBe(1)
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent.each(
  ways.flatMap((way) => [
    { ...way, headers: {}, isKept: way.outputs === 'keep' },
    { ...way, headers: { 'idempotency-key': 'k' }, isKept: true },
    { ...way, headers: { 'job-id': 'mine' }, isKept: true },
    { ...way, headers: { prefer: 'wait=60' }, isKept: true },
    { ...way, headers: { accept: 'application/json, image/*;q=0.9' }, isKept: true },
  ]),
)('a short picture goes out whole, and is kept for who may ask for it: %j', async ({ limits, headers, isKept }) => {
  await using stage = await setRawStage({ limits })
  const bytes = pngOf(pngChunk('IDAT', randomBytes(1000)))
  stage.comfyui.on('GET /view', () => ({ bytes, contentType: 'image/png' }))
  const caller = stage.call(headers)
  const { id, prompt } = await jobOf(stage)
  prompt.run(onePicture)
  const response = await caller.response
  const body = await buffer(response)
  if ('accept' in headers) expect(JSON.parse(body.toString())).toMatchObject({ images: [bytes.toString('base64')] })
  else expect([response.headers['content-length'], body.equals(bytes)]).toEqual([String(bytes.length), true])
  const job = await stage.started.ended({ id })
  expect(job.outputs[0]?.isPassedOn === undefined).toBe(isKept)
  expect((await stage.stored(job, 0))?.equals(bytes)).toBe(isKept ? true : undefined)
  expect(await stage.leftovers()).toEqual([])
})

test.concurrent('an old client that cannot be told of a broken answer gets it when it is whole', async () => {
  await using stage = await setRawStage()
  const file = new PacedFile(picture)
  stage.comfyui.on('GET /view', () => file.answer())
  const body = '{"prompt":"a"}'
  const socket = await openRaw(
    stage.port,
    `POST /test/txt2img HTTP/1.0\r\nHost: localhost\r\nAccept: image/*\r\nJob-Output-Metadata: strip\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  const { prompt } = await jobOf(stage)
  prompt.run(onePicture)
  const answer = await buffer(socket)
  expect(answer.subarray(answer.indexOf('\r\n\r\n') + 4).equals(strippedPicture)).toBe(true)
  expect(answer.toString('latin1')).toContain(`content-length: ${strippedPicture.length}\r\n`)
})

test.concurrent.each(ways)('a connection serves on after a large answer: $outputs', async ({ limits }) => {
  await using stage = await setRawStage({ limits })
  const file = new PacedFile(picture)
  stage.comfyui.on('GET /view', () => file.answer())
  stage.comfyui.runsAlone = true
  const body = '{"prompt":"a"}'
  const post = (connection: string) =>
    `POST /test/txt2img HTTP/1.1\r\nHost: localhost\r\nAccept: image/*\r\nConnection: ${connection}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  // The second one is there before the first is answered.
  const socket = await openRaw(stage.port, post('keep-alive') + post('close'))
  const answers = await buffer(socket)
  const begin = answers.indexOf('\r\n\r\n') + 4
  const second = answers.subarray(begin + picture.length)
  expect(answers.subarray(begin, begin + picture.length).equals(picture)).toBe(true)
  expect(second.toString('latin1', 0, 15)).toBe('HTTP/1.1 200 OK')
  expect(second.subarray(second.indexOf('\r\n\r\n') + 4).equals(picture)).toBe(true)

  const response = await fetch(`${stage.url}/test/txt2img`, {
    method: 'POST',
    headers: { accept: 'image/*', 'content-type': 'application/json' },
    body,
  })
  expect(Buffer.from(await response.arrayBuffer()).equals(picture)).toBe(true)
  expect(await stage.leftovers()).toEqual([])
})

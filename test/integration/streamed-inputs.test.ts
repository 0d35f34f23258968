import { readdir } from 'node:fs/promises'
import { type IncomingMessage, request as startRequest } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createFront, type FrontAction, type FrontServer } from '../support/front-server.ts'
import { makePng, makePngHeader, pngChunk } from '../support/make-image.ts'
import { openRaw } from '../support/raw-http.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

const mebibyte = 1024 * 1024
const boundary = 'xxBOUNDARYxx'
const type = `multipart/form-data; boundary=${boundary}`

let simulator: Simulator
let front: FrontServer
let gateway: RunningGateway
let decide: (request: string) => FrontAction | undefined = () => undefined

/** What was there before the test. */
let known: ReadonlySet<string>
let uploadsBefore = 0

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  front = await createFront(simulator.url, (request) => decide(request))
  gateway = await startGateway({
    flags: { comfyuiUrl: [front.url], workflows: [testWorkflows], maxFileMb: '3', maxBodyMb: '1' },
  })
})
beforeEach(async () => {
  await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(200)
  decide = () => undefined
  known = new Set(await allFiles())
  uploadsBefore = allUploads()
})
afterAll(async () => {
  await gateway.close()
  await front.close()
  await simulator.close()
})

const port = () => Number(new URL(gateway.url).port)
const allFiles = () => readdir(join(gateway.dataDir, 'inputs'))
const storedFiles = async () => (await allFiles()).filter((name) => !known.has(name))
const partCount = async () => (await storedFiles()).filter((name) => name.endsWith('.part')).length
const allUploads = () => front.requests.filter((name) => name === 'POST /api/upload/image').length
const uploads = () => allUploads() - uploadsBefore

/** A picture whose header has so many bytes of text. */
function pictureOf(sizeBytes: number, fill = 'a'): Buffer {
  return Buffer.concat([
    makePng().subarray(0, 33),
    pngChunk('tEXt', Buffer.alloc(sizeBytes, fill)),
    makePng().subarray(33),
  ])
}

function partHead(name: string, filename?: string): string {
  const file = filename === undefined ? '' : `; filename="${filename}"\r\nContent-Type: image/png`
  return `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`
}
const formEnd = `\r\n--${boundary}--\r\n`

function send(
  name: string,
  content: Buffer,
  path = '/test/loaded',
  headers: Record<string, string> = {},
): Promise<Response> {
  const body = Buffer.concat([Buffer.from(partHead(name, 'a.png')), content, Buffer.from(formEnd)])
  return fetch(gateway.url + path, { method: 'POST', headers: { 'content-type': type, ...headers }, body })
}

async function problemOf(response: Response) {
  return { ...problemSchema.parse(await response.json()), status: response.status }
}

/** Sends a head and these pieces, and no end; resolves with the answer. */
async function answerToUnfinished(path: string, pieces: readonly (string | Buffer)[]) {
  const request = startRequest(gateway.url + path, { method: 'POST', headers: { 'content-type': type } })
  request.on('error', () => {})
  for (const piece of pieces) request.write(piece)
  const { promise, resolve } = Promise.withResolvers<IncomingMessage>()
  request.once('response', resolve)
  const response = await promise
  const answer = problemSchema.parse(JSON.parse(await text(response)))
  request.destroy()
  return { ...answer, status: response.statusCode }
}

describe('a file of a form', () => {
  test('may be larger than a body in memory, and comes back as it is', async () => {
    const response = await send('picture', pictureOf(2 * mebibyte))
    const { status, outputs } = resultSchema.parse(await response.json())
    expect([response.status, status, outputs.length]).toEqual([200, 'succeeded', 1])
    expect(await storedFiles()).toHaveLength(1)
    const [name = ''] = await storedFiles()
    expect(simulator.files.get('input', `comfyui-api/${name}`)?.bytes.equals(pictureOf(2 * mebibyte))).toBe(true)
    await expect.poll(partCount).toBe(0)
  })

  test('is told by its bytes, whatever it is called', async () => {
    const body = new FormData()
    body.set('picture', new Blob([new Uint8Array(makePng())], { type: 'application/pdf' }), '../../evil.pdf')
    const response = await fetch(`${gateway.url}/test/loaded`, { method: 'POST', body })
    expect([response.status, resultSchema.parse(await response.json()).status]).toEqual([200, 'succeeded'])
    expect(await problemOf(await send('picture', Buffer.from('%PDF-1.7 '.repeat(40_000))))).toMatchObject({
      status: 422,
      errors: [{ pointer: '/picture', code: 'unsupported_type', message: expect.stringContaining('application/pdf') }],
    })
    await expect.poll(partCount).toBe(0)
  })

  test('without a byte is refused', async () => {
    expect(await problemOf(await send('picture', Buffer.alloc(0)))).toMatchObject({
      status: 422,
      errors: [{ pointer: '/picture', code: 'empty' }],
    })
  })

  test('that is too large is refused before it has come, and the limit is named', async () => {
    const refused = await answerToUnfinished('/test/loaded', [
      partHead('picture', 'a.png'),
      pictureOf(2 * mebibyte),
      Buffer.alloc(1.2 * mebibyte),
    ])
    expect(refused).toMatchObject({
      status: 413,
      code: 'body_too_large',
      detail: '/picture is larger than 3072 KiB, the most that a file may have (--max-file-mb).',
      errors: [{ pointer: '/picture', code: 'too_large' }],
    })
    await expect.poll(partCount).toBe(0)
  })

  test('is refused as too large while its sender goes on, who sees the answer', async () => {
    const response = await send('picture', Buffer.alloc(20 * mebibyte))
    expect(await problemOf(response)).toMatchObject({ status: 413, code: 'body_too_large' })
    await expect.poll(partCount).toBe(0)
    expect((await send('picture', makePng())).status).toBe(200)
  })

  test.each([
    ['a text', '/test/loaded', partHead('picture'), /^What is no file/],
    ['a file where none is taken', '/test/loaded', partHead('pictrue', 'a.png'), /^"pictrue" takes no file/],
    ['a file for a route without forms', '/jobs/none/cancel', partHead('picture', 'a.png'), /takes no file/],
  ])('is something else than %s, which is held in memory', async (_, path, head, why) => {
    const refused = await answerToUnfinished(path, [head, Buffer.alloc(1.3 * mebibyte, 'a')])
    expect(refused).toMatchObject({
      status: 413,
      code: 'body_too_large',
      detail: expect.stringContaining('--max-body-mb'),
    })
    expect(refused).toMatchObject({ detail: expect.stringMatching(why) })
    expect(await storedFiles()).toEqual([])
  })

  test('is not received for no workflow', async () => {
    const refused = await answerToUnfinished('/test/nothing', [partHead('picture', 'a.png'), Buffer.alloc(1000)])
    expect(refused).toMatchObject({ status: 404, code: 'not_found' })
    expect(await storedFiles()).toEqual([])
  })

  test.each([
    ['inside a file', [partHead('picture', 'a.png'), pictureOf(mebibyte)]],
    ['behind a file', [partHead('picture', 'a.png'), pictureOf(mebibyte), `\r\n${partHead('other').slice(0, 20)}`]],
  ])('of a body that ends %s leaves nothing', async (_, pieces) => {
    const body = Buffer.concat(pieces.map((piece) => Buffer.from(piece)))
    const response = await fetch(`${gateway.url}/test/loaded`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    })
    expect(await problemOf(response)).toMatchObject({ status: 400, code: 'malformed_body' })
    expect(await storedFiles()).toEqual([])
  })

  test('leaves nothing when the request is refused for something else', async () => {
    const large = pictureOf(mebibyte)
    for (const headers of [{ accept: 'text/csv' }, { prefer: 'respond-async', 'job-priority': 'none' }]) {
      expect((await problemOf(await send('picture', large, '/test/loaded', headers))).status).toBeLessThan(500)
    }
    expect(
      (await problemOf(await send('picture', large, '/workflows/test/loaded/render', { accept: 'a/b' }))).status,
    ).toBe(406)
    await expect.poll(storedFiles).toEqual([])
  })

  test('is checked and forgotten when its graph is only shown', async () => {
    const response = await send('picture', pictureOf(mebibyte), '/workflows/test/loaded/render')
    expect([response.status, await response.json()]).toMatchObject([200, { workflow: 'test/loaded' }])
    await expect.poll(storedFiles).toEqual([])
  })

  test('leaves nothing when its caller goes away in the middle', async () => {
    const head = `POST /test/loaded HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\nContent-Length: 3000000\r\n\r\n`
    const socket = await openRaw(port(), `${head}${partHead('picture', 'a.png')}`)
    socket.write(pictureOf(mebibyte))
    await expect.poll(partCount).toBe(1)
    socket.destroy()
    await expect.poll(storedFiles).toEqual([])
  })
})

describe('a file on its way to an instance', () => {
  const submit = async (fill: string) => {
    const response = await send('picture', pictureOf(mebibyte, fill), '/test/loaded', { prefer: 'respond-async' })
    return jobSchema.parse(await response.json()).id
  }
  const stateOf = async (id: string) => jobSchema.parse(await (await fetch(`${gateway.url}/jobs/${id}`)).json()).status

  test('is sent once for jobs that need it at the same time', async () => {
    const ids = await Promise.all([submit('b'), submit('b')])
    for (const id of ids) await expect.poll(() => stateOf(id)).toBe('succeeded')
    expect(uploads()).toBe(1)
  })

  test('goes on for the others when one job is canceled', async () => {
    const held = Promise.withResolvers<undefined>()
    decide = (request) => (request === 'POST /api/upload/image' ? { passAfter: held.promise } : undefined)
    const [first, second] = await Promise.all([submit('c'), submit('c')])
    await expect.poll(uploads).toBe(1)
    await fetch(`${gateway.url}/jobs/${first}/cancel`, { method: 'POST' })
    await expect.poll(() => stateOf(first)).toBe('canceled')
    held.resolve(undefined)
    await expect.poll(() => stateOf(second)).toBe('succeeded')
    expect(uploads()).toBe(1)
  })
})

test('a header of a picture is all that is looked at, however large the file', async () => {
  expect(
    await problemOf(await send('picture', Buffer.concat([makePngHeader(90_000, 90_000), Buffer.alloc(mebibyte)]))),
  ).toMatchObject({
    status: 422,
    errors: [{ code: 'too_many_pixels' }],
  })
})

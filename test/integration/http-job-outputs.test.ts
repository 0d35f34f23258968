import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
let id: string
let url: string
const picture = randomBytes(10_000)

beforeAll(async () => {
  gateway = await startTestApp()
  answerAtOnce(gateway, picture)
  const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
  id = response.headers.get('job-id') ?? ''
  url = `${gateway.url}/jobs/${id}/outputs/0`
})
afterAll(() => gateway[Symbol.asyncDispose]())

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describe('GET of an output', () => {
  test('gives the bytes, to be kept for ever, and harmless in a browser', async () => {
    const response = await fetch(url)
    expect(response.status).toBe(200)
    expect(await bytesOf(response)).toEqual(picture)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': '10000',
      'accept-ranges': 'bytes',
      etag: `"${id}.0"`,
      'cache-control': 'private, max-age=31536000, immutable',
      'content-disposition': 'inline; filename="picture_00001_.png"',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
  })

  test('of a job with a chosen id is asked for again, because the id may come back with other bytes', async () => {
    const make = async () => {
      await (await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { 'job-id': 'chosen' })).arrayBuffer()
      const response = await fetch(`${gateway.url}/jobs/chosen/outputs/0`)
      await response.arrayBuffer()
      expect(response.headers.get('cache-control')).toBe('private, no-cache')
      return response.headers.get('etag') ?? ''
    }
    const first = await make()
    const known = await fetch(`${gateway.url}/jobs/chosen/outputs/0`, { headers: { 'if-none-match': first } })
    expect(known.status).toBe(304)
    await expect.poll(() => Date.now()).toBeGreaterThan(gateway.jobs.require('chosen').times.createdAtMs)
    expect((await fetch(`${gateway.url}/jobs/chosen`, { method: 'DELETE' })).status).toBe(204)
    expect(await make()).not.toBe(first)
  })

  test('HEAD gives the same headers and no bytes', async () => {
    const head = await fetch(url, { method: 'HEAD' })
    const get = await fetch(url)
    expect(head.status).toBe(200)
    const ofTheConnection = new Set(['date', 'connection', 'keep-alive', 'x-request-id'])
    const own = (response: Response) =>
      Object.fromEntries([...response.headers].filter(([name]) => !ofTheConnection.has(name)))
    expect(own(head)).toEqual(own(get))
    expect(await bytesOf(head)).toHaveLength(0)
  })

  test.each([
    ['svg', 'image/svg+xml', 'a.svg', 'attachment; filename="a.svg"'],
    ['html', 'text/html', 'a.html', 'attachment; filename="a.html"'],
    [
      'latent',
      'application/octet-stream',
      'a"b.latent',
      `attachment; filename="a_b.latent"; filename*=UTF-8''a%22b.latent`,
    ],
    ['video', 'video/mp4', 'größe.mp4', `inline; filename="gr__e.mp4"; filename*=UTF-8''gr%C3%B6%C3%9Fe.mp4`],
  ])('%s is shown only where that is safe', async (_what, contentType, filename, disposition) => {
    gateway.jobs.onSubmit = () => {}
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { prefer: 'respond-async' })
    answerAtOnce(gateway, picture)
    const jobId = response.headers.get('job-id') ?? ''
    gateway.jobs.addOutput(jobId, gateway.outputs.add(jobId, 0, picture, { contentType, filename }))
    const output = await fetch(`${gateway.url}/jobs/${jobId}/outputs/0`)
    expect(output.headers.get('content-disposition')).toBe(disposition)
  })

  test.each([
    ['"nonsense"', 200],
    [`"x"`, 200],
    ['*', 304],
  ])('If-None-Match: %s is %i', async (value, status) => {
    expect((await fetch(url, { headers: { 'if-none-match': value } })).status).toBe(status)
  })

  test('If-None-Match with its tag, weak or in a list, is 304 without a body', async () => {
    for (const value of [`"${id}.0"`, `W/"${id}.0"`, `"a", "${id}.0"`]) {
      const response = await fetch(url, { headers: { 'if-none-match': value } })
      expect(response.status).toBe(304)
      expect(response.headers.get('etag')).toBe(`"${id}.0"`)
      // Caches put the headers of a 304 in place of those that they know of the bytes.
      expect(['content-type', 'content-length'].map((name) => response.headers.get(name))).toEqual([null, null])
      expect(await bytesOf(response)).toHaveLength(0)
    }
  })
})

describe('conditions', () => {
  let made: string
  beforeAll(async () => {
    const response = await fetch(url, { method: 'HEAD' })
    made = response.headers.get('last-modified') ?? ''
    const { completedAtMs = 0 } = gateway.jobs.require(id).times
    expect(Date.parse(made)).toBe(Math.floor(completedAtMs / 1000) * 1000)
  })
  const at = (ms: number) => new Date(Date.parse(made) + ms).toUTCString()

  test.each(['GET', 'HEAD'])('of a %s are met or not', async (method) => {
    const statusOf = async (headers: Record<string, string>) => {
      const response = await fetch(url, { method, headers })
      await response.arrayBuffer()
      return response.status
    }
    expect(await statusOf({ 'if-modified-since': made })).toBe(304)
    expect(await statusOf({ 'if-modified-since': at(-5000) })).toBe(200)
    expect(await statusOf({ 'if-modified-since': made, 'if-none-match': '"other"' })).toBe(200)
    expect(await statusOf({ 'if-match': `"${id}.0"` })).toBe(200)
    expect(await statusOf({ 'if-match': '"other"' })).toBe(412)
    expect(await statusOf({ 'if-unmodified-since': made })).toBe(200)
    expect(await statusOf({ 'if-unmodified-since': at(-5000) })).toBe(412)
  })

  test('that are not met are told as a problem, not to be kept', async () => {
    const response = await fetch(url, { headers: { 'if-match': '"other"', range: 'bytes=0-1' } })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ status: 412, code: 'precondition_failed' })
  })

  test('by date count for a range, too', async () => {
    const statusWith = async (condition: string) => {
      const response = await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': condition } })
      await response.arrayBuffer()
      return response.status
    }
    expect(await statusWith(made)).toBe(206)
    expect(await statusWith(at(5000))).toBe(200)
  })
})

describe('Range', () => {
  test('any one range inside gives exactly its bytes', async () => {
    const range = fc.oneof(
      fc.tuple(fc.nat(9_999), fc.nat(12_000)).map(([start, length]) => ({
        header: `bytes=${start}-${start + length}`,
        start,
        end: Math.min(start + length, 9_999),
      })),
      fc.nat(9_999).map((start) => ({ header: `bytes=${start}-`, start, end: 9_999 })),
      fc.integer({ min: 1, max: 12_000 }).map((last) => ({
        header: `bytes=-${last}`,
        start: Math.max(0, 10_000 - last),
        end: 9_999,
      })),
    )
    await fc.assert(
      fc.asyncProperty(range, async ({ header, start, end }) => {
        const response = await fetch(url, { headers: { range: header } })
        expect(response.status).toBe(206)
        expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end}/10000`)
        expect(response.headers.get('content-length')).toBe(String(end - start + 1))
        expect(await bytesOf(response)).toEqual(picture.subarray(start, end + 1))
      }),
      { numRuns: 40 },
    )
  })

  test.each([['bytes=10000-'], ['bytes=20000-30000'], ['bytes=-0']])('%s lies outside: 416', async (range) => {
    const response = await fetch(url, { headers: { range } })
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe('bytes */10000')
    expect(await response.json()).toMatchObject({ code: 'range_not_satisfiable' })
  })

  test.each([['bytes=5-1'], ['bytes=0-1,5-6'], ['items=0-1'], ['bytes=a-b'], ['bytes=-']])(
    '%s is no single range: everything is sent',
    async (range) => {
      const response = await fetch(url, { headers: { range } })
      expect(response.status).toBe(200)
      expect(await bytesOf(response)).toEqual(picture)
    },
  )

  test('If-Range gives a part only of the output it names', async () => {
    const part = await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': `"${id}.0"` } })
    expect(part.status).toBe(206)
    for (const condition of ['"other"', `W/"${id}.0"`, 'Wed, 21 Oct 2015 07:28:00 GMT']) {
      expect((await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': condition } })).status).toBe(200)
    }
  })

  test('HEAD ignores it', async () => {
    expect((await fetch(url, { method: 'HEAD', headers: { range: 'bytes=0-1' } })).status).toBe(200)
  })
})

describe('an output that is not there', () => {
  test.each([
    ['/jobs/nope/outputs/0', 404, 'job_not_found'],
    ['/outputs/1', 404, 'output_not_found'],
    ['/outputs/-1', 404, 'output_not_found'],
    ['/outputs/00', 404, 'output_not_found'],
    ['/outputs/0x0', 404, 'output_not_found'],
    ['/outputs/__proto__', 404, 'output_not_found'],
  ])('%s is %i %s', async (path, status, code) => {
    const response = await fetch(path.startsWith('/jobs') ? gateway.url + path : `${gateway.url}/jobs/${id}${path}`)
    expect(response.status).toBe(status)
    expect(await response.json()).toMatchObject({ code })
  })

  test('whose bytes are gone is 410', async () => {
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
    const jobId = response.headers.get('job-id') ?? ''
    gateway.outputs.forget(jobId, 0)
    const output = await fetch(`${gateway.url}/jobs/${jobId}/outputs/0`)
    expect((await fetch(`${gateway.url}/jobs/${jobId}/outputs/0`, { method: 'HEAD' })).status).toBe(410)
    expect(output.status).toBe(410)
    expect(output.headers.get('content-type')).toContain('application/problem+json')
    expect(output.headers.get('cache-control')).toBe('no-store')
    expect(await output.json()).toMatchObject({ code: 'output_expired' })
  })
})

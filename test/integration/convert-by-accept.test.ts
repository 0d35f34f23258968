import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { createImageConverter } from '../../src/outputs/image-converter.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { makePng } from '../support/make-image.ts'
import { describeConversion, sharp } from '../support/sharp.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

const bytesOf = async (response: Response) => Buffer.from(await response.arrayBuffer())

describeConversion('a picture of a workflow', () => {
  let simulator: Simulator
  let gateway: RunningGateway
  const client = createClient(() => gateway.url)
  const red = 0xe02010
  let nonce = 0

  beforeAll(async () => {
    simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
    gateway = await startGateway({ flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
  })
  afterAll(async () => {
    await gateway.close()
    await simulator.close()
  })

  /** One more picture of the colour, near enough. */
  const picture = () => ({ color: red + (++nonce % 16) })

  async function expectRed(image: Buffer): Promise<void> {
    const { data, info } = await sharp(image).raw().toBuffer({ resolveWithObject: true })
    expect({ width: info.width, height: info.height }).toEqual({ width: 32, height: 32 })
    for (const [channel, value] of [0xe0, 0x20, 0x10].entries()) {
      expect(Math.abs((data[channel] ?? 0) - value)).toBeLessThan(24)
    }
  }

  test.each([
    ['image/webp', 'webp', 'webp'],
    ['image/jpeg', 'jpeg', 'jpg'],
    ['image/avif', 'heif', 'avif'],
    ['image/webp;q=0.5, image/jpeg;q=0.9', 'jpeg', 'jpg'],
    ['image/avif;q=0, image/gif, image/webp', 'webp', 'webp'],
    ['image/webp, application/json', 'webp', 'webp'],
    ['image/webp, image/png;q=0.9', 'webp', 'webp'],
  ])('is sent as %s asks for, and stays stored as it was made', async (accept, format, extension) => {
    const response = await client.post('/test/picture', picture(), { accept })
    const bytes = await bytesOf(response)
    expect(response.status).toBe(200)
    const { format: sent } = await sharp(bytes).metadata()
    expect(sent).toBe(format)
    await expectRed(bytes)
    const type = format === 'heif' ? 'avif' : format
    const id = response.headers.get('job-id') ?? ''
    const [output] = (await client.job(id)).outputs
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': `image/${type}`,
      'content-length': String(bytes.length),
      'content-disposition': `inline; filename="${output?.filename.replace(/png$/, extension) ?? ''}"`,
      etag: `W/"${id}.0.${type}"`,
      'output-count': '1',
      link: `</jobs/${id}>; rel="describedby"`,
      vary: expect.stringContaining('Accept'),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
    })
    expect(response.headers.has('content-location')).toBe(false)
    expect(output?.content_type).toBe('image/png')
    const stored = await client.bytes(`/jobs/${id}/outputs/0`)
    expect((await sharp(stored).metadata()).format).toBe('png')
    expect(stored.length).toBe(output?.size_bytes)
  })

  test.each(['image/webp, image/png', 'image/*, image/webp', 'image/avif, image/webp, image/*;q=1, */*;q=0.8'])(
    'is sent as it is where %s likes that as much',
    async (accept) => {
      const response = await client.post('/test/picture', picture(), { accept })
      expect(response.headers.get('content-type')).toBe('image/png')
      const id = response.headers.get('job-id') ?? ''
      expect(response.headers.get('content-location')).toBe(`/jobs/${id}/outputs/0`)
      expect(await bytesOf(response)).toEqual(await client.bytes(`/jobs/${id}/outputs/0`))
    },
  )

  test('that is stored in another format is converted from that', async () => {
    const headers = { accept: 'image/png', 'job-convert-output': 'webp' }
    const response = await client.post('/test/picture', picture(), headers)
    const bytes = await bytesOf(response)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/png'])
    await expectRed(bytes)
    const { outputs } = await client.job(response.headers.get('job-id') ?? '')
    expect(outputs).toMatchObject([{ content_type: 'image/webp' }])
  })

  test.each(['image/gif', 'image/tiff', 'video/mp4', 'video/*', 'image/png;q=0, image/*'])(
    'cannot be made %s: 406, with what there is',
    async (accept) => {
      const response = await client.post('/test/picture', picture(), { accept })
      const problem = await readProblem(response)
      expect([response.status, problem.code]).toEqual([406, 'not_acceptable'])
      expect(problem.detail).toContain('image/png')
      expect(problem.job_id).toBeDefined()
    },
  )

  test('is stored and converted also where raw answers are not stored', async () => {
    const flags = { comfyuiUrl: [simulator.url], workflows: [testWorkflows], outputs: 'stream' }
    const streaming = await startGateway({ flags })
    try {
      const response = await postJson(`${streaming.url}/test/picture`, picture(), { accept: 'image/webp' })
      expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/webp'])
      await expectRed(await bytesOf(response))
      const stored = await fetch(`${streaming.url}/jobs/${response.headers.get('job-id') ?? ''}/outputs/0`)
      await expectRed(await bytesOf(stored))
      expect(stored.headers.get('content-type')).toBe('image/png')
    } finally {
      await streaming.close()
    }
  })

  test('answers as many callers at once as there are', async () => {
    const accepts = ['image/webp', 'image/jpeg', 'image/png']
    const types = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const response = await client.post('/test/picture', picture(), { accept: accepts[index % 3] ?? '' })
        await expectRed(await bytesOf(response))
        return response.headers.get('content-type')
      }),
    )
    expect(types).toEqual(Array.from({ length: 12 }, (_, index) => accepts[index % 3]))
  })
})

describeConversion('an output', () => {
  let gateway: TestApp
  let url: string
  let id: string

  beforeAll(async () => {
    gateway = await startTestApp()
    const video = { kind: 'video', contentType: 'video/mp4', filename: 'a.mp4' } as const
    const broken = Buffer.concat([makePng().subarray(0, 40), Buffer.alloc(100)])
    const frames = Buffer.from(Array.from({ length: 8 * 24 * 3 }, (_, at) => (at * 37) % 256))
    const animated = sharp(frames, { raw: { width: 8, height: 24, channels: 3, pageHeight: 8 } })
    const gif = await animated.gif({ delay: [100, 200, 300] }).toBuffer()
    gateway.jobs.onSubmit = ({ id: jobId }) => {
      setImmediate(() => {
        const add = (index: number, bytes: Buffer, changes = {}) =>
          gateway.jobs.addOutput(jobId, gateway.outputs.add(jobId, index, bytes, changes))
        add(0, makePng(40, 30))
        add(1, Buffer.from('no video'), video)
        add(2, broken)
        add(3, gif, { contentType: 'image/gif', filename: 'moving.gif' })
        add(4, makePng())
        gateway.jobs.succeed(jobId)
      })
    }
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
    await response.arrayBuffer()
    id = response.headers.get('job-id') ?? ''
    url = `${gateway.url}/jobs/${id}/outputs`
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  const get = (index: number, headers: Record<string, string>, method = 'GET') =>
    fetch(`${url}/${index}`, { method, headers })

  test.each([
    ['image/webp', 'webp'],
    ['image/jpeg;q=0.5', 'jpeg'],
    ['image/avif, image/webp', 'avif'],
  ])('is sent as %s where that has no room for what is stored', async (accept, type) => {
    const response = await get(0, { accept })
    const bytes = await bytesOf(response)
    expect(response.status).toBe(200)
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 40, height: 30 })
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': `image/${type}`,
      'content-length': String(bytes.length),
      etag: `W/"${id}.0.${type}"`,
      vary: expect.stringContaining('Accept'),
      'accept-ranges': 'none',
      'cache-control': 'private, max-age=31536000, immutable',
    })
  })

  test.each([
    ['*/*'],
    ['image/*'],
    ['image/webp, */*;q=0.1'],
    ['image/webp, image/png;q=0.1'],
    ['image/gif'],
    ['text/html'],
  ])('is sent as it is for %s', async (accept) => {
    const response = await get(0, { accept })
    expect(await bytesOf(response)).toEqual(makePng(40, 30))
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      etag: `"${id}.0"`,
      'accept-ranges': 'bytes',
      vary: expect.stringContaining('Accept'),
    })
  })

  test('keeps its animation as WebP', async () => {
    const bytes = await bytesOf(await get(3, { accept: 'image/webp' }))
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', pages: 3, delay: [100, 200, 300] })
  })

  test('is known again by the tag of what was sent, and by no other', async () => {
    const response = await get(0, { accept: 'image/webp' })
    await response.arrayBuffer()
    const etag = response.headers.get('etag') ?? ''
    const again = await get(0, { accept: 'image/webp', 'if-none-match': etag })
    expect([again.status, again.headers.get('etag'), again.headers.get('content-type')]).toEqual([304, etag, null])
    expect(again.headers.get('vary')).toContain('Accept')
    for (const [accept, other] of [
      ['image/jpeg', etag],
      ['image/png', etag],
      ['image/webp', `"${id}.0"`],
    ] as const) {
      const different = await get(0, { accept, 'if-none-match': other })
      expect(different.status).toBe(200)
      await different.arrayBuffer()
    }
  })

  test('is not sent where another one is expected', async () => {
    const response = await get(0, { accept: 'image/webp', 'if-match': `"${id}.0"` })
    expect([response.status, (await readProblem(response)).code]).toEqual([412, 'precondition_failed'])
  })

  test('whose bytes are gone is 410', async () => {
    gateway.outputs.forget(id, 4)
    const response = await get(4, { accept: 'image/webp' })
    expect([response.status, (await readProblem(response)).code]).toEqual([410, 'output_expired'])
    expect((await get(4, { accept: 'image/webp' }, 'HEAD')).status).toBe(410)
  })

  test('is converted as a whole, whatever range is asked for', async () => {
    const whole = await bytesOf(await get(0, { accept: 'image/webp' }))
    for (const range of ['bytes=0-9', 'bytes=100000-']) {
      const response = await get(0, { accept: 'image/webp', range })
      expect(response.status).toBe(200)
      expect(await bytesOf(response)).toEqual(whole)
    }
  })

  test('has the same headers for HEAD, but for its length', async () => {
    const head = await get(0, { accept: 'image/webp' }, 'HEAD')
    expect(head.status).toBe(200)
    expect(Object.fromEntries(head.headers)).toMatchObject({
      'content-type': 'image/webp',
      etag: `W/"${id}.0.webp"`,
      'content-disposition': 'inline; filename="picture_00001_.webp"',
    })
    expect(await bytesOf(head)).toHaveLength(0)
  })

  test('that is no image is sent as it is', async () => {
    const response = await get(1, { accept: 'image/webp' })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'video/mp4'])
    expect(await response.text()).toBe('no video')
    expect(response.headers.get('vary') ?? '').not.toContain('Accept')
  })

  test('that cannot be read is an error, and stays there as it is', async () => {
    const response = await get(2, { accept: 'image/webp' })
    expect([response.status, (await readProblem(response)).code]).toEqual([500, 'conversion_failed'])
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect((await bytesOf(await get(2, {}))).length).toBe(140)
  })
})

describeConversion('a picture that cannot be converted', () => {
  test('is given in the next form that is acceptable, else it is an error of the call that names the job', async () => {
    await using gateway = await startTestApp()
    answerAtOnce(gateway, Buffer.from('no picture'))
    const run = (accept: string) => postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { accept })
    const asJson = await run('image/webp, */*;q=0.1')
    expect([asJson.status, asJson.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    expect(asJson.headers.has('output-count')).toBe(false)
    await asJson.arrayBuffer()
    const asItIs = await run('image/webp, image/png;q=0.1')
    expect(await asItIs.text()).toBe('no picture')
    const failed = await run('image/webp, image/avif')
    const problem = await readProblem(failed)
    expect([failed.status, problem.code]).toEqual([500, 'conversion_failed'])
    expect(problem.job_id).toBe(failed.headers.get('job-id'))
  })
})

describe('without the library', () => {
  let gateway: TestApp
  const graph = (classType: string) => ({
    prompt: {
      '1': { class_type: 'EmptyImage', inputs: { width: 32, height: 32, batch_size: 1, color: 1 } },
      '9': { class_type: classType, inputs: { images: ['1', 0], filename_prefix: 'x' } },
    },
  })

  beforeAll(async () => {
    const images = createImageConverter({ load: () => Promise.reject(new Error('Cannot find package')) })
    gateway = await startTestApp({ options: { images } })
  })
  beforeEach(() => answerAtOnce(gateway, makePng()))
  afterAll(() => gateway[Symbol.asyncDispose]())

  test('a call that only a conversion could answer is refused before it costs anything', async () => {
    const before = gateway.jobs.requests.length
    for (const accept of ['image/webp', 'image/avif, image/jpeg;q=0.1']) {
      const response = await postJson(`${gateway.url}/prompt`, graph('SaveImage'), { accept })
      const problem = await readProblem(response)
      expect([response.status, problem.code]).toEqual([406, 'not_acceptable'])
      expect(problem.detail).toContain('npm install sharp')
      expect(problem.job_id).toBeUndefined()
    }
    expect(gateway.jobs.requests).toHaveLength(before)
  })

  test.each([
    [{ accept: 'image/png' }, 200],
    [{ accept: 'image/webp, image/png;q=0.1' }, 200],
    [{ accept: 'image/webp, application/json;q=0.1' }, 200],
    [{ accept: 'image/webp', prefer: 'respond-async' }, 202],
  ])('a call with %j is taken, and answered %i', async (headers, status) => {
    const before = gateway.jobs.requests.length
    const response = await postJson(`${gateway.url}/prompt`, graph('SaveImage'), headers)
    await response.arrayBuffer()
    expect([response.status, gateway.jobs.requests.length - before]).toEqual([status, 1])
  })

  test('what a node may save is seen afterwards, and then it is said what to install', async () => {
    const before = gateway.jobs.requests.length
    const response = await postJson(`${gateway.url}/prompt`, graph('NodeOfSomebodyElse'), { accept: 'image/webp' })
    const problem = await readProblem(response)
    expect([response.status, problem.code]).toEqual([406, 'not_acceptable'])
    expect(problem.detail).toMatch(/image\/png.*npm install sharp/)
    expect(problem.job_id).toBe(response.headers.get('job-id'))
    expect(gateway.jobs.requests).toHaveLength(before + 1)
  })

  test('a repeated call is answered for its job', async () => {
    const headers = { 'idempotency-key': 'one' }
    const first = await postJson(`${gateway.url}/prompt`, graph('SaveImage'), headers)
    await first.arrayBuffer()
    const again = await postJson(`${gateway.url}/prompt`, graph('SaveImage'), { ...headers, accept: 'image/webp' })
    expect(again.status).toBe(406)
    expect((await readProblem(again)).job_id).toBe(first.headers.get('job-id'))
  })

  test('an output is not acceptable in another format', async () => {
    const run = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
    await run.arrayBuffer()
    const url = `${gateway.url}/jobs/${run.headers.get('job-id') ?? ''}/outputs/0`
    const response = await fetch(url, { headers: { accept: 'image/webp' } })
    const problem = await readProblem(response)
    expect([response.status, problem.code]).toEqual([406, 'not_acceptable'])
    expect(problem.detail).toMatch(/image\/png.*npm install sharp/)
    expect((await fetch(url, { method: 'HEAD', headers: { accept: 'image/webp' } })).status).toBe(406)
  })
})

describe('a caller who goes away', () => {
  test.each(['POST', 'GET'])('stops waiting for a conversion: %s', async (method) => {
    const asked = Promise.withResolvers<AbortSignal>()
    const left = Promise.withResolvers<unknown>()
    const images = {
      ...createImageConverter(),
      convert: async (_image: unknown, _conversion: unknown, signal?: AbortSignal) => {
        if (signal === undefined) throw new Error('a caller can always go away')
        asked.resolve(signal)
        const { promise, reject } = Promise.withResolvers<never>()
        signal.addEventListener('abort', () => {
          left.resolve(signal.reason)
          reject(signal.reason)
        })
        return promise
      },
    }
    await using gateway = await startTestApp({ options: { images } })
    answerAtOnce(gateway, makePng())
    const run = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' })
    await run.arrayBuffer()
    const url = method === 'GET' ? `/jobs/${run.headers.get('job-id') ?? ''}/outputs/0` : '/test/txt2img'
    const caller = new AbortController()
    const request = fetch(gateway.url + url, {
      method,
      headers: { accept: 'image/webp' },
      ...(method === 'POST' && { body: '{"prompt":"a"}' }),
      signal: caller.signal,
    })
    const gone = expect(request).rejects.toThrow()
    expect((await asked.promise).aborted).toBe(false)
    caller.abort()
    await gone
    expect(await left.promise).toMatchObject({ code: 'client_closed_request' })
  })

  test('and one who waited for too long is told so', async () => {
    const images = {
      ...createImageConverter(),
      convert: () => Promise.reject(new GatewayError('overloaded', { retryAfterSeconds: 10 })),
    }
    await using gateway = await startTestApp({ options: { images } })
    answerAtOnce(gateway, makePng())
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { accept: 'image/webp' })
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '10'])
    expect((await readProblem(response)).code).toBe('overloaded')
  })
})

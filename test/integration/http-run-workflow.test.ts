import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { readEvents } from '../support/read-events.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
let route: string
const picture = randomBytes(1000)

beforeAll(async () => {
  gateway = await startTestApp()
  route = `${gateway.url}/test/txt2img`
})
beforeEach(() => answerAtOnce(gateway, picture))
afterAll(() => gateway[Symbol.asyncDispose]())

const body = { prompt: 'a lighthouse' }

/** Leaves jobs queued until the test ends them. */
function holdJobs(): void {
  gateway.jobs.onSubmit = () => {}
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  return problemSchema.parse(await response.json())
}

describe('a call that waits', () => {
  test('answers with the job and its images as base64', async () => {
    const response = await postJson(route, body, { 'x-request-id': 'my-request' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(response.headers.get('x-request-id')).toBe('my-request')
    expect(response.headers.get('vary')).toBe('Accept, Prefer')
    const result = resultSchema.parse(await response.json())
    expect(result).toMatchObject({
      object: 'job',
      status: 'succeeded',
      workflow: 'test/txt2img',
      filenames: ['picture_00001_.png'],
      outputs: [{ index: 0, node_id: '9', type: 'image', content_type: 'image/png', size_bytes: 1000 }],
      error: null,
    })
    expect(result.images).toEqual([picture.toString('base64')])
    expect(response.headers.get('job-id')).toBe(result.id)
    expect(result.stats.total_time).toBeGreaterThanOrEqual(result.stats.preprocess_time)
    const request = gateway.jobs.requests.at(-1)
    expect(request).toMatchObject({ workflow: 'test/txt2img', outputNames: { picture: '9' }, requestId: 'my-request' })
    expect(request?.prompt['1']?.inputs['filename_prefix']).toMatch(/^comfyui-api\/[0-9a-f-]{36}$/)
  })

  test('streams large images as base64 of the announced length', async () => {
    const large = [randomBytes(700_001), randomBytes(0), randomBytes(500_002), randomBytes(3)]
    answerAtOnce(gateway, ...large)
    const response = await postJson(route, body)
    const text = await response.text()
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    const { images } = resultSchema.parse(JSON.parse(text))
    expect(images.map((image) => Buffer.from(image, 'base64'))).toEqual(large)
  })

  test('hangs up rather than ending a result whose image got lost on the way', async () => {
    const large = randomBytes(400_000)
    answerAtOnce(gateway, large, large)
    const { scan } = gateway.outputs
    gateway.outputs.scan = async (jobId, index, visit) =>
      index === 1 ? false : scan.call(gateway.outputs, jobId, index, visit)
    try {
      const response = await postJson(route, body)
      expect(response.status).toBe(200)
      await expect(response.text()).rejects.toThrow()
    } finally {
      gateway.outputs.scan = scan
    }
  })

  test('lists outputs that are no image without putting them into the JSON', async () => {
    gateway.jobs.onSubmit = ({ id }) => {
      setImmediate(() => {
        const output = gateway.outputs.add(id, 0, picture, {
          kind: 'video',
          contentType: 'video/mp4',
          filename: 'a.mp4',
        })
        gateway.jobs.addOutput(id, output)
        gateway.jobs.succeed(id)
      })
    }
    const result = resultSchema.parse(await (await postJson(route, body)).json())
    expect(result).toMatchObject({ images: [], filenames: [], outputs: [{ type: 'video' }] })
  })

  test('answers 202 with the address of the job when the time is over, whatever Accept says', async () => {
    await using impatient = await startTestApp({ limits: { syncHoldMs: 20 } })
    const response = await postJson(`${impatient.url}/test/txt2img`, body, { accept: 'image/png' })
    expect(response.status).toBe(202)
    const job = jobSchema.parse(await response.json())
    expect(job).toMatchObject({ status: 'queued', queue_position: 0 })
    expect(response.headers.get('location')).toBe(`/jobs/${job.id}`)
    expect(response.headers.get('retry-after')).toBe('1')
    expect(impatient.jobs.canceled).toEqual([])
  })

  test.each([
    [{ code: 'execution_error', message: 'sigma is NaN' }, 500],
    [{ code: 'invalid_workflow', message: 'refused' }, 422],
    [{ code: 'instance_lost', message: 'gone' }, 502],
    [{ code: 'no_healthy_instance', message: 'all down' }, 503],
    [{ code: 'deadline_exceeded', message: 'too slow' }, 504],
  ] as const)('answers with the problem of a job that failed: %j', async (error, status) => {
    const node = { id: '3', classType: 'KSampler', exceptionType: 'ValueError', message: 'bad' }
    const errors = [{ pointer: '/cfg', code: 'too_big', message: 'must be smaller' }]
    gateway.jobs.onSubmit = ({ id }) => void setImmediate(() => gateway.jobs.fail(id, { ...error, node, errors }))
    const response = await postJson(route, body)
    expect(response.status).toBe(status)
    const problem = await problemOf(response)
    expect(problem).toMatchObject({
      type: `/problems/${error.code}`,
      status,
      detail: error.message,
      instance: '/test/txt2img',
      errors: [{ pointer: '/cfg', code: 'too_big' }],
      node: { id: '3', class_type: 'KSampler', exception_type: 'ValueError' },
      error: error.message,
      location: 'cfg',
    })
    expect(problem.job_id).toBe(response.headers.get('job-id'))
    expect(problem.request_id).toBe(response.headers.get('x-request-id'))
  })

  test('answers 409 when somebody cancels the job, and 504 when it expires', async () => {
    gateway.jobs.onSubmit = ({ id }) => void setImmediate(() => void gateway.jobs.cancel(id))
    expect(await problemOf(await postJson(route, body))).toMatchObject({ code: 'job_canceled', status: 409 })
    gateway.jobs.onSubmit = ({ id }) => void setImmediate(() => gateway.jobs.expire(id))
    expect(await problemOf(await postJson(route, body))).toMatchObject({ code: 'deadline_exceeded', status: 504 })
  })
})

describe('Accept', () => {
  test.each([['image/png'], ['image/*'], ['text/html;q=0.9, image/*'], ['application/json;q=0.1, image/png']])(
    '%s gets the picture itself',
    async (accept) => {
      const response = await postJson(route, body, { accept })
      expect(response.status).toBe(200)
      expect(Buffer.from(await response.arrayBuffer())).toEqual(picture)
      const id = response.headers.get('job-id') ?? ''
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'image/png',
        'content-length': '1000',
        'content-location': `/jobs/${id}/outputs/0`,
        'content-disposition': 'inline; filename="picture_00001_.png"',
        etag: `"${id}.0"`,
        'output-count': '1',
        link: `</jobs/${id}>; rel="describedby"`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
      })
    },
  )

  test.each([['*/*'], ['application/json'], ['application/*'], ['']])('%j gets JSON', async (accept) => {
    const response = await postJson(route, body, { accept })
    expect(response.status).toBe(200)
    expect(resultSchema.parse(await response.json()).images).toHaveLength(1)
  })

  test('takes the first output in the order of preference', async () => {
    gateway.jobs.onSubmit = ({ id }) => {
      setImmediate(() => {
        for (const [index, contentType] of ['text/plain', 'image/webp', 'image/png'].entries()) {
          gateway.jobs.addOutput(id, gateway.outputs.add(id, index, Buffer.from(contentType), { contentType }))
        }
        gateway.jobs.succeed(id)
      })
    }
    const preferred = await postJson(route, body, { accept: 'image/webp;q=0.5, image/png' })
    expect(await preferred.text()).toBe('image/png')
    const any = await postJson(route, body, { accept: 'image/*' })
    expect(await any.text()).toBe('image/webp')
  })

  test('a type the job did not make is 406 after the run, and says what there is', async () => {
    const response = await postJson(route, body, { accept: 'video/mp4' })
    expect(response.status).toBe(406)
    const problem = await problemOf(response)
    expect(problem.detail).toContain('image/png')
    expect(problem.job_id).toBeDefined()
  })

  test.each([['text/html'], ['application/pdf'], ['application/json;q=0']])(
    '%s, which no job can make, is 406 before anything runs',
    async (accept) => {
      const before = gateway.jobs.requests.length
      expect(await problemOf(await postJson(route, body, { accept }))).toMatchObject({ code: 'not_acceptable' })
      expect(gateway.jobs.requests).toHaveLength(before)
    },
  )
})

describe('Prefer', () => {
  test('respond-async answers 202 at once', async () => {
    holdJobs()
    const response = await postJson(route, body, { prefer: 'respond-async', accept: 'image/png' })
    expect(response.status).toBe(202)
    expect(response.headers.get('preference-applied')).toBe('respond-async')
    const job = jobSchema.parse(await response.json())
    expect(response.headers.get('location')).toBe(`/jobs/${job.id}`)
    gateway.jobs.succeed(job.id)
  })

  test('wait=n holds that long, then answers 202', async () => {
    holdJobs()
    const response = await postJson(route, body, { prefer: 'wait=0, respond-async' })
    expect(response.status).toBe(202)
    expect(response.headers.get('preference-applied')).toBe('respond-async, wait=0')
  })

  test('wait=n is heeded when the job is done before', async () => {
    const response = await postJson(route, body, { prefer: 'wait=30' })
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBe('wait=30')
  })

  test('unknown and malformed preferences are ignored', async () => {
    const response = await postJson(route, body, { prefer: 'handling=lenient, wait=soon' })
    expect(response.status).toBe(200)
    expect(response.headers.get('preference-applied')).toBeNull()
  })
})

describe('Accept: text/event-stream', () => {
  test('tells the address at once, then everything that happens, and ends with the job', async () => {
    holdJobs()
    const submitted = gateway.jobs.nextSubmission()
    const responding = postJson(`${route}?previews=true`, body, { accept: 'text/event-stream' })
    const { id } = await submitted
    const response = await responding
    expect(response.status).toBe(200)
    expect(response.headers.get('location')).toBe(`/jobs/${id}`)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(response.headers.get('x-accel-buffering')).toBe('no')
    expect(gateway.jobs.requests.at(-1)?.previews).toBe(true)
    gateway.jobs.start(id)
    gateway.jobs.report(id)
    gateway.jobs.preview(id, picture)
    gateway.jobs.addOutput(id, gateway.outputs.add(id, 0, picture))
    gateway.jobs.succeed(id)
    const events = await readEvents(response)
    expect(events.map((event) => event.type)).toEqual(['status', 'status', 'progress', 'preview', 'output', 'end'])
    const ids = events.map((event) => /^[0-9a-z]+-(\d+)$/.exec(event.id)?.[1])
    expect(ids).toEqual(['1', '2', '3', '4', '5', '6'])
    expect(events[2]?.data).toEqual({
      value: 0.5,
      nodes_done: 1,
      nodes_total: 2,
      current_node: '3',
      current_node_class: 'KSampler',
      step: 10,
      steps: 20,
    })
    expect(events[3]?.data).toEqual({ content_type: 'image/jpeg', node_id: '3', data: picture.toString('base64') })
    expect(events[4]?.data).toMatchObject({ id: `${id}.0`, url: `/jobs/${id}/outputs/0` })
    expect(jobSchema.parse(events[5]?.data).status).toBe('succeeded')
  })

  test('makes and sends previews only when asked for', async () => {
    holdJobs()
    const submitted = gateway.jobs.nextSubmission()
    const responding = postJson(route, body, { accept: 'text/event-stream' })
    const { id } = await submitted
    const response = await responding
    gateway.jobs.preview(id, picture)
    gateway.jobs.succeed(id)
    expect((await readEvents(response)).map((event) => event.type)).toEqual(['status', 'end'])
    expect(gateway.jobs.requests.at(-1)?.previews).toBe(false)
  })

  test('ends with the problem of a job that failed', async () => {
    gateway.jobs.onSubmit = ({ id }) =>
      void setImmediate(() => gateway.jobs.fail(id, { code: 'out_of_memory', message: 'no VRAM' }))
    const events = await readEvents(await postJson(route, body, { accept: 'text/event-stream' }))
    const { problem, ...job } = events.at(-1)?.data ?? {}
    expect(jobSchema.parse(job)).toMatchObject({ status: 'failed', error: { code: 'out_of_memory' } })
    expect(problemSchema.parse(problem)).toMatchObject({ code: 'out_of_memory', status: 500 })
  })

  test('respond-async wins over it', async () => {
    holdJobs()
    const response = await postJson(route, body, { accept: 'text/event-stream', prefer: 'respond-async' })
    expect(response.status).toBe(202)
  })

  test('a mistake is a problem, not a stream', async () => {
    const response = await postJson(route, {}, { accept: 'text/event-stream' })
    expect(await problemOf(response)).toMatchObject({ code: 'validation_error' })
  })
})

describe('Idempotency-Key', () => {
  const key = (value: string) => ({ 'idempotency-key': value })

  test('the same key with the same body is the same job', async () => {
    const first = await postJson(route, body, key('one'))
    const second = await postJson(route, body, key('one'))
    expect(first.headers.get('idempotency-replayed')).toBeNull()
    expect(second.headers.get('idempotency-replayed')).toBe('true')
    expect(second.headers.get('job-id')).toBe(first.headers.get('job-id'))
    expect(resultSchema.parse(await second.json()).images).toEqual([picture.toString('base64')])
  })

  test('a repeated request waits for the job of the first', async () => {
    holdJobs()
    const submitted = gateway.jobs.nextSubmission()
    const first = postJson(route, body, key('two'))
    const { id } = await submitted
    const second = postJson(route, body, key('two'))
    await expect.poll(() => gateway.jobs.audience(id)).toBe(2)
    gateway.jobs.succeed(id)
    expect((await first).headers.get('job-id')).toBe(id)
    expect((await second).headers.get('job-id')).toBe(id)
  })

  test('another body is 422, also one that only spells out a default', async () => {
    await postJson(route, body, key('three'))
    expect(await problemOf(await postJson(route, { ...body, width: 512 }, key('three')))).toMatchObject({
      code: 'idempotency_key_reuse',
      status: 422,
    })
  })

  test('keys belong to a route', async () => {
    await postJson(route, body, key('four'))
    const other = await postJson(`${gateway.url}/test/has-input`, { input: { text: 'a' } }, key('four'))
    expect(other.headers.get('idempotency-replayed')).toBeNull()
  })

  test('keys belong to a caller', async () => {
    await using locked = await startTestApp({ security: { apiKeys: ['first key', 'second key'] } })
    answerAtOnce(locked)
    const call = (apiKey: string) => postJson(`${locked.url}/test/txt2img`, body, { ...key('x'), 'x-api-key': apiKey })
    const first = await call('first key')
    const second = await call('second key')
    expect(second.headers.get('job-id')).not.toBe(first.headers.get('job-id'))
    expect(JSON.stringify(locked.jobs.requests)).not.toContain('first key')
  })

  test('a multipart body counts by its parts, not by its boundary', async () => {
    const form = () => {
      const parts = new FormData()
      parts.set('image', new File([picture], 'a.png'))
      return parts
    }
    const send = (parts: FormData) =>
      fetch(`${gateway.url}/test/img2img`, { method: 'POST', body: parts, headers: key('five') })
    await send(form())
    expect((await send(form())).headers.get('idempotency-replayed')).toBe('true')
    const other = form()
    other.set('strength', '0.1')
    expect((await send(other)).status).toBe(422)
  })

  test.each([['a'.repeat(256)], [''], ['tab\there']])('%j is no key', async (value) => {
    const response = await postJson(route, body, key(value))
    expect(await problemOf(response)).toMatchObject({ code: 'invalid_header', status: 400 })
  })

  test('quotes around a key do not count', async () => {
    await postJson(route, body, key('six'))
    expect((await postJson(route, body, key('"six"'))).headers.get('idempotency-replayed')).toBe('true')
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import { jobListSchema } from '../../src/http/schemas/job-list.ts'
import { jobOutputSchema, jobSchema } from '../../src/http/schemas/job.ts'
import { instanceListSchema } from '../../src/http/schemas/instance.ts'
import type { InstanceView } from '../../src/instances/instance-view.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { workflowDescriptionSchema, workflowListSchema } from '../../src/http/schemas/workflow.ts'
import { fakeWorkflow } from '../support/fake-workflows.ts'
import { answerAtOnce, postJson, silent, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
})
afterAll(() => gateway[Symbol.asyncDispose]())

async function startJob(
  app: TestApp = gateway,
  path = '/test/txt2img',
  body: unknown = { prompt: 'a' },
): Promise<string> {
  const response = await postJson(app.url + path, body, { prefer: 'respond-async' })
  return response.headers.get('job-id') ?? ''
}

async function get(path: string, app: TestApp = gateway): Promise<unknown> {
  const response = await fetch(app.url + path)
  expect(response.status, path).toBe(200)
  return response.json()
}

async function problemAt(path: string, options: RequestInit = {}, app: TestApp = gateway) {
  const response = await fetch(app.url + path, options)
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  return { ...problemSchema.parse(await response.json()), allow: response.headers.get('allow') }
}

describe('jobs', () => {
  test('one job tells its state, progress and place in the queue', async () => {
    const id = await startJob()
    expect(jobSchema.parse(await get(`/jobs/${id}`))).toMatchObject({
      id,
      status: 'queued',
      progress: null,
      instance: null,
    })
    gateway.jobs.start(id)
    gateway.jobs.report(id, { value: 0.25 })
    gateway.jobs.addOutput(id, gateway.outputs.add(id, 0, Buffer.from('x')))
    const running = jobSchema.parse(await get(`/jobs/${id}`))
    expect(running).toMatchObject({
      status: 'running',
      queue_position: null,
      progress: { value: 0.25 },
      instance: 'gpu-1',
      attempt: 1,
    })
    gateway.jobs.succeed(id)
    const done = jobSchema.parse(await get(`/jobs/${id}`))
    expect(done).toMatchObject({ status: 'succeeded', progress: null, urls: { self: `/jobs/${id}` } })
    expect(Date.parse(done.expires_at ?? '') - Date.parse(done.completed_at ?? '')).toBe(3_600_000)
    const { data } = z.object({ data: z.array(jobOutputSchema) }).parse(await get(`/jobs/${id}/outputs`))
    expect(data).toEqual(done.outputs)
  })

  test('a failed job tells its error', async () => {
    const id = await startJob()
    const node = { id: '3', classType: 'KSampler', exceptionType: 'ValueError', message: 'bad' }
    gateway.jobs.fail(id, { code: 'execution_error', message: 'failed', node })
    expect(jobSchema.parse(await get(`/jobs/${id}`)).error).toEqual({
      code: 'execution_error',
      message: 'failed',
      node_id: '3',
      class_type: 'KSampler',
      exception_type: 'ValueError',
      retryable: false,
      errors: [],
    })
  })

  test('canceling is possible, and possible again', async () => {
    const id = await startJob()
    for (let time = 0; time < 2; time++) {
      const response = await fetch(`${gateway.url}/jobs/${id}/cancel`, { method: 'POST' })
      expect(response.status).toBe(200)
      expect(jobSchema.parse(await response.json()).status).toBe('canceled')
    }
    const withBody = await postJson(`${gateway.url}/jobs/${id}/cancel`, {})
    expect(withBody.status).toBe(200)
  })

  test.each([
    ['GET', '/jobs/nope'],
    ['POST', '/jobs/nope/cancel'],
    ['GET', '/jobs/nope/outputs'],
    ['GET', '/jobs/nope/events'],
  ])('%s %s is 404', async (method, path) => {
    expect(await problemAt(path, { method })).toMatchObject({ code: 'job_not_found', status: 404 })
  })

  test('the list goes through all jobs page by page, newest first', async () => {
    await using fresh = await startTestApp()
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.push(await startJob(fresh))
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const page = jobListSchema.parse(await get(`/jobs?limit=2${query}`, fresh))
      expect(page.has_more).toBe(page.next_cursor !== null)
      seen.push(...page.data.map((job) => job.id))
      cursor = page.next_cursor
    } while (cursor !== null)
    expect(seen.toSorted()).toEqual(ids.toSorted())
  })

  test('the list looks at the queue once, however many jobs there are', async () => {
    await using fresh = await startTestApp()
    const ids = [await startJob(fresh), await startJob(fresh), await startJob(fresh)]
    const looks: (readonly string[])[] = []
    const { jobs } = fresh
    const forecasts = jobs.forecasts.bind(jobs)
    jobs.forecasts = (wanted) => {
      looks.push(wanted)
      return forecasts(wanted)
    }
    const { data } = jobListSchema.parse(await get('/jobs', fresh))
    expect(new Map(data.map((job) => [job.id, job.queue_position]))).toEqual(
      new Map(ids.map((id, place) => [id, place])),
    )
    expect(looks.map((wanted) => wanted.toSorted())).toEqual([ids.toSorted()])
  })

  test('the list can be narrowed to states and to a workflow', async () => {
    await using fresh = await startTestApp()
    const queued = await startJob(fresh)
    const canceled = await startJob(fresh)
    const other = await startJob(fresh, '/test/has-input', { input: { text: 'a' } })
    fresh.jobs.succeed(other)
    await fetch(`${fresh.url}/jobs/${canceled}/cancel`, { method: 'POST' })
    const idsOf = async (query: string) =>
      jobListSchema.parse(await get(`/jobs?${query}`, fresh)).data.map((job) => job.id)
    expect(await idsOf('status=queued')).toEqual([queued])
    expect((await idsOf('status=queued,canceled')).toSorted()).toEqual([queued, canceled].toSorted())
    expect(await idsOf('workflow=test/has-input')).toEqual([other])
  })

  test.each([
    ['limit=0', '/limit', 'limit must be one whole number from 1 to 100'],
    ['limit=101', '/limit', 'limit must be one whole number from 1 to 100'],
    ['limit=x', '/limit', 'limit must be one whole number from 1 to 100'],
    ['limit=1&limit=2', '/limit', 'limit must be one whole number from 1 to 100'],
    ['status=done', '/status/0', 'must be one of queued, '],
    ['status=queued,done', '/status/1', 'must be one of queued, '],
    ['tag=', '/tag/0', 'must not be empty'],
    [`tag=${Array.from({ length: 17 }, (_, index) => index).join(',')}`, '/tag', 'tag can be given 16 times'],
    ['created_after=yesterday', '/created_after', 'must be one RFC 3339 time, such as 2026-01-31T12:00:00Z'],
    ['created_before=2026-01-31', '/created_before', 'must be one RFC 3339 time'],
    ['cursor=nonsense', '/cursor', 'cursor is not a cursor of this server'],
    ['page=2', '', 'unknown query parameter "page"; there are limit, cursor, status, workflow, tag, created_after'],
    ['created=2', '', 'unknown query parameter "created"'],
    ['state=queued', '', 'unknown query parameter "state"; did you mean `status`?'],
    ['limits=2', '', 'unknown query parameter "limits"; did you mean `limit`?'],
  ])('the list refuses %s, and says what there may be', async (query, pointer, detail) => {
    const problem = await problemAt(`/jobs?${query}`)
    expect(problem).toMatchObject({ code: 'validation_error', status: 400, errors: [{ pointer }] })
    expect(problem.detail).toContain(detail)
  })
})

describe('workflows', () => {
  test('are listed with what cannot be served', async () => {
    await using fresh = await startTestApp()
    fresh.registry.replace(
      [fakeWorkflow('a/one', {}, { warnings: ['a union'], definition: { summary: 'One' } })],
      [
        {
          file: 'a/two.ts',
          name: 'a/two',
          line: 3,
          column: undefined,
          reason: 'Unexpected token',
          servingPrevious: false,
        },
      ],
    )
    expect(workflowListSchema.parse(await get('/workflows', fresh))).toEqual({
      data: [
        {
          name: 'a/one',
          url: '/a/one',
          summary: 'One',
          file: 'a/one.ts',
          generation: 1,
          warnings: ['a union'],
          links: {
            self: '/workflows/a/one',
            run: '/a/one',
            render: '/workflows/a/one/render',
            jobs: '/jobs?workflow=a%2Fone',
            docs: '/docs',
          },
          readiness: { ready: null, reason: null, instances: [], errors: 0, warnings: 0 },
        },
      ],
      problems: [
        { file: 'a/two.ts', name: 'a/two', line: 3, column: null, reason: 'Unexpected token', serving_previous: false },
      ],
    })
    for (const method of ['GET', 'POST']) {
      const problem = await problemAt('/a/two', { method }, fresh)
      expect(problem).toMatchObject({ code: 'workflow_unavailable', status: 503, retryable: false })
      expect(problem.detail).toContain('a/two.ts')
    }
  })

  test('are described at their address, with examples that work', async () => {
    answerAtOnce(gateway)
    for (const name of ['test/txt2img', 'test/img2img', 'test/has-input']) {
      const description = workflowDescriptionSchema.parse(await get(`/${name}`))
      expect(description).toMatchObject({ name, url: `/${name}`, input: { type: 'object' } })
      expect(Object.keys(description.examples), name).toEqual(['minimal', 'full'])
      for (const example of Object.values(description.examples)) {
        const response = await postJson(`${gateway.url}/${name}`, example)
        await response.text()
        expect(response.status, name).toBe(200)
      }
    }
    gateway.jobs.onSubmit = () => {}
    expect(workflowDescriptionSchema.parse(await get('/test/img2img')).media).toEqual([
      { path: ['image'], kind: 'image' },
      { path: ['references', '*'], kind: 'image' },
    ])
    expect(workflowDescriptionSchema.parse(await get('/test/txt2img'))).toMatchObject({
      summary: 'Test, text to image',
      description: 'Draws.',
      output: { names: { picture: '9' } },
    })
  })

  test('answer HEAD', async () => {
    const response = await fetch(`${gateway.url}/test/txt2img`, { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
    expect((await fetch(`${gateway.url}/test/nothing`, { method: 'HEAD' })).status).toBe(404)
  })

  test('are found as soon as the registry has them', async () => {
    await using fresh = await startTestApp()
    expect((await fetch(`${fresh.url}/late/one`)).status).toBe(404)
    fresh.registry.replace([fakeWorkflow('late/one', {})])
    answerAtOnce(fresh)
    expect((await postJson(`${fresh.url}/late/one`, {})).status).toBe(200)
    expect((await fetch(`${fresh.url}/test/txt2img`)).status).toBe(404)
  })
})

describe('an address without an answer', () => {
  test('leaves the connection to the next request', async () => {
    for (const [method, path] of [
      ['GET', '/jobs/nobody'],
      ['DELETE', '/jobs/nobody'],
      ['POST', '/nobody'],
    ] as const) {
      const response = await fetch(gateway.url + path, { method })
      await response.arrayBuffer()
      expect([response.status, response.headers.get('connection')]).toEqual([404, 'keep-alive'])
    }
  })

  test.each([
    ['GET', '/test/txt2imgs', '/test/txt2img'],
    ['POST', '/test/text2img', '/test/txt2img'],
    ['POST', '/txt2img', '/test/txt2img'],
    ['GET', '/workflow', '/workflows'],
    ['GET', '/heath', '/health'],
  ])('%s %s is 404 with the nearest one', async (method, path, nearest) => {
    const problem = await problemAt(path, { method })
    expect(problem).toMatchObject({ code: 'not_found', status: 404, instance: path })
    expect(problem.detail).toContain(`Did you mean ${nearest}?`)
  })

  test.each([
    ['POST', '/jobs', 'GET, HEAD'],
    ['PUT', '/jobs/abc', 'DELETE, GET, HEAD'],
    ['GET', '/jobs/abc/cancel', 'POST'],
    ['POST', '/health', 'GET, HEAD'],
    ['PUT', '/test/txt2img', 'GET, HEAD, POST'],
    ['DELETE', '/test/txt2img', 'GET, HEAD, POST'],
    ['OPTIONS', '/test/txt2img', 'GET, HEAD, POST'],
    ['POST', '/jobs/abc/events', 'GET'],
    ['POST', '/docs', 'GET, HEAD'],
  ])('%s %s is 405 with what is allowed', async (method, path, allow) => {
    expect(await problemAt(path, { method })).toMatchObject({ code: 'method_not_allowed', status: 405, allow })
  })

  test.each([
    ['PUT', '/assets/abc', 'method_not_allowed'],
    ['PUT', '/nobody', 'not_found'],
    ['POST', '/nobody', 'not_found'],
    ['POST', '/jobs', 'method_not_allowed'],
    ['POST', '/workflows/nobody/render', 'not_found'],
    ['POST', '/workflows/no/body/render', 'not_found'],
  ])('%s %s is refused whatever is in its body', async (method, path, code) => {
    const body = Buffer.from('ffd8ffe0', 'hex')
    expect(await problemAt(path, { method, body })).toMatchObject({ code })
    const headers = { 'content-type': 'application/json' }
    expect(await problemAt(path, { method, body, headers })).toMatchObject({ code })
  })
})

describe('the server', () => {
  test('/health tells version and demo', async () => {
    expect(await get('/health')).toEqual({ status: 'healthy', version: '1.2.3', demo: false, notice: null })
    await using demo = await startTestApp({ about: { demo: true } })
    expect(await get('/health', demo)).toMatchObject({ demo: true, notice: expect.stringContaining('SIMULATED') })
  })

  test('/ready tells whether jobs can run, and why not', async () => {
    expect(await get('/ready')).toEqual({ status: 'ready', reason: null })
    await using down = await startTestApp({ options: { ready: () => ({ ready: false, reason: 'no instance' }) } })
    const response = await fetch(`${down.url}/ready`)
    expect(response.status).toBe(503)
    expect(await response.json()).toEqual({ status: 'not ready', reason: 'no instance' })
  })

  test('/metrics gives what the metrics render', async () => {
    const response = await fetch(`${gateway.url}/metrics`)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(await response.text()).toBe('up 1\n')
  })

  test('/instances shows each instance', async () => {
    const view: InstanceView = {
      breaker: 'closed',
      lastHeardAtMs: undefined,
      id: 'a:8188',
      url: 'http://a:8188',
      state: 'ejected',
      reason: 'refused',
      sinceMs: 0,
      version: undefined,
      inFlight: 0,
      capacity: 2,
      queueRemaining: 3,
      runningJobId: undefined,
      models: ['x.safetensors'],
      recentFailures: [{ atMs: 0, reason: 'refused' }],
      devices: [{ name: 'GPU', vramTotalBytes: 5, vramFreeBytes: undefined }],
    }
    await using one = await startTestApp({
      options: {
        instances: { views: () => [view], drain: () => undefined, resume: () => undefined, subscribe: silent },
      },
    })
    expect(instanceListSchema.parse(await get('/instances', one)).data).toEqual([
      {
        id: 'a:8188',
        url: 'http://a:8188',
        status: 'ejected',
        reason: 'refused',
        since: '1970-01-01T00:00:00.000Z',
        version: null,
        in_flight: 0,
        capacity: 2,
        queue_remaining: 3,
        running_job: null,
        models: ['x.safetensors'],
        recent_failures: [{ at: '1970-01-01T00:00:00.000Z', reason: 'refused' }],
        devices: [{ name: 'GPU', vram_total_bytes: 5, vram_free_bytes: null }],
      },
    ])
  })

  test('an instance is drained and resumed by its id, which is checked', async () => {
    const asked: string[] = []
    const note = (action: string) => (id: string) => {
      asked.push(`${action} ${id}`)
      return undefined
    }
    await using one = await startTestApp({
      options: { instances: { views: () => [], drain: note('drain'), resume: note('resume'), subscribe: silent } },
    })
    for (const action of ['drain', 'resume']) {
      const response = await fetch(`${one.url}/instances/a:8188/${action}`, { method: 'POST' })
      expect([response.status, problemSchema.parse(await response.json()).code]).toEqual([404, 'instance_not_found'])
    }
    expect(asked).toEqual(['drain a:8188', 'resume a:8188'])
  })

  test('requests are observed by route, never by path', async () => {
    gateway.observed.length = 0
    await fetch(`${gateway.url}/jobs/some-id`)
    await fetch(`${gateway.url}/test/txt2img`)
    await expect.poll(() => gateway.observed.length).toBe(2)
    expect(gateway.observed).toMatchObject([
      { route: '/jobs/:id', method: 'GET', status: 404 },
      { route: '/*', method: 'GET', status: 200 },
    ])
  })

  test('trouble with the storage is told and logged', async () => {
    await using broken = await startTestApp({
      options: {
        instances: {
          views: () => {
            throw new GatewayError('storage_unavailable', { detail: 'The disk is full.' })
          },
          drain: () => undefined,
          resume: () => undefined,
          subscribe: silent,
        },
      },
    })
    const response = await fetch(`${broken.url}/instances`)
    const problem = problemSchema.parse(await response.json())
    expect(problem).toMatchObject({ code: 'storage_unavailable', status: 503, detail: 'The disk is full.' })
    expect(broken.logged.map(({ facts }) => facts)).toMatchObject([{ requestId: problem.request_id }])
  })

  test('a fault of ours is told without its text, and logged with it', async () => {
    await using broken = await startTestApp({
      options: {
        instances: {
          views: () => {
            throw new Error('secret cause')
          },
          drain: () => undefined,
          resume: () => undefined,
          subscribe: silent,
        },
      },
    })
    const response = await fetch(`${broken.url}/instances`)
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).not.toContain('secret')
    expect(text).not.toContain('.ts')
    const problem = problemSchema.parse(JSON.parse(text))
    expect(problem).toMatchObject({ code: 'internal_error', retryable: true })
    expect(broken.logged).toHaveLength(1)
    expect(broken.logged[0]?.facts).toMatchObject({ err: { message: 'secret cause' }, requestId: problem.request_id })
  })
})

describe('the documentation page', () => {
  test('brings all it needs from this server, and runs nothing inline', async () => {
    const page = await fetch(`${gateway.url}/docs`)
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("script-src 'self';")
    const html = await page.text()
    expect(html).not.toMatch(/<script(?![^>]*\bsrc=)/)
    const sources = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, source]) => source ?? '')
    expect(sources.length).toBeGreaterThan(4)
    for (const source of sources) {
      const file = await fetch(new URL(source, `${gateway.url}/docs`))
      expect(file.status, source).toBe(200)
      await file.arrayBuffer()
    }
  })

  test('shows the same document as /openapi.json', async () => {
    expect(await get('/docs/json')).toEqual(await get('/openapi.json'))
  })
})

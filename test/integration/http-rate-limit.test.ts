import { describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { makePng } from '../support/make-image.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp, type TestAppChanges } from '../support/start-test-app.ts'

const rateLimit = { requests: 3, windowSeconds: 60 }
const policy = '"default";q=3;w=60'

interface LimitedApp extends AsyncDisposable {
  readonly gateway: TestApp
  readonly clock: { nowMs: number }
  /** Status, quota left, and seconds to wait, of one more request. */
  post(headers?: Record<string, string>, body?: unknown): Promise<[number, string | null, string | null]>
}

async function startLimited(changes: TestAppChanges = {}): Promise<LimitedApp> {
  const clock = { nowMs: Date.now() }
  const gateway = await startTestApp({ ...changes, limits: { rateLimit }, options: { now: () => clock.nowMs } })
  answerAtOnce(gateway, makePng(8, 8))
  return {
    gateway,
    clock,
    async post(headers = {}, body = { prompt: 'a fox' }) {
      const response = await postJson(`${gateway.url}/test/txt2img`, body, headers)
      await response.bytes()
      return [response.status, response.headers.get('ratelimit'), response.headers.get('retry-after')]
    },
    [Symbol.asyncDispose]: () => gateway[Symbol.asyncDispose](),
  }
}

describe('requests that start jobs', () => {
  test('are refused beyond the rate, and every answer tells what is left', async () => {
    await using limited = await startLimited()
    const { gateway, clock, post } = limited
    expect(await post()).toEqual([200, '"default";r=2;t=20', null])
    expect(await post()).toEqual([200, '"default";r=1;t=40', null])
    expect(await post()).toEqual([200, '"default";r=0;t=60', null])
    expect(await post()).toEqual([429, '"default";r=0;t=60', '20'])
    expect(gateway.jobs.requests).toHaveLength(3)
    clock.nowMs += 20_000
    expect(await post()).toEqual([200, '"default";r=0;t=60', null])
    clock.nowMs += 60_000
    expect(await post()).toEqual([200, '"default";r=2;t=20', null])
  })

  test('are refused with a problem that says how it goes on', async () => {
    await using limited = await startLimited()
    for (const _ of [1, 2, 3]) await limited.post()
    const response = await postJson(`${limited.gateway.url}/test/txt2img`, { prompt: 'a fox' })
    expect(response.headers.get('ratelimit-policy')).toBe(policy)
    expect(problemSchema.parse(await response.json())).toMatchObject({
      status: 429,
      code: 'rate_limited',
      retryable: true,
      detail: '3 requests in 60 seconds may start jobs or upload assets. One more may in 20.',
    })
  })

  test('count when they fail, too', async () => {
    await using limited = await startLimited()
    expect(await limited.post({}, { nonsense: true })).toEqual([400, '"default";r=2;t=20', null])
    expect(await limited.post({ accept: 'text/html' })).toEqual([406, '"default";r=1;t=40', null])
  })

  test('tell what is left in every form of answer', async () => {
    await using limited = await startLimited()
    expect(await limited.post({ prefer: 'respond-async' })).toEqual([202, '"default";r=2;t=20', '1'])
    expect(await limited.post({ accept: 'text/event-stream' })).toEqual([200, '"default";r=1;t=40', null])
    expect(await limited.post({ accept: 'image/*' })).toEqual([200, '"default";r=0;t=60', null])
  })

  test('count for each key apart', async () => {
    const apiKeys = ['key-one-0123456789', 'key-two-0123456789']
    await using limited = await startLimited({ security: { apiKeys } })
    for (const _ of [1, 2, 3, 4]) await limited.post({ 'x-api-key': 'key-one-0123456789' })
    expect((await limited.post({ authorization: 'Bearer key-one-0123456789' }))[0]).toBe(429)
    expect((await limited.post({ 'x-api-key': 'key-two-0123456789' }))[0]).toBe(200)
  })

  test('of nobody with a key do not count', async () => {
    await using limited = await startLimited({ security: { apiKeys: ['key-one-0123456789'] } })
    for (const _ of [1, 2, 3, 4]) expect(await limited.post({ 'x-api-key': 'wrong' })).toEqual([401, null, null])
    expect((await limited.post({ 'x-api-key': 'key-one-0123456789' }))[0]).toBe(200)
  })
})

test('requests that start nothing are not limited', async () => {
  await using limited = await startLimited()
  for (const _ of [1, 2, 3, 4]) await limited.post()
  for (const path of ['/jobs', '/health', '/workflows', '/test/txt2img']) {
    const response = await fetch(limited.gateway.url + path)
    await response.bytes()
    expect([response.status, response.headers.get('ratelimit')], path).toEqual([200, null])
  }
})

test('every route that takes POST is limited, but for those that start nothing', async () => {
  const posts: string[] = []
  await using limited = await startLimited({
    onRoute(method, url) {
      if (method === 'POST') posts.push(url)
    },
  })
  const startsNothing = [
    '/jobs/:id/cancel',
    '/instances/:id/drain',
    '/instances/:id/resume',
    '/workflows/:name/render',
    '/workflows/*',
  ]
  for (const url of posts.filter((route) => !startsNothing.includes(route))) {
    const response = await postJson(limited.gateway.url + url.replace(/:\w+/, 'x').replace('*', 'test/txt2img'), {})
    await response.bytes()
    expect(response.headers.get('ratelimit-policy'), url).toBe(policy)
  }
})

test('without a rate nothing is limited and nothing is told', async () => {
  await using gateway = await startTestApp()
  answerAtOnce(gateway, makePng(8, 8))
  const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a fox' })
  await response.bytes()
  expect(response.headers.get('ratelimit-policy')).toBeNull()
})

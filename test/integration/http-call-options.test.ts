import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import type { JobRequest } from '../../src/jobs/jobs.ts'
import { fakeWorkflow } from '../support/fake-workflows.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
let route: string

beforeAll(async () => {
  gateway = await startTestApp()
  route = `${gateway.url}/test/txt2img`
})
beforeEach(() => answerAtOnce(gateway))
afterAll(() => gateway[Symbol.asyncDispose]())

const input = { prompt: 'a lighthouse' }

/** What a call made of its options, which has to be accepted. */
async function accepted(response: Response, { jobs } = gateway): Promise<JobRequest | undefined> {
  const text = await response.text()
  expect([response.status, text]).toEqual([200, expect.stringContaining('"object":"job"')])
  return jobs.requests.at(-1)
}

async function problemOf(response: Response) {
  return problemSchema.parse(await response.json())
}

const allHeaders = {
  'Job-Id': 'my_job-1',
  'Job-Tags': 'nightly, team:a ,, v1.2',
  'Cancel-After': '90s',
  'Job-Previews': 'true',
  'Job-Priority': '-5',
  'Job-Retry': 'false',
}
const allOptions = {
  id: 'my_job-1',
  tags: ['nightly', 'team:a', 'v1.2'],
  deadline: 90,
  previews: true,
  priority: -5,
  retry: false,
}
const expected = {
  chosenId: { id: 'my_job-1' },
  tags: ['nightly', 'team:a', 'v1.2'],
  deadlineMs: 90_000,
  previews: true,
  priority: -5,
  retry: false,
  input,
}

describe('options', () => {
  test('have defaults', async () => {
    const request = await accepted(await postJson(route, input))
    expect(request).toMatchObject({ tags: [], previews: false, priority: 0, retry: true })
    expect([request?.chosenId, request?.deadlineMs]).toEqual([undefined, undefined])
  })

  test('come in headers with flat parameters', async () => {
    expect(await accepted(await postJson(route, input, allHeaders))).toMatchObject(expected)
  })

  test('come in headers with a multipart body', async () => {
    const form = new FormData()
    form.append('prompt', input.prompt)
    expect(await accepted(await fetch(route, { method: 'POST', body: form, headers: allHeaders }))).toMatchObject(
      expected,
    )
  })

  test('stand beside `input`', async () => {
    expect(await accepted(await postJson(route, { input, ...allOptions }))).toMatchObject(expected)
  })

  test('are parts beside a part `input`, of which tags may be several', async () => {
    await using fresh = await startTestApp()
    answerAtOnce(fresh)
    fresh.registry.replace([fakeWorkflow('test/plain', { prompt: z.string() })])
    const form = new FormData()
    form.append('input', JSON.stringify(input))
    for (const tag of allOptions.tags) form.append('tags', tag)
    for (const name of ['id', 'deadline', 'previews', 'priority', 'retry'] as const) {
      form.append(name, String(allOptions[name]))
    }
    expect(await accepted(await fetch(`${fresh.url}/test/plain`, { method: 'POST', body: form }), fresh)).toMatchObject(
      expected,
    )
  })

  test('may come in both ways when these agree', async () => {
    const body = { input, ...allOptions, deadline: '1.5m' }
    expect(await accepted(await postJson(route, body, allHeaders))).toMatchObject(expected)
  })

  test.each([
    ['id', 'other', 'Job-Id'],
    ['tags', ['nightly'], 'Job-Tags'],
    ['deadline', '2h', 'Cancel-After'],
    ['previews', false, 'Job-Previews'],
    ['priority', 5, 'Job-Priority'],
    ['retry', true, 'Job-Retry'],
  ])('%s that is not what the header says is refused, and both are named', async (name, value, header) => {
    const response = await postJson(route, { input, [name]: value }, allHeaders)
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({
      code: 'validation_error',
      errors: [{ pointer: `/${name}`, code: 'option_conflict', message: expect.stringContaining(header) }],
    })
  })

  test.each([
    ['Job-Id', ''],
    ['Job-Id', 'a b'],
    ['Job-Id', '../etc'],
    ['Job-Id', 'a'.repeat(129)],
    ['Job-Tags', 'a b'],
    ['Job-Tags', 'a'.repeat(65)],
    ['Job-Tags', Array.from({ length: 17 }, (_, index) => index).join(',')],
    ['Cancel-After', 'soon'],
    ['Cancel-After', '-1s'],
    ['Cancel-After', '0'],
    ['Cancel-After', '721h'],
    ['Cancel-After', '5 m'],
    ['Job-Previews', 'yes'],
    ['Job-Priority', '1.5'],
    ['Job-Priority', '101'],
    ['Job-Retry', '0'],
  ])('the header %s: %s is refused by its name', async (header, value) => {
    const response = await postJson(route, input, { [header]: value })
    expect(response.status).toBe(400)
    const problem = await problemOf(response)
    expect(problem).toMatchObject({ code: 'invalid_header', errors: [{ code: 'invalid_header' }] })
    expect(problem.detail).toContain(`${header} must be`)
  })

  test.each([
    ['id', 5],
    ['id', 'a/b'],
    ['tags', 'a'],
    ['tags', ['']],
    ['tags', ['ä']],
    ['deadline', 0],
    ['deadline', -5],
    ['deadline', '1d'],
    ['deadline', 2_592_001],
    ['deadline', null],
  ])('%s beside `input` may not be %j', async (name, value) => {
    const response = await postJson(route, { input, [name]: value })
    expect(await problemOf(response)).toMatchObject({
      code: 'validation_error',
      errors: [{ pointer: `/${name}`, code: 'invalid_option' }],
    })
  })

  test.each([
    ['0.5', 500],
    ['90', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['720h', 2_592_000_000],
  ])('Cancel-After: %s is %d ms', async (value, ms) => {
    expect((await accepted(await postJson(route, input, { 'Cancel-After': value })))?.deadlineMs).toBe(ms)
  })

  test('a tag that is given twice counts once', async () => {
    expect((await accepted(await postJson(route, input, { 'Job-Tags': 'b,a,b' })))?.tags).toEqual(['b', 'a'])
  })
})

describe('the query of a call', () => {
  test('asks for previews', async () => {
    expect(await accepted(await postJson(`${route}?previews=true`, input))).toMatchObject({ previews: true })
    expect(await accepted(await postJson(`${route}?previews=false`, input))).toMatchObject({ previews: false })
  })

  test.each([
    ['preview=true', 'unknown query parameter "preview"; did you mean `previews`?'],
    ['steps=5', 'unknown query parameter "steps"; there are previews'],
    ['previews=yes', 'previews must be true or false'],
    ['previews=true&previews=true', 'previews must be true or false'],
  ])('may not be %s', async (query, detail) => {
    const count = gateway.jobs.requests.length
    const response = await postJson(`${route}?${query}`, input)
    expect(response.status).toBe(400)
    expect(await problemOf(response)).toMatchObject({ code: 'validation_error', detail })
    expect(gateway.jobs.requests).toHaveLength(count)
  })
})

test('a body that is wrong in very many places is told a hundred of them', async () => {
  const wrong = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`option${index}`, 1]))
  const problem = await problemOf(await postJson(route, { input, ...wrong }))
  expect(problem.errors).toHaveLength(100)
  expect(problem.errors_omitted).toBe(150)
  const few = await problemOf(await postJson(route, { input, a: 1, b: 2 }))
  expect(few.errors).toHaveLength(2)
  expect(few).not.toHaveProperty('errors_omitted')
})

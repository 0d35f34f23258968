import { afterAll, beforeAll, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { answerAtOnce, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
  answerAtOnce(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

/** The parameters that the job of a form is made of. */
async function inputOf(path: string, form: FormData | string): Promise<unknown> {
  const headers = typeof form === 'string' ? { 'content-type': 'multipart/form-data; boundary=x' } : {}
  const response = await fetch(gateway.url + path, { method: 'POST', body: form, headers })
  const text = await response.text()
  expect(response.status, text).toBe(200)
  return gateway.jobs.requests.at(-1)?.input
}

test('an empty field leaves out what may be left out', async () => {
  const form = new FormData()
  form.set('prompt', 'a')
  for (const name of ['width', 'cfg', 'upscale', 'sampler', 'loras', 'tags', 'style']) form.set(name, '')
  expect(await inputOf('/test/txt2img', form)).toEqual({
    prompt: 'a',
    width: 512,
    cfg: 7,
    upscale: false,
    sampler: 'euler',
    loras: [],
    tags: [],
  })
})

test('an empty field is refused where something is needed, or where nothing has its name', async () => {
  const form = new FormData()
  form.set('prompt', '')
  form.set('widht', '')
  const response = await fetch(`${gateway.url}/test/txt2img`, { method: 'POST', body: form })
  expect(response.status).toBe(400)
  const { errors } = problemSchema.parse(await response.json())
  expect(errors.map(({ code }) => code)).toEqual(['too_small', 'unrecognized_keys'])
})

/** A form as a browser sends it: a file field in which nothing was chosen has an empty file name. */
function imageForm(referenceName: string): string {
  const part = (header: string, content: string) =>
    `--x\r\nContent-Disposition: form-data; ${header}\r\nContent-Type: application/octet-stream\r\n\r\n${content}\r\n`
  return `${part('name="image"; filename="a.png"', 'picture')}${part(`name="references"; filename="${referenceName}"`, '')}--x--\r\n`
}

test('a file field in which nothing was chosen is left out, an empty file is not', async () => {
  expect(await inputOf('/test/img2img', imageForm(''))).toMatchObject({ references: [] })

  const form = new FormData()
  form.set('image', new File(['picture'], 'a.png'))
  form.set('references', new File([], ''))
  expect(await inputOf('/test/img2img', form)).toMatchObject({ references: [] })

  const headers = { 'content-type': 'multipart/form-data; boundary=x' }
  const body = imageForm('empty.png')
  const response = await fetch(`${gateway.url}/test/img2img`, { method: 'POST', body, headers })
  expect(response.status).toBe(422)
  expect(problemSchema.parse(await response.json()).code).toBe('unsupported_input')
})

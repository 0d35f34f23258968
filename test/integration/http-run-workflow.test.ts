import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp
const picture = randomBytes(1000)

beforeAll(async () => {
  gateway = await startTestApp()
  answerAtOnce(gateway, picture)
})
afterAll(() => gateway[Symbol.asyncDispose]())

describe('POST to a workflow', () => {
  test('answers with the job and its images as base64', async () => {
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a lighthouse' })
    expect(response.status).toBe(200)
    const result = resultSchema.parse(await response.json())
    expect(result).toMatchObject({ status: 'succeeded', workflow: 'test/txt2img', filenames: ['picture_00001_.png'] })
    expect(result.images).toEqual([picture.toString('base64')])
  })

  test('answers with the picture itself for Accept: image/png', async () => {
    const response = await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a' }, { accept: 'image/png' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(Buffer.from(await response.arrayBuffer())).toEqual(picture)
  })
})

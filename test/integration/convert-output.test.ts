import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { createFront, type FrontServer } from '../support/front-server.ts'
import { describeConversion, sharp } from '../support/sharp.ts'
import { makeDataDir, type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

let simulator: Simulator
/** Between the gateway and ComfyUI: gives something else for a picture while `isSpoilt`. */
let front: FrontServer
let isSpoilt = false
let gateway: RunningGateway
const client = createClient(() => gateway.url)
let color = 0

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  front = await createFront(simulator.url, (request) =>
    isSpoilt && request === 'GET /api/view' ? { status: 200, body: 'no picture\0at all' } : undefined,
  )
  gateway = await startGateway({ flags: { comfyuiUrl: [front.url], workflows: [testWorkflows] } })
})
afterAll(async () => {
  await gateway.close()
  await front.close()
  await simulator.close()
})

/** A request that no cache knows. */
function input(more: object = {}): object {
  return { color: ++color, ...more }
}

async function formatOf(bytes: Buffer): Promise<string> {
  const { format } = await sharp(bytes).metadata()
  return format
}

describeConversion('a job with convert_output', () => {
  test('has images of the other format, and says so wherever it says something of them', async () => {
    const body = { input: input({ batch_size: 2 }), convert_output: { format: 'webp', options: { quality: 70 } } }
    const result = await client.run('/test/picture', body)
    expect(result.filenames).toHaveLength(2)
    for (const [index, output] of result.outputs.entries()) {
      expect(output).toMatchObject({ content_type: 'image/webp', type: 'image' })
      expect(output.filename).toMatch(/\.webp$/)
      expect(result.filenames[index]).toBe(output.filename)
      const sent = Buffer.from(result.images[index] ?? '', 'base64')
      expect(await formatOf(sent)).toBe('webp')
      const response = await fetch(gateway.url + output.url)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'image/webp',
        'content-length': String(output.size_bytes),
        'content-disposition': `inline; filename="${output.filename}"`,
        etag: `"${output.id}"`,
      })
      expect(Buffer.from(await response.arrayBuffer())).toEqual(sent)
    }
    expect((await client.job(result.id)).outputs).toEqual(result.outputs)
  })

  test.each([
    ['webp; quality=80; max_side=16', 'webp'],
    ['avif', 'heif'],
    ['jpeg', 'jpeg'],
    ['jpg; quality=50; progressive=true', 'jpeg'],
    ['png; compressionLevel=9', 'png'],
  ])('by the header %s answers with that format', async (header, format) => {
    const response = await client.post('/test/picture', input(), {
      'job-convert-output': header,
      accept: 'image/*',
    })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(`image/${format === 'heif' ? 'avif' : format}`)
    expect(await formatOf(Buffer.from(await response.arrayBuffer()))).toBe(format)
  })

  test('matches Accept by what is stored', async () => {
    const headers = { 'job-convert-output': 'webp', accept: 'image/webp, image/png;q=0.9' }
    const response = await client.post('/test/picture', input(), headers)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'image/webp'])
    expect(response.headers.get('content-location')).toBe(`/jobs/${response.headers.get('job-id') ?? ''}/outputs/0`)
    await response.arrayBuffer()
  })

  test.each([
    [
      { format: 'webp', max_side: 16 },
      { width: 16, height: 16 },
    ],
    [
      { format: 'avif', quality: 30, max_side: 20 },
      { width: 20, height: 20 },
    ],
    [
      { format: 'jpeg', max_side: 4096 },
      { width: 32, height: 32 },
    ],
  ])('is as large as %j says', async (conversion, size) => {
    const { images } = await client.run('/test/picture', { input: input(), convert_output: conversion })
    expect(await sharp(Buffer.from(images[0] ?? '', 'base64')).metadata()).toMatchObject(size)
  })

  test('says nothing of the graph in its images', async () => {
    const response = await client.post('/test/picture', input(), { accept: 'image/png' })
    expect(Buffer.from(await response.arrayBuffer()).toString('latin1')).toContain('EmptyImage')
    const headers = { accept: 'image/png', 'job-convert-output': 'png' }
    const converted = await client.post('/test/picture', input(), headers)
    expect(Buffer.from(await converted.arrayBuffer()).toString('latin1')).not.toContain('EmptyImage')
  })

  test('keeps texts as they are', async () => {
    const result = await client.run('/test/text', { input: { text: 'hello' }, convert_output: { format: 'webp' } })
    expect(result.outputs.map(({ content_type: type }) => type)).toEqual(['text/plain; charset=utf-8'])
  })

  test('is converted anew when it is run again', async () => {
    const first = await client.run('/test/picture', { input: input(), convert_output: { format: 'webp' } })
    const again = await client.post(`/jobs/${first.id}/retry`, {}, { prefer: 'wait=60' })
    expect(await again.json()).toMatchObject({ outputs: [{ content_type: 'image/webp' }] })
    const other = await client.post(
      `/jobs/${first.id}/retry`,
      { convert_output: { format: 'jpeg' } },
      { prefer: 'wait=60' },
    )
    expect(await other.json()).toMatchObject({ outputs: [{ content_type: 'image/jpeg' }] })
  })

  test('fails when its image cannot be read, and gives none', async () => {
    isSpoilt = true
    try {
      const response = await client.post('/test/picture', input(), { 'job-convert-output': 'webp' })
      expect(response.status).toBe(500)
      const problem = await readProblem(response)
      expect(problem).toMatchObject({ code: 'conversion_failed', retryable: false })
      const job = await client.job(problem.job_id ?? '')
      expect(job).toMatchObject({ status: 'failed', outputs: [], attempt: 1, error: { code: 'conversion_failed' } })
      expect((await fetch(`${gateway.url}/jobs/${job.id}/outputs/0`)).status).toBe(404)
    } finally {
      isSpoilt = false
    }
  })

  test.each([
    [{ format: 'gif' }],
    [{ format: 'webp', options: { quality: 0 } }],
    [{ format: 'webp', options: { quality: '80' } }],
    [{ format: 'webp', options: { progressive: true } }],
    [{ format: 'webp', quality: 101 }],
    [{ format: 'webp', max_side: 0 }],
    ['webp'],
    [{}],
    [null],
  ])('is refused before it is accepted when that makes no sense: %j', async (conversion) => {
    const response = await client.post('/test/picture', { input: input(), convert_output: conversion })
    const problem = await readProblem(response)
    expect([response.status, problem.code]).toEqual([400, 'validation_error'])
    expect(problem.errors).toMatchObject([{ pointer: '/convert_output', code: 'invalid_option' }])
    expect(problem.detail).toMatch(/`quality` from 1 to 100/)
  })

  test('is refused when its quality stands in two places', async () => {
    const conversion = { format: 'webp', quality: 80, options: { quality: 70 } }
    const response = await client.post('/test/picture', { input: input(), convert_output: conversion })
    const problem = await readProblem(response)
    expect([response.status, problem.code]).toEqual([400, 'validation_error'])
    expect(problem.errors).toMatchObject([{ pointer: '/convert_output', message: expect.stringMatching(/twice/) }])
  })

  test('is refused for a header that makes no sense', async () => {
    const response = await client.post('/test/picture', input(), { 'job-convert-output': 'webp; quality=1000' })
    const problem = await readProblem(response)
    expect([response.status, problem.code]).toEqual([400, 'invalid_header'])
    expect(problem.detail).toMatch(/^Job-Convert-Output /)
  })
})

describeConversion('a new process', () => {
  test('converts what an earlier one accepted', async () => {
    const dataDir = await makeDataDir()
    const start = () => startGateway({ dataDir, flags: { comfyuiUrl: [simulator.url], workflows: [testWorkflows] } })
    const first = await start()
    const before = createClient(() => first.url)
    const body = { input: { seconds: 1.5, ticks: 3, nonce: 1 }, convert_output: { format: 'webp' } }
    const { id } = await before.submit('/test/slow', body)
    await expect.poll(async () => (await before.job(id)).status).toBe('running')
    await first.close()
    const second = await start()
    try {
      const after = createClient(() => second.url)
      await expect.poll(async () => (await after.job(id)).status, { timeout: 20_000 }).toBe('succeeded')
      expect((await after.job(id)).outputs).toMatchObject([{ content_type: 'image/webp' }])
      expect(await formatOf(await after.bytes(`/jobs/${id}/outputs/0`))).toBe('webp')
    } finally {
      await second.close()
    }
  }, 60_000)
})

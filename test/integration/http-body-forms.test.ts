import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { sendHeaders } from '../support/raw-http.ts'
import { answerAtOnce, postJson, startTestApp, type TestApp } from '../support/start-test-app.ts'

let gateway: TestApp

beforeAll(async () => {
  gateway = await startTestApp()
  answerAtOnce(gateway)
})
afterAll(() => gateway[Symbol.asyncDispose]())

const defaults = { width: 512, cfg: 7, upscale: false, sampler: 'euler', loras: [], tags: [] }

/** The parameters that the last accepted job was made of. */
function lastInput(): unknown {
  return gateway.jobs.requests.at(-1)?.input
}

function send(
  path: string,
  body: NonNullable<RequestInit['body']>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(gateway.url + path, { method: 'POST', body, headers })
}

async function problemOf(response: Response) {
  expect(response.headers.get('content-type')).toContain('application/problem+json')
  return problemSchema.parse(await response.json())
}

describe('JSON bodies', () => {
  test('the flat form holds the parameters', async () => {
    expect((await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a', width: 64 })).status).toBe(200)
    expect(lastInput()).toEqual({ ...defaults, prompt: 'a', width: 64 })
  })

  test('the envelope holds them in `input`, with options beside it', async () => {
    const response = await postJson(`${gateway.url}/test/txt2img`, { input: { prompt: 'a' }, previews: true })
    expect(response.status).toBe(200)
    expect(lastInput()).toEqual({ ...defaults, prompt: 'a' })
    expect(gateway.jobs.requests.at(-1)?.previews).toBe(true)
  })

  test('a parameter of the name `input` makes every body a flat one', async () => {
    expect((await postJson(`${gateway.url}/test/has-input`, { input: { text: 'a' } })).status).toBe(200)
    expect(lastInput()).toEqual({ input: { text: 'a' } })
  })

  test('an `input` that is no object is an unknown parameter, not an envelope', async () => {
    const problem = await problemOf(await postJson(`${gateway.url}/test/txt2img`, { input: 'a' }))
    expect(problem.code).toBe('validation_error')
  })

  test('an unknown option is refused, with the nearest one', async () => {
    const body = { input: { prompt: 'a' }, preview: true, webhook: 'https://example.com' }
    const response = await postJson(`${gateway.url}/test/txt2img`, body)
    expect(response.status).toBe(400)
    const { errors } = await problemOf(response)
    expect(errors).toMatchObject([
      { pointer: '/preview', code: 'unknown_option', message: expect.stringContaining('did you mean `previews`') },
      { pointer: '/webhook', code: 'unknown_option' },
    ])
  })

  test.each([
    ['previews', 1],
    ['priority', 101],
    ['priority', '5'],
    ['retry', 'no'],
  ])('an option that breaks its rule is refused with the rule: %s %j', async (name, value) => {
    const problem = await problemOf(
      await postJson(`${gateway.url}/test/txt2img`, { input: { prompt: 'a' }, [name]: value }),
    )
    expect(problem.errors).toMatchObject([
      { pointer: `/${name}`, code: 'invalid_option', message: expect.stringContaining('must be') },
    ])
  })

  test('an option in a flat body is an unknown parameter', async () => {
    const problem = await problemOf(await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a', previews: true }))
    expect(problem.code).toBe('validation_error')
  })

  test.each([['[]'], ['"text"'], ['null'], ['5']])('a body that is no object is refused: %s', async (body) => {
    const response = await send('/test/txt2img', body, { 'content-type': 'application/json' })
    expect(await problemOf(response)).toMatchObject({ code: 'malformed_body', status: 400 })
  })

  test('an empty body has no parameters', async () => {
    const response = await send('/test/txt2img', '', { 'content-type': 'application/json' })
    expect(await problemOf(response)).toMatchObject({ code: 'validation_error', errors: [{ pointer: '/prompt' }] })
  })

  test.each([
    ['{"prompt": tru}', 'line 1, column 12'],
    ['{"prompt": "a",\n  "width": 5,}', 'line 2, column 14'],
    ["{'prompt': 1}", 'line 1, column 2'],
    ['{"prompt": "a"', 'ends too early'],
  ])('a body that is not JSON names the place: %s', async (body, place) => {
    const problem = await problemOf(await send('/test/txt2img', body, { 'content-type': 'application/json' }))
    expect(problem.code).toBe('malformed_body')
    expect(problem.detail).toContain(place)
  })

  test('a body in another encoding than UTF-8 is refused, not guessed at', async () => {
    const latin1 = Uint8Array.from(Buffer.from('{"prompt":"caf\u00e9"}', 'latin1'))
    const problem = await problemOf(await send('/test/txt2img', latin1, { 'content-type': 'application/json' }))
    expect(problem.code).toBe('malformed_body')
    expect(problem.detail).toContain('UTF-8')
  })

  test.each([
    ['{"prompt":"cut \\ud83d"}', '/prompt'],
    ['{"prompt":"a","tags":["\\ud83d\\ude00","\\uDE00"]}', '/tags/1'],
  ])('a text with half a character is refused where it stands: %s', async (body, pointer) => {
    const problem = await problemOf(await send('/test/txt2img', body, { 'content-type': 'application/json' }))
    expect(problem).toMatchObject({ code: 'validation_error', errors: [{ pointer, code: 'broken_text' }] })
  })

  test.each([
    ['prompt', Buffer.from('caf\u00e9', 'latin1'), '/prompt'],
    ['input', Buffer.from('{"prompt":"cut \\ud83d"}'), '/input/prompt'],
    ['tags', Buffer.from('["a", "cut \\ud83d"]'), '/tags/1'],
  ])('the part %s of a form with a text that is none is refused', async (name, text, pointer) => {
    const head = `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n`
    const body = Buffer.concat([Buffer.from(head), text, Buffer.from('\r\n--x--\r\n')])
    const problem = await problemOf(
      await send('/test/txt2img', body, { 'content-type': 'multipart/form-data; boundary=x' }),
    )
    expect(problem).toMatchObject({ code: 'validation_error', errors: [{ pointer, code: 'broken_text' }] })
  })

  test('a whole character may be escaped', async () => {
    const body = '{"prompt":"\\ud83d\\ude00"}'
    expect((await send('/test/txt2img', body, { 'content-type': 'application/json' })).status).toBe(200)
    expect(lastInput()).toMatchObject({ prompt: '😀' })
  })

  test.each([['{"prompt":"a","__proto__":{"width":64}}'], ['{"prompt":"a","constructor":{"prototype":{"x":1}}}']])(
    'keys that would change prototypes are refused: %s',
    async (body) => {
      const problem = await problemOf(await send('/test/txt2img', body, { 'content-type': 'application/json' }))
      expect(problem.code).toBe('malformed_body')
    },
  )

  test.each([
    ['nested 200 000 levels deep', '['.repeat(200_000) + ']'.repeat(200_000)],
    ['200 000 values wide', JSON.stringify(Array.from({ length: 200_000 }, () => 1))],
    ['65 levels deep', '{"a":'.repeat(65) + '1' + '}'.repeat(65)],
  ])('a body %s is too complex', async (_what, body) => {
    const response = await send('/test/txt2img', body, { 'content-type': 'application/json' })
    expect(await problemOf(response)).toMatchObject({ code: 'too_complex', status: 400 })
  })

  test('a text longer than 1 MiB is too complex where no media belong', async () => {
    const problem = await problemOf(await postJson(`${gateway.url}/test/txt2img`, { prompt: 'a'.repeat(1_100_000) }))
    expect(problem.code).toBe('too_complex')
  })

  test('a body over the limit is refused by its announced length, and by what arrives', async () => {
    const announced = await send('/test/txt2img', 'a'.repeat(2_000_001), { 'content-type': 'application/json' })
    expect(await problemOf(announced)).toMatchObject({ code: 'body_too_large', status: 413 })
    const chunks = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 3; sent++) controller.enqueue(new Uint8Array(1_000_000))
        controller.close()
      },
    })
    const response = await fetch(`${gateway.url}/test/txt2img`, {
      method: 'POST',
      body: chunks,
      duplex: 'half',
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(413)
  })
})

describe('JSON with a careless content type', () => {
  const body = JSON.stringify({ prompt: 'a' })

  test.each([['application/x-www-form-urlencoded'], ['text/plain'], ['text/plain;charset=UTF-8']])(
    '%s is taken as JSON from a program',
    async (type) => {
      const answer = await sendHeaders(
        gateway.port,
        'POST',
        '/test/txt2img',
        { Host: 'localhost', 'Content-Type': type },
        body,
      )
      expect(answer.status).toBe(200)
    },
  )

  test('a compressed body is refused, with the encoding that is taken', async () => {
    const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
    const response = await send('/test/txt2img', Uint8Array.from(gzipSync('{"prompt":"a"}')), headers)
    expect([response.status, response.headers.get('accept-encoding')]).toEqual([415, 'identity'])
    expect((await problemOf(response)).detail).toContain('gzip')
  })

  test('no content type at all is taken as JSON from a program', async () => {
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', { Host: 'localhost' }, body)
    expect(answer.status).toBe(200)
  })

  test.each([
    ['Origin', 'http://localhost'],
    ['Sec-Fetch-Site', 'same-origin'],
  ])('with %s it is refused, with the command that works', async (name, value) => {
    const headers = { Host: 'localhost', 'Content-Type': 'text/plain', [name]: value }
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', headers, body)
    expect(answer.status).toBe(415)
    expect(answer.body).toContain("-H 'Content-Type: application/json'")
  })

  test.each([['image/png'], ['application/xml'], ['nonsense']])('%s is refused', async (type) => {
    const headers = { Host: 'localhost', 'Content-Type': type }
    const answer = await sendHeaders(gateway.port, 'POST', '/test/txt2img', headers, body)
    expect(answer.status).toBe(415)
    expect(answer.body).toContain('unsupported_media_type')
  })
})

describe('multipart bodies', () => {
  test('text parts become what the parameter wants', async () => {
    const form = new FormData()
    for (const [name, value] of Object.entries({ prompt: '42', width: '64', cfg: '4.5', upscale: 'true' }))
      form.set(name, value)
    form.append('loras', '{"name":"a","strength":1}')
    form.append('loras', '{"name":"b","strength":0.5}')
    form.set('tags', '1')
    form.set('style', '{"name":"ink"}')
    expect((await send('/test/txt2img', form)).status).toBe(200)
    expect(lastInput()).toEqual({
      ...defaults,
      prompt: '42',
      width: 64,
      cfg: 4.5,
      upscale: true,
      loras: [
        { name: 'a', strength: 1 },
        { name: 'b', strength: 0.5 },
      ],
      tags: ['1'],
      style: { name: 'ink' },
    })
  })

  test('files become stored inputs, and their names the parameters', async () => {
    const form = new FormData()
    form.set('image', new File([Buffer.from('first')], 'a.png', { type: 'image/png' }))
    form.append('references', new File([Buffer.from('second')], '../../etc/passwd'))
    form.append('references', new File([Buffer.from('third')], 'c.png'))
    expect((await send('/test/img2img', form)).status).toBe(200)
    const stored = gateway.inputs.stored.slice(-3)
    expect(stored.map(({ bytes, pointer }) => [bytes.toString(), pointer])).toEqual([
      ['first', '/image'],
      ['second', '/references/0'],
      ['third', '/references/1'],
    ])
    const request = gateway.jobs.requests.at(-1)
    const names = request?.inputFiles.map((file) => file.name)
    expect(lastInput()).toEqual({ image: names?.[0], references: names?.slice(1), strength: 0.5 })
    expect(request?.prompt['1']?.inputs['uploads']).toEqual(names)
  })

  test('a part `input` with JSON gives parameters, files stand beside it', async () => {
    const form = new FormData()
    form.set('input', JSON.stringify({ strength: 0.25 }))
    form.set('previews', 'true')
    form.set('image', new File([Buffer.from('one')], 'a.png'))
    expect((await send('/test/img2img', form)).status).toBe(200)
    expect(lastInput()).toMatchObject({ strength: 0.25, image: expect.stringMatching(/^comfyui-api\//) })
    expect(gateway.jobs.requests.at(-1)?.previews).toBe(true)
  })

  test('a parameter given in `input` and as a part is refused', async () => {
    const form = new FormData()
    form.set('input', JSON.stringify({ prompt: 'a' }))
    form.set('prompt', 'b')
    expect(await problemOf(await send('/test/txt2img', form))).toMatchObject({
      errors: [{ pointer: '/prompt', code: 'given_twice' }],
    })
  })

  test('a file for a parameter without media is refused', async () => {
    const form = new FormData()
    form.set('prompt', new File([Buffer.from('x')], 'a.txt'))
    expect(await problemOf(await send('/test/txt2img', form))).toMatchObject({
      errors: [{ pointer: '/prompt', code: 'file_not_allowed' }],
    })
  })

  test('two files where one belongs are refused', async () => {
    const form = new FormData()
    form.append('image', new File([Buffer.from('x')], 'a.png'))
    form.append('image', new File([Buffer.from('y')], 'b.png'))
    expect(await problemOf(await send('/test/img2img', form))).toMatchObject({ errors: [{ pointer: '/image' }] })
  })

  test('more than 128 parts are too complex', async () => {
    const form = new FormData()
    for (let part = 0; part < 129; part++) form.append('tags', 'x')
    expect((await problemOf(await send('/test/txt2img', form))).code).toBe('too_complex')
  })

  test.each([
    ['cut off', 'multipart/form-data; boundary=b', '--b\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nabc'],
    [
      'cut off inside a file',
      'multipart/form-data; boundary=b',
      '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nabc',
    ],
    ['without a boundary', 'multipart/form-data', '--b--'],
    ['of something else', 'multipart/form-data; boundary=b', '{"prompt":"a"}'],
  ])('a body %s is malformed', async (_what, type, body) => {
    const problem = await problemOf(await send('/test/txt2img', body, { 'content-type': type }))
    expect(problem.code).toBe('malformed_body')
  })
})

describe('media in JSON', () => {
  test('base64 and data URIs are decoded, stored, and replaced by names', async () => {
    const image = Buffer.from('some bytes').toString('base64')
    const body = { image: `data:image/png;base64,${image}`, references: [image, image] }
    expect((await postJson(`${gateway.url}/test/img2img`, body)).status).toBe(200)
    const request = gateway.jobs.requests.at(-1)
    expect(request?.inputFiles).toHaveLength(1)
    const [file] = request?.inputFiles ?? []
    expect(lastInput()).toEqual({ image: file?.name, references: [file?.name, file?.name], strength: 0.5 })
  })

  test('a medium that is no text is left to the parameter to refuse', async () => {
    expect(await problemOf(await postJson(`${gateway.url}/test/img2img`, { image: 5 }))).toMatchObject({
      errors: [{ pointer: '/image' }],
    })
  })

  test('a medium may be longer than 1 MiB', async () => {
    const response = await postJson(`${gateway.url}/test/img2img`, {
      image: Buffer.alloc(900_000, 1).toString('base64'),
    })
    expect(response.status).toBe(200)
  })
})

test('flat, envelope and multipart bodies give the same parameters', async () => {
  const parameters = fc.record(
    {
      prompt: fc.string({ minLength: 1, unit: 'grapheme' }),
      width: fc.integer({ min: 16, max: 2048 }),
      cfg: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
      upscale: fc.boolean(),
      sampler: fc.constantFrom('euler', 'dpmpp_2m'),
      loras: fc.array(fc.record({ name: fc.string(), strength: fc.integer() }), { maxLength: 3 }),
      tags: fc.array(fc.string(), { minLength: 2, maxLength: 4 }),
      style: fc.record({ name: fc.string() }),
    },
    { requiredKeys: ['prompt'] },
  )
  await fc.assert(
    fc.asyncProperty(parameters, async (sent) => {
      const inputs: unknown[] = []
      const collect = async (answer: Promise<Response>) => {
        expect((await answer).status).toBe(200)
        inputs.push(lastInput())
      }
      await collect(postJson(`${gateway.url}/test/txt2img`, sent))
      await collect(postJson(`${gateway.url}/test/txt2img`, { input: sent }))
      await collect(send('/test/txt2img', multipartText(sent), { 'content-type': 'multipart/form-data; boundary=XX' }))
      const withInput = new FormData()
      withInput.set('input', JSON.stringify(sent))
      await collect(send('/test/txt2img', withInput))
      expect(inputs[1]).toEqual(inputs[0])
      expect(inputs[2]).toEqual(inputs[0])
      expect(inputs[3]).toEqual(inputs[0])
    }),
    { numRuns: 60 },
  )
})

/** Built by hand: FormData changes line breaks in texts. */
function multipartText(parameters: object): string {
  const parts = Object.entries(parameters).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `--XX\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`
  })
  return `${parts.join('')}--XX--\r\n`
}

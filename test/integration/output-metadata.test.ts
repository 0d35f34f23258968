import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readMediaTexts } from '../../src/lib/media-texts/read-media-texts.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { type RunningGateway, startGateway, testWorkflows } from '../support/start-gateway.ts'

const key = 'a-key-for-the-tests-of-metadata'
const withKey = { authorization: `Bearer ${key}` }

let simulator: Simulator
/** Asks for no key. */
let open: RunningGateway
/** Asks for one. */
let guarded: RunningGateway
/** Strips whatever a call says. */
let strict: RunningGateway
let color = 0

beforeAll(async () => {
  simulator = await createSimulator({ testNodes: true, stepDelayMs: 0 })
  const flags = { comfyuiUrl: [simulator.url], workflows: [testWorkflows] }
  open = await startGateway({ flags })
  guarded = await startGateway({ flags, env: { COMFYUI_API_KEY: key } })
  strict = await startGateway({ flags: { ...flags, outputMetadata: 'strip' } })
})
afterAll(async () => {
  await Promise.all([open.close(), guarded.close(), strict.close()])
  await simulator.close()
})

/** A request that no cache knows. */
function input(more: object = {}): object {
  return { color: ++color, ...more }
}

function namesIn(bytes: Buffer): string[] {
  return (readMediaTexts(bytes)?.texts ?? []).map(({ name }) => name)
}

async function bytesOf(response: Response): Promise<Buffer> {
  expect(response.status).toBe(200)
  return Buffer.from(await response.arrayBuffer())
}

interface Way {
  readonly gateway: () => RunningGateway
  readonly headers?: Record<string, string>
  readonly option?: 'keep' | 'strip'
  readonly header?: 'keep' | 'strip'
}

const stripped: readonly [string, Way][] = [
  ['where callers need a key', { gateway: () => guarded, headers: withKey }],
  ['where the server strips all', { gateway: () => strict }],
  ['when the call asks for it', { gateway: () => open, option: 'strip' }],
  ['when a header asks for it', { gateway: () => open, header: 'strip' }],
]
const kept: readonly [string, Way][] = [
  ['where callers need no key', { gateway: () => open }],
  ['when the call asks for it', { gateway: () => guarded, headers: withKey, option: 'keep' }],
  ['when a header asks for it', { gateway: () => guarded, headers: withKey, header: 'keep' }],
]

describe.each([
  ['stripped', stripped, []],
  ['kept', kept, ['prompt']],
] as const)('the graph is %s', (metadata, ways, names) => {
  test.each(ways)('%s, by every way out', async (_when, { gateway, headers = {}, option, header }) => {
    const client = createClient(() => gateway().url)
    const sent = { ...headers, ...(header !== undefined && { 'job-output-metadata': header }) }
    const options = option === undefined ? {} : { output_metadata: option }

    const answer = await client.post('/test/picture', { input: input(), ...options }, sent)
    const result = (await answer.json()) as {
      id: string
      images: string[]
      outputs: { url: string; size_bytes: number; metadata: string }[]
    }
    expect(answer.status).toBe(200)
    const inJson = Buffer.from(result.images[0] ?? '', 'base64')
    expect(namesIn(inJson)).toEqual(names)
    expect(inJson.includes('EmptyImage')).toBe(names.length > 0)
    expect(result.outputs).toMatchObject([{ metadata, size_bytes: inJson.length }])

    const url = gateway().url + (result.outputs[0]?.url ?? '')
    const whole = await fetch(url, { headers })
    expect(await bytesOf(whole)).toEqual(inJson)
    const part = await fetch(url, { headers: { ...headers, range: 'bytes=0-99' } })
    expect(Buffer.from(await part.arrayBuffer())).toEqual(inJson.subarray(0, 100))
    expect(part.headers.get('etag')).toBe(whole.headers.get('etag'))

    const raw = await client.post('/test/picture', { input: input(), ...options }, { ...sent, accept: 'image/png' })
    expect(namesIn(await bytesOf(raw))).toEqual(names)
  })
})

test('a job that is run again treats its outputs as before, unless it is told otherwise', async () => {
  const client = createClient(() => open.url)
  const first = await client.run('/test/picture', { input: input(), output_metadata: 'strip' })
  const again = await client.post(`/jobs/${first.id}/retry`, {}, { prefer: 'wait=60' })
  expect(await again.json()).toMatchObject({ outputs: [{ metadata: 'stripped' }] })
  const other = await client.post(`/jobs/${first.id}/retry`, { output_metadata: 'keep' }, { prefer: 'wait=60' })
  expect(await other.json()).toMatchObject({ outputs: [{ metadata: 'kept' }] })
})

test('a converted image is stripped whatever the call says', async () => {
  const client = createClient(() => open.url)
  const body = { input: input(), output_metadata: 'keep', convert_output: { format: 'png' } }
  const result = await client.run('/test/picture', body)
  expect(result.outputs).toMatchObject([{ metadata: 'stripped' }])
  expect(namesIn(Buffer.from(result.images[0] ?? '', 'base64'))).toEqual([])
})

test('a text is no file with metadata, and nobody is warned of it', async () => {
  const result = await createClient(() => strict.url).run('/test/text', { input: { text: 'hello' } })
  expect(result).toMatchObject({ outputs: [{ type: 'text', metadata: 'kept' }], warnings: [] })
})

test('a call that asks to keep what the server strips is refused', async () => {
  const client = createClient(() => strict.url)
  const body = await client.post('/test/picture', { input: input(), output_metadata: 'keep' })
  expect(body.status).toBe(400)
  expect(await readProblem(body)).toMatchObject({
    code: 'validation_error',
    errors: [{ pointer: '/output_metadata', code: 'option_not_allowed' }],
  })
  const header = await client.post('/test/picture', input(), { 'job-output-metadata': 'keep' })
  expect(header.status).toBe(400)
  expect((await readProblem(header)).code).toBe('validation_error')
})

test.each([
  [{ output_metadata: 'none' }, {}, 'validation_error'],
  [{ output_metadata: true }, {}, 'validation_error'],
  [{}, { 'job-output-metadata': 'all' }, 'invalid_header'],
])('what is neither keep nor strip is refused: %j %j', async (options, headers, code) => {
  const client = createClient(() => open.url)
  const response = await client.post('/test/picture', { input: input(), ...options }, headers)
  expect(response.status).toBe(400)
  expect((await readProblem(response)).code).toBe(code)
})

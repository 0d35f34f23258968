import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { platform } from 'node:os'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { type Bomb, bombs } from '../support/bombs.ts'
import { makePng } from '../support/make-image.ts'
import { ProgramHome, type RunningProgram, startProgram } from '../support/program.ts'

const workflow = `
import { z } from 'zod'
import { audio, defineWorkflow, image, model3d, video } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Takes anything, and gives back a picture',
  RequestSchema: z.object({
    picture: image().optional(),
    film: video().optional(),
    sound: audio().optional(),
    form: model3d().optional(),
  }),
  generateWorkflow: ({ picture }) => ({
    ...(picture !== undefined && {
      '1': { class_type: 'LoadImage', inputs: { image: picture } },
      '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'test' } },
    }),
  }),
})
`
const atOnce = 8

type Sent = Pick<Bomb, 'name' | 'field'> & { readonly bytes: Buffer }
const files: readonly Sent[] = bombs.map(({ name, field, make }) => ({ name, field, bytes: make() }))

let home: ProgramHome
let server: RunningProgram
beforeAll(async () => {
  home = new ProgramHome()
  mkdirSync(home.at('mine/test'), { recursive: true })
  writeFileSync(home.at('mine/test/anything.ts'), workflow)
  server = await startProgram(
    ['serve', '--demo', '--no-shipped-workflows', '--workflows', home.at('mine'), '--data-dir', home.at('data')],
    { home },
  )
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  home[Symbol.dispose]()
})

function post(path: string, body: RequestInit['body'], headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + path, { method: 'POST', headers, ...(body && { body }) })
}

function sendForm({ field, bytes }: Omit<Sent, 'name'>): Promise<Response> {
  const form = new FormData()
  form.set(field, new Blob([new Uint8Array(bytes)], { type: 'image/png' }), 'innocent.png')
  return post('/test/anything', form)
}

function sendJson({ field, bytes }: Sent): Promise<Response> {
  const body = JSON.stringify({ [field]: `data:image/png;base64,${bytes.toString('base64')}` })
  return post('/test/anything', body, { 'content-type': 'application/json' })
}

function sendAsset({ bytes }: Sent): Promise<Response> {
  return post('/assets', new Uint8Array(bytes), { 'content-type': 'image/png' })
}

interface Refusal {
  readonly name: string
  readonly status: number
  readonly code: string
  readonly pointer: string | undefined
}

/** What all of them are answered, some at the same time. */
async function refusals(send: (file: Sent) => Promise<Response>): Promise<Refusal[]> {
  const waiting = [...files]
  const answers: Refusal[] = []
  const work = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const response = await send(file)
      const { code, errors } = problemSchema.partial().parse(await response.json())
      answers.push({ name: file.name, status: response.status, code: code ?? 'taken', pointer: errors?.[0]?.pointer })
    }
  }
  await Promise.all(Array.from({ length: atOnce }, work))
  return answers
}

/** In mebibytes. */
function memoryOf(what: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8')
  return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
}

async function runPicture(): Promise<void> {
  const response = await sendForm({ field: 'picture', bytes: makePng(64, 64) })
  expect([response.status, await response.json()]).toMatchObject([200, { status: 'succeeded' }])
}

const byName = (one: Refusal, other: Refusal) => one.name.localeCompare(other.name)

test('hostile files are refused one by one, cost little memory, and leave nothing', async () => {
  expect(files.length).toBeGreaterThanOrEqual(60)
  await runPicture()
  const kept = readdirSync(home.at('data/inputs'))
  const before = platform() === 'linux' ? memoryOf('VmRSS') : 0

  const expected = files.map(({ name, field }) => ({
    name,
    status: 422,
    code: 'unsupported_input',
    pointer: `/${field}`,
  }))
  for (const send of [sendForm, sendJson]) {
    const answers = await refusals(send)
    expect(answers.toSorted(byName)).toEqual(expected.toSorted(byName))
  }
  const asAssets = await refusals(sendAsset)
  expect(asAssets.filter(({ status, code }) => status !== 422 || code !== 'unsupported_input')).toEqual([
    // A body without a byte is no file at all.
    { name: 'zero bytes', status: 400, code: 'malformed_body', pointer: undefined },
  ])

  await runPicture()
  expect(readdirSync(home.at('data/inputs'))).toEqual(kept)
  // Elsewhere there is no such figure.
  if (platform() === 'linux') expect(memoryOf('VmHWM') - before).toBeLessThan(256)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '../support/call-gateway.ts'
import { ProgramHome, startProgram, type RunningProgram } from '../support/program.ts'

const home = new ProgramHome()
let program: RunningProgram
const client = createClient(() => program.url)
const env = { COMFYUI_API_DEMO_STEP_MS: '0' }
const picture = { prompt: 'a lighthouse at dawn', width: 320, height: 256 }

// Without a command: it is the one by default.
beforeAll(async () => {
  program = await startProgram(['--demo'], { home, env })
})
afterAll(async () => {
  await program[Symbol.asyncDispose]()
  home[Symbol.dispose]()
})

async function pictureAs(type: string): Promise<Buffer> {
  const answer = await client.post('/qwen/qwen_base_txt2img', picture, { accept: type })
  const bytes = Buffer.from(await answer.arrayBuffer())
  expect(answer.status, bytes.subarray(0, 500).toString()).toBe(200)
  expect(answer.headers.get('content-type')).toBe(type)
  return bytes
}

describe('the demo', () => {
  test('has every workflow that comes with the program, with its source', async () => {
    const answer = await fetch(`${program.url}/workflows`)
    const { data, problems } = z
      .object({ data: z.array(z.looseObject({ name: z.string(), file: z.string() })), problems: z.array(z.unknown()) })
      .parse(await answer.json())
    expect(problems).toEqual([])
    expect(data.map(({ name }) => name)).toContain('qwen/qwen_base_txt2img')
    expect(data.map(({ file }) => file)).toContain('sdxl/sdxl_txt2img.ts')
    expect(data.length).toBeGreaterThanOrEqual(10)
  })

  test('is alive, ready and measured', async () => {
    for (const path of ['/health', '/ready', '/metrics', '/openapi.json', '/models', '/instances']) {
      const answer = await fetch(program.url + path)
      await answer.arrayBuffer()
      expect(answer.status, path).toBe(200)
    }
  })

  test('answers a request with a job and its picture', async () => {
    const result = await client.run('/qwen/qwen_base_txt2img', picture)
    expect(result.status).toBe('succeeded')
    const [output] = result.outputs
    const bytes = await client.bytes(`/jobs/${result.id}/outputs/${String(output?.index)}`)
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([320, 256])
  })

  test('answers with the picture itself', async () => {
    const bytes = await pictureAs('image/png')
    expect(bytes.subarray(1, 4).toString('latin1')).toBe('PNG')
    expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([320, 256])
  })

  test('converts pictures', async () => {
    const body = { input: picture, convert_output: { format: 'webp' } }
    const result = await client.run('/qwen/qwen_base_txt2img', body)
    expect(result.outputs).toMatchObject([{ content_type: 'image/webp' }])
    const bytes = await client.bytes(`/jobs/${result.id}/outputs/0`)
    expect(bytes.subarray(8, 12).toString('latin1')).toBe('WEBP')
  })

  test('has its page with all that it shows', async () => {
    const page = await (await fetch(`${program.url}/docs/`)).text()
    const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
    expect(assets.length).toBeGreaterThan(4)
    for (const path of assets) {
      const answer = await fetch(new URL(path, `${program.url}/docs/`))
      expect(answer.status, path).toBe(200)
      expect((await answer.arrayBuffer()).byteLength, path).toBeGreaterThan(20)
    }
  })
})

test('SIGTERM ends it well', async () => {
  await using other = await startProgram(['--demo'], { home, env: { ...env, COMFYUI_API_DATA_DIR: home.at('other') } })
  expect(await other.end('SIGTERM')).toBe(0)
})

import { readFile } from 'node:fs/promises'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'
import { readBlocks } from '../support/read-document.ts'
import { DocumentReader } from '../support/run-document.ts'

const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
const blocks = readBlocks(readme)
let reader: DocumentReader

/** The command of the README that begins like this, word for word. */
function command(beginning: string): string {
  const line = readme.split('\n').find((candidate) => candidate.startsWith(beginning))
  if (line === undefined) throw new Error(`The README has no command that begins with ${beginning}`)
  return line
}

beforeAll(async () => {
  reader = await DocumentReader.begin()
  for (const { file, content } of blocks) if (file !== undefined) await reader.write(file, content)
  await reader.shell(command('npm start -- --workflows'))
}, 120_000)
afterAll(() => reader.end())

describe('the README, word for word', () => {
  test('says loudly that the pictures are simulated', async () => {
    await vi.waitUntil(() => reader.said.join('').includes('SIMULATED'), { timeout: 30_000 })
    const health = await (await fetch(`${reader.url}/health`)).text()
    expect(health.toLowerCase()).toContain('simulat')
    const docs = await (await fetch(`${reader.url}/openapi.json`)).text()
    expect(docs).toContain('SIMULATED')
  })

  test('a picture, as a file', async () => {
    await reader.shell(command("curl -X POST localhost:3000/qwen/qwen_base_txt2img -H 'accept: image/png'"))
    const picture = PNG.sync.read(await reader.read('out.png'))
    expect([picture.width, picture.height]).toEqual([1024, 1536])
  })

  test('the same as JSON', async () => {
    const result = resultSchema.parse(
      JSON.parse(await reader.shell(command('curl -X POST localhost:3000/qwen/qwen_base_txt2img -d'))),
    )
    expect(result.status).toBe('succeeded')
    expect(PNG.sync.read(Buffer.from(result.images[0] ?? '', 'base64')).width).toBe(1024)
    expect(result.filenames).toHaveLength(1)
  })

  test('progress, then the result, as server-sent events', async () => {
    const stream = await reader.shell(command('curl -N -X POST'))
    const events = [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)
    expect(events).toContain('progress')
    expect(events.at(-1)).toBe('end')
    const [last = ''] = [...stream.matchAll(/^data: (.*)$/gm)].map(([, data]) => data).slice(-1)
    expect(jobSchema.parse(JSON.parse(last)).status).toBe('succeeded')
  })

  test('at once, with the address of the job', async () => {
    const answer = await reader.shell(command('curl -i -X POST'))
    expect(answer).toMatch(/^HTTP\/1.1 202/)
    expect(answer).toMatch(/^location: \/jobs\//im)
    const list = z
      .looseObject({ data: z.array(jobSchema) })
      .parse(JSON.parse(await reader.shell(command('curl localhost:3000/jobs'))))
    expect(list.data.length).toBeGreaterThanOrEqual(3)
  })

  test('a workflow of your own, outside of the project', async () => {
    await reader.shell(command('curl -X POST localhost:3000/tools/enlarge'))
    const picture = PNG.sync.read(await reader.read('large.png'))
    expect([picture.width, picture.height]).toEqual([3072, 4608])
  })
})

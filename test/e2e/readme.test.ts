import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PNG } from 'pngjs'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { jobSchema } from '../../src/http/schemas/job.ts'
import { resultSchema } from '../../src/http/schemas/result.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const readme = await readFile(path.join(root, 'README.md'), 'utf8')
const run = promisify(execFile)

let port: number
let folder: string
let server: ChildProcess
const said: string[] = []

/** The command of the README that begins like this, word for word. */
function command(beginning: string): string {
  const line = readme.split('\n').find((candidate) => candidate.startsWith(beginning))
  if (line === undefined) throw new Error(`The README has no command that begins with ${beginning}`)
  return line
}

/** Runs a command in a shell. Its port is another one only where 3000 is taken on this machine. */
async function shell(line: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', line.replaceAll('localhost:3000', `localhost:${String(port)}`)], {
    cwd: folder,
  })
  return stdout
}

async function isFree(candidate: number): Promise<boolean> {
  const probe = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  probe.once('error', () => resolve(false))
  probe.listen(candidate, '127.0.0.1', () => probe.close(() => resolve(true)))
  return promise
}

async function answers(): Promise<boolean> {
  try {
    return (await fetch(`http://localhost:${String(port)}/ready`)).status === 200
  } catch {
    return false
  }
}

beforeAll(async () => {
  port = (await isFree(3000)) ? 3000 : 20_000 + Math.floor(Math.random() * 10_000)
  folder = await mkdtemp(path.join(os.tmpdir(), 'comfyui-api-readme-'))
  const [, moduleText = ''] = /Put this into `my-workflows\/tools\/enlarge\.ts`:\s+```ts\n(.*?)```/s.exec(readme) ?? []
  await mkdir(path.join(folder, 'my-workflows/tools'), { recursive: true })
  await writeFile(path.join(folder, 'my-workflows/tools/enlarge.ts'), moduleText)
  server = spawn('npm', ['start', '--', '--workflows', path.join(folder, 'my-workflows')], {
    cwd: root,
    // A group of its own, because npm starts a shell that starts the program.
    detached: true,
    env: { ...process.env, PORT: String(port), COMFYUI_API_DATA_DIR: path.join(folder, 'data') },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [server.stdout, server.stderr]) stream?.on('data', (data) => said.push(String(data)))
  await vi.waitUntil(answers, { timeout: 30_000, interval: 100 })
}, 40_000)

afterAll(async () => {
  const ended = new Promise((resolve) => server.once('exit', resolve))
  if (server.pid !== undefined) process.kill(-server.pid, 'SIGTERM')
  await ended
  await rm(folder, { recursive: true, force: true })
})

describe('the README, word for word', () => {
  test('says loudly that the pictures are simulated', async () => {
    expect(said.join('')).toContain('SIMULATED')
    const health = await (await fetch(`http://localhost:${String(port)}/health`)).text()
    expect(health.toLowerCase()).toContain('simulat')
    const docs = await (await fetch(`http://localhost:${String(port)}/openapi.json`)).text()
    expect(docs).toContain('SIMULATED')
  })

  test('a picture, as a file', async () => {
    await shell(command("curl -X POST localhost:3000/qwen/qwen_base_txt2img -H 'accept: image/png'"))
    const picture = PNG.sync.read(await readFile(path.join(folder, 'out.png')))
    expect([picture.width, picture.height]).toEqual([1024, 1536])
  })

  test('the same as JSON', async () => {
    const result = resultSchema.parse(
      JSON.parse(await shell(command('curl -X POST localhost:3000/qwen/qwen_base_txt2img -d'))),
    )
    expect(result.status).toBe('succeeded')
    expect(PNG.sync.read(Buffer.from(result.images[0] ?? '', 'base64')).width).toBe(1024)
    expect(result.filenames).toHaveLength(1)
  })

  test('progress, then the result, as server-sent events', async () => {
    const stream = await shell(command('curl -N -X POST'))
    const events = [...stream.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)
    expect(events).toContain('progress')
    expect(events.at(-1)).toBe('end')
    const [last = ''] = [...stream.matchAll(/^data: (.*)$/gm)].map(([, data]) => data).slice(-1)
    expect(jobSchema.parse(JSON.parse(last)).status).toBe('succeeded')
  })

  test('at once, with the address of the job', async () => {
    const answer = await shell(command('curl -i -X POST'))
    expect(answer).toMatch(/^HTTP\/1.1 202/)
    expect(answer).toMatch(/^location: \/jobs\//im)
    const list = z
      .looseObject({ data: z.array(jobSchema) })
      .parse(JSON.parse(await shell(command('curl localhost:3000/jobs'))))
    expect(list.data.length).toBeGreaterThanOrEqual(3)
  })

  test('a workflow of your own, outside of the project', async () => {
    await shell(command('curl -X POST localhost:3000/tools/enlarge'))
    const picture = PNG.sync.read(await readFile(path.join(folder, 'large.png')))
    expect([picture.width, picture.height]).toEqual([3072, 4608])
  })
})

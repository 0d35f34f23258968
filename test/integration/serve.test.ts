import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'comfyui-api.js')
const lineSchema = z.looseObject({ level: z.string(), msg: z.string() })
const listeningSchema = z.looseObject({
  url: z.string(),
  workflows: z.array(z.string()),
  isSimulated: z.boolean(),
  instances: z.array(z.object({ url: z.string(), version: z.string().optional() })),
})
type LogLine = z.infer<typeof lineSchema>

let dataDir: string
let server: ChildProcessByStdio<null, Readable, Readable> | undefined

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'serve-'))
})
afterEach(async () => {
  if (server?.exitCode === null && server.signalCode === null) {
    const exit = once(server, 'exit')
    server.kill('SIGKILL')
    await exit
  }
  server = undefined
  rmSync(dataDir, { recursive: true, force: true })
})

function serve(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const all = [launcher, 'serve', '--log-format', 'json', '--data-dir', dataDir, ...args]
  const child = spawn(process.execPath, all, {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  server = child
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    child,
    exit,
    /** Reads the log up to and including the first line with this message. */
    async logUntil(message: string): Promise<LogLine> {
      for (;;) {
        const { value, done } = await lines.next()
        if (done === true) throw new Error(`the log ended without "${message}": ${await text(child.stderr)}`)
        const line = lineSchema.parse(JSON.parse(value))
        if (line.msg === message) return line
      }
    },
    /** What a person reads when the start fails. */
    async failure(): Promise<{ code: unknown; message: string }> {
      const message = await text(child.stderr)
      return { code: (await exit)[0], message }
    },
  }
}

test('a demo starts, answers, reloads on SIGHUP and ends on SIGTERM', async () => {
  const { child, exit, logUntil } = serve(['--demo', '--port', '0'], { COMFYUI_API_DEMO_STEP_MS: '0' })
  await logUntil('SIMULATED: no ComfyUI and no GPU is used. Every picture is drawn by the built-in simulator.')
  const facts = listeningSchema.parse(await logUntil('listening'))
  expect(facts.isSimulated).toBe(true)
  expect(facts.workflows).toContain('qwen/qwen_base_txt2img')
  expect((await fetch(`${facts.url}/health`)).status).toBe(200)
  if (process.platform !== 'win32') {
    child.kill('SIGHUP')
    await logUntil('workflows reloaded')
  }
  child.kill('SIGTERM')
  await logUntil('closed')
  expect(await exit).toEqual([0, null])
})

test('faults of a demo are ordered at its start, and at the address of the simulator', async () => {
  const { logUntil } = serve(['--demo', '--port', '0', '--fault', 'oom,at=5', '--fault', 'ws-close=progress,every=5'])
  const { faults } = z.looseObject({ faults: z.url() }).parse(await logUntil('simulator ready'))
  const facts = listeningSchema.parse(await logUntil('listening'))
  const instances = z.array(z.object({ url: z.string() })).parse(facts.instances)
  expect(faults).toBe(`${instances[0]?.url.replace(/\/$/, '') ?? ''}/simulator/faults`)
  const armed = async (): Promise<unknown> =>
    z.object({ armed: z.unknown() }).parse(await (await fetch(faults)).json()).armed
  expect(await armed()).toMatchObject([{ spec: 'oom,at=5' }, { spec: 'ws-close=progress,every=5' }])
  await fetch(faults, { method: 'DELETE' })
  expect(await armed()).toEqual([])
})

test('a module that leaves errors behind ends nothing, and is named', async () => {
  const file = join(dataDir, 'careless.ts')
  writeFileSync(
    file,
    `import { z } from 'zod'
     async function lose(where: string) { throw new Error('lost ' + where) }
     void lose('at import')
     export default {
       RequestSchema: z.object({}),
       generateWorkflow: () => {
         void lose('in the function')
         setTimeout(() => { throw new Error('lost in a timer') }, 0)
         return { '1': { class_type: 'EmptyImage', inputs: {} } }
       },
     }`,
  )
  const { child, exit, logUntil } = serve([
    '--port',
    '0',
    '--comfyui-url',
    'http://127.0.0.1:9',
    '--workflows',
    dataDir,
  ])
  const lost = async (): Promise<unknown> => {
    const line = await logUntil('a workflow module left an error behind that nobody caught')
    expect(line).toMatchObject({ level: 'error', file })
    return z.object({ message: z.string() }).parse(line['err']).message
  }
  expect(await lost()).toBe('lost at import')
  const { url } = listeningSchema.parse(await logUntil('listening'))
  expect((await fetch(`${url}/workflows/careless/render`, { method: 'POST' })).status).toBe(200)
  const seen = new Set<unknown>()
  while (seen.size < 2) seen.add(await lost())
  expect(seen).toEqual(new Set(['lost in the function', 'lost in a timer']))
  expect((await fetch(`${url}/health`)).status).toBe(200)
  child.kill('SIGTERM')
  if (process.platform !== 'win32') expect(await exit).toEqual([0, null])
})

test('a server starts while its ComfyUI is down, and an address wins over the demo', async () => {
  const { logUntil } = serve(['--demo', '--port', '0', '--comfyui-url', 'http://127.0.0.1:9'])
  await logUntil('An address of ComfyUI is given, so it is used instead of the simulator.')
  const facts = listeningSchema.parse(await logUntil('listening'))
  expect(facts.isSimulated).toBe(false)
  expect((await fetch(`${facts.url}/ready`)).status).toBe(503)
})

describe('a start that fails is one clear line and exit code 1', () => {
  test('when the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    try {
      const address = other.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const { code, message } = await serve(['--demo', '--port', String(port)]).failure()
      expect(code).toBe(1)
      expect(message.trim()).toBe(
        `comfyui-api cannot start. Port ${port} of 127.0.0.1 is in use. Stop what listens there, or choose another port with --port.`,
      )
    } finally {
      other.close()
    }
  })

  test('when the data directory cannot be written', async () => {
    const file = join(dataDir, 'file')
    writeFileSync(file, '')
    const { code, message } = await serve(['--demo', '--port', '0', '--data-dir', join(file, 'below')]).failure()
    expect(code).toBe(1)
    expect(message).toContain('--data-dir')
    expect(message.trim().split('\n')).toHaveLength(1)
  })

  test('when a fault of the demo is none', async () => {
    const { code, message } = await serve(['--demo', '--port', '0', '--fault', 'crahs-every=20']).failure()
    expect(code).toBe(1)
    expect(message).toContain('"crahs-every=20" is no fault')
    expect(message).toContain('Did you mean crash?')
    expect(message.trim().split('\n')).toHaveLength(1)
  })

  test('when other machines could reach it without a key', async () => {
    const { code, message } = await serve(['--demo', '--host', '0.0.0.0']).failure()
    expect(code).toBe(1)
    expect(message).toContain('COMFYUI_API_KEY')
    expect(message).toContain('--allow-insecure-bind')
  })
})

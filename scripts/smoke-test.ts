/**
 * Packs what was built, installs it like a user would in an empty folder, starts the demo there together with the
 * workflow of the README, and makes some calls.
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { z } from 'zod'

const repository = join(import.meta.dirname, '..')
const startTimeoutMs = 60_000
const callTimeoutMs = 60_000
const exitTimeoutMs = 60_000
const pngSignature = '89504e470d0a1a0a'

const packResultSchema = z
  .array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }))
  .length(1)

const root = mkdtempSync(join(tmpdir(), 'smoke-'))
try {
  const tarball = pack()
  install(tarball)
  tryInit()
  await tryServer()
  console.log('The packed program works.')
} finally {
  rmSync(root, { recursive: true })
}

function pack(): string {
  const output = npm(repository, 'pack', '--json', '--ignore-scripts', '--pack-destination', root)
  const [packed] = packResultSchema.parse(JSON.parse(output))
  assert(packed)
  const paths = packed.files.map(({ path }) => path)
  const needed = ['bin/comfyui-api.js', 'dist/main.js', 'dist/index.d.ts', 'prompts/describe-workflow.md']
  for (const path of [...needed, 'workflows/qwen/qwen_base_txt2img.ts']) {
    assert(paths.includes(path), `${path} is not in the package`)
  }
  assert.deepEqual(
    paths.filter((path) => /^(src|test|scripts)\/|\.test\./.test(path)),
    [],
  )
  return join(root, packed.filename)
}

function install(tarball: string): void {
  writeFileSync(join(root, 'package.json'), '{"private":true}')
  npm(root, 'install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline', tarball)
  mkdirSync(join(root, 'my-workflows', 'tools'), { recursive: true })
  writeFileSync(join(root, 'my-workflows', 'tools', 'enlarge.ts'), readmeWorkflow())
}

function npm(folder: string, ...args: string[]): string {
  return execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

function readmeWorkflow(): string {
  const [, code] = /```ts\n(.*?)```/s.exec(readFileSync(join(repository, 'README.md'), 'utf8')) ?? []
  assert(code, 'README.md shows no workflow')
  return code
}

/** The types that the package brings are enough for its example. */
function tryInit(): void {
  const launcher = join(root, 'node_modules', 'comfyui-api', 'bin', 'comfyui-api.js')
  const folder = join(root, 'prepared')
  execFileSync(process.execPath, [launcher, 'init', folder], { stdio: ['ignore', 'ignore', 'inherit'] })
  const compiler = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  execFileSync(process.execPath, [compiler, '-p', folder], { stdio: ['ignore', 'inherit', 'inherit'] })
}

async function tryServer(): Promise<void> {
  const launcher = join(root, 'node_modules', 'comfyui-api', 'bin', 'comfyui-api.js')
  const args = [launcher, 'serve', '--demo', '--port', '0', '--workflows', 'my-workflows', '--log-format', 'json']
  const server = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, COMFYUI_API_DEMO_STEP_MS: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(server, 'close')
  const log: string[] = []
  const lines = createInterface({ input: server.stdout }).on('line', (line) => log.push(line))
  try {
    await callServer(await within(startTimeoutMs, findUrl(lines)))
    server.kill('SIGTERM')
    assert.deepEqual(await within(exitTimeoutMs, ended), [0, null])
  } catch (error) {
    console.error(`The log of the server:\n${log.join('\n')}`)
    throw error
  } finally {
    server.kill('SIGKILL')
  }
}

async function within<T>(timeoutMs: number, result: Promise<T>): Promise<T> {
  const timeout = AbortSignal.timeout(timeoutMs)
  return Promise.race([result, once(timeout, 'abort').then(() => assert.fail(`nothing within ${timeoutMs} ms`))])
}

function findUrl(lines: Interface): Promise<string> {
  const lineSchema = z.looseObject({ msg: z.string(), url: z.string().optional() })
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const { msg, url } = lineSchema.parse(JSON.parse(line))
      if (msg === 'listening' && url !== undefined) resolve(url)
    })
    lines.on('close', () => {
      reject(new Error('The server did not say where it listens.'))
    })
  })
}

async function callServer(url: string): Promise<void> {
  const call = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { ...init, signal: AbortSignal.timeout(callTimeoutMs) })
  const draw = async (path: string, body: object): Promise<Buffer> => {
    const headers = { accept: 'image/png', 'content-type': 'application/json' }
    const answer = await call(path, { method: 'POST', headers, body: JSON.stringify(body) })
    const bytes = Buffer.from(await answer.arrayBuffer())
    assert.equal(answer.status, 200, `${path}: ${bytes.subarray(0, 500).toString()}`)
    assert.equal(bytes.subarray(0, 8).toString('hex'), pngSignature, `${path} is no PNG`)
    return bytes
  }
  const widthOf = (png: Buffer) => png.readUInt32BE(16)

  for (const path of ['/health', '/ready', '/docs', '/openapi.json', '/metrics', '/workflows']) {
    const answer = await call(path)
    await answer.arrayBuffer()
    assert.equal(answer.status, 200, path)
  }
  const picture = await draw('/qwen/qwen_base_txt2img', { prompt: 'a lighthouse at dawn', width: 256, height: 256 })
  const enlarged = await draw('/tools/enlarge', { picture: picture.toString('base64'), factor: 3 })
  assert.equal(widthOf(enlarged), 3 * widthOf(picture))
  const refused = await call('/tools/enlarge', { method: 'POST', body: '{"factor":9}' })
  assert.equal(refused.status, 400, await refused.text())
}

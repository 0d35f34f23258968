import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { FileExistsError, writeTogether } from './write-together.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'together-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

const at = (file: string) => join(folder, file)
const files = () => readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()

test('files are written with their folders', async () => {
  const given = [
    { path: at('a/b/one.txt'), content: 'one' },
    { path: at('two.txt'), content: 'two' },
  ]
  await writeTogether(given, { isForced: false })
  expect(files()).toEqual(['a', 'a/b', 'a/b/one.txt', 'two.txt'])
  expect(readFileSync(at('a/b/one.txt'), 'utf8')).toBe('one')
})

test('what is there is written over by force only, unless it is the same', async () => {
  writeFileSync(at('one.txt'), 'one')
  writeFileSync(at('two.txt'), 'before')
  const before = statSync(at('one.txt')).ino
  const given = [
    { path: at('one.txt'), content: 'one' },
    { path: at('two.txt'), content: 'two' },
    { path: at('three.txt'), content: 'three' },
  ]
  await expect(writeTogether(given, { isForced: false })).rejects.toThrow(FileExistsError)
  expect(files()).toEqual(['one.txt', 'two.txt'])
  await writeTogether(given, { isForced: true })
  expect(files().map((file) => readFileSync(at(file), 'utf8'))).toEqual(['one', 'three', 'two'])
  expect(statSync(at('one.txt')).ino).toBe(before)
})

test.each([
  ['its folder is a file', 'blocked/x/two.txt'],
  ['it is a folder', 'taken'],
])('all is taken back where %s', async (_, second) => {
  writeFileSync(at('blocked'), '')
  mkdirSync(at('taken'))
  const given = [
    { path: at('made/deep/one.txt'), content: 'one' },
    { path: at(second), content: 'two' },
  ]
  await expect(writeTogether(given, { isForced: true })).rejects.toThrow()
  expect(files()).toEqual(['blocked', 'taken'])
})

test.runIf(process.platform === 'linux')('where no folder can be made, that is said', async () => {
  const files = [{ path: '/proc/no-such-process/one.txt', content: 'one' }]
  await expect(writeTogether(files, { isForced: true })).rejects.toThrow('/proc/no-such-process')
})

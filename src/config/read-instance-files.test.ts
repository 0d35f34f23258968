import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readInstanceFiles, watchInstanceFiles } from './read-instance-files.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'instances-'))
  file = path.join(folder, 'instances.txt')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('reads an address a line, without comments, empty lines and repeats', async () => {
  await writeFile(file, '# ours\nhttp://a:8188\n\n  http://b:8188/base/ \r\nhttp://a:8188\n')
  expect((await readInstanceFiles([file])).map(({ url }) => url)).toEqual(['http://a:8188', 'http://b:8188/base'])
})

test('names every line that is no address, and shows no password', async () => {
  await writeFile(file, 'http://a:8188\nftp://b\nhttp://user:secret@c/?x=1\n')
  const reading = readInstanceFiles([file])
  await expect(reading).rejects.toMatchObject({
    problems: [expect.stringContaining(':2 '), expect.stringContaining(':3 ')],
  })
  await expect(reading).rejects.not.toThrow('secret')
})

test('says which file cannot be read', async () => {
  await expect(readInstanceFiles([file])).rejects.toThrow(file)
})

test('tells changes, and nothing after it was closed', async () => {
  await writeFile(file, 'http://a:8188\n')
  const onChange = vi.fn()
  const watch = watchInstanceFiles([file], 10, onChange)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(onChange).not.toHaveBeenCalled()
  await writeFile(file, 'http://a:8188\nhttp://b:8188\n')
  await expect.poll(() => onChange.mock.calls.length).toBe(1)
  watch.close()
})

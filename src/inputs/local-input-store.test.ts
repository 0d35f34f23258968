import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeJpeg, makePng } from '../../test/support/make-image.ts'
import type { InputFile } from './input-file.ts'
import type { InputStore } from './input-store.ts'
import { createLocalInputStore } from './local-input-store.ts'

describe('local input store', () => {
  let parent: string
  let directory: string
  let nowMs: number
  let store: InputStore
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'inputs-'))
    directory = join(parent, 'inputs')
    nowMs = 1_000_000
    store = createLocalInputStore({ directory, maxBytes: 1_000_000, now: () => nowMs })
  })
  afterEach(async () => {
    await store.close()
    rmSync(parent, { recursive: true, force: true })
  })

  const contentOf = async (file: InputFile): Promise<Buffer | undefined> => {
    const stream = await store.open(file)
    return stream && buffer(stream)
  }

  test('stores an image under its content and gives it back', async () => {
    const bytes = makePng()
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const file = await store.put(bytes, '/image')
    expect(file).toEqual({
      name: `comfyui-api/${sha256}.png`,
      sha256,
      contentType: 'image/png',
      sizeBytes: bytes.length,
    })
    expect((await contentOf(file))?.equals(bytes)).toBe(true)
    expect(readdirSync(directory)).toEqual([`${sha256}.png`])
  })

  test('stores equal bytes once, also when they come at the same time', async () => {
    const [png, jpeg] = [makePng(), makeJpeg()]
    const files = await Promise.all([png, jpeg, Buffer.from(png), png, jpeg].map((bytes) => store.put(bytes, '/image')))
    expect(new Set(files.map(({ name }) => name)).size).toBe(2)
    expect(readdirSync(directory)).toHaveLength(2)
    expect(await store.put(png, '/mask')).toEqual(files[0])
  })

  test('counts a renewal as another put, and tells when the file is gone', async () => {
    const file = await store.put(makePng(), '/image')
    nowMs += 1000
    expect(store.renew(file)).toBe(true)
    await store.deleteUnusedBefore(nowMs, () => false)
    expect(await contentOf(file)).toBeDefined()
    await store.deleteUnusedBefore(nowMs + 1, () => false)
    expect(store.renew(file)).toBe(false)
    expect(store.renew({ ...file, name: '../inputs' })).toBe(false)
  })

  test('removes a file of its own, and nothing else', async () => {
    const [png, jpeg] = [await store.put(makePng(), '/image'), await store.put(makeJpeg(), '/image')]
    writeFileSync(join(parent, 'note.png'), 'mine')
    for (const name of [png.name, png.name, 'comfyui-api/../note.png', '../note.png', '']) store.remove(name)
    expect([await contentOf(png), await contentOf(jpeg)]).toEqual([undefined, expect.any(Buffer)])
    expect(readdirSync(parent).toSorted()).toEqual(['inputs', 'note.png'])
  })

  test('has what an earlier process stored', async () => {
    const bytes = makePng()
    const file = await store.put(bytes, '/image')
    await store.close()
    store = createLocalInputStore({ directory, maxBytes: 1_000_000 })
    expect((await contentOf(file))?.equals(bytes)).toBe(true)
    expect(await store.put(bytes, '/image')).toEqual(file)
  })

  test('removes what was last sent before a time and is not needed', async () => {
    const [old, needed, repeated] = await Promise.all(
      [makePng(1, 1), makePng(1, 2), makePng(1, 3)].map((bytes) => store.put(bytes, '/image')),
    )
    if (!old || !needed || !repeated) throw new Error('not stored')
    writeFileSync(join(directory, `${old.sha256}.png.9.part`), 'x')
    writeFileSync(join(directory, 'notes.txt'), 'x')
    nowMs += 60_000
    await store.put(makePng(1, 3), '/image')
    const fresh = await store.put(makePng(1, 4), '/image')
    await store.deleteUnusedBefore(nowMs - 1, (name) => name === needed.name)
    const kept = readdirSync(directory).filter((name) => name.endsWith('.png'))
    expect(kept.sort()).toEqual([needed, repeated, fresh].map(({ sha256 }) => `${sha256}.png`).sort())
    expect(await contentOf(old)).toBeUndefined()
    expect(readdirSync(directory)).toContain('notes.txt')
    await store.deleteUnusedBefore(Date.now() + 60_000, () => true)
    expect(readdirSync(directory)).not.toContain(`${old.sha256}.png.9.part`)
    expect(readdirSync(directory)).toContain('notes.txt')
  })

  test('never removes a file that a put has just answered with', async () => {
    const bytes = makePng()
    for (let round = 0; round < 30; round += 1) {
      await store.put(bytes, '/image')
      nowMs += 10_000
      const [file] = await Promise.all([store.put(bytes, '/image'), store.deleteUnusedBefore(nowMs, () => false)])
      expect((await contentOf(file))?.equals(bytes)).toBe(true)
    }
  })

  test.each([
    'comfyui-api/../../secret.png',
    '../secret.png',
    'comfyui-api/secret.png',
    `comfyui-api/${'a'.repeat(64)}.png/../x`,
    `comfyui-api/${'a'.repeat(64)}.png\n`,
    `comfyui-api/${'A'.repeat(64)}.png`,
    `/${'a'.repeat(64)}.png`,
    '',
  ])('never makes a path of the name %j', async (name) => {
    writeFileSync(join(directory, 'secret.png'), 'secret')
    expect(await store.open({ name, sha256: '', contentType: 'image/png', sizeBytes: 1 })).toBeUndefined()
  })

  test('refuses what is no image or too large, and stores nothing of it', async () => {
    await expect(store.put(Buffer.from('<svg/>'), '/mask')).rejects.toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer: '/mask' }],
    })
    const tight = createLocalInputStore({ directory, maxBytes: 10 })
    await expect(tight.put(makePng(), '/image')).rejects.toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer: '/image', code: 'too_large' }],
    })
    expect(readdirSync(directory)).toEqual([])
  })

  test('answers storage_unavailable when the folder is gone, and stores again when it is back', async () => {
    rmSync(directory, { recursive: true })
    const puts = await Promise.allSettled([store.put(makePng(), '/image'), store.put(makePng(), '/image')])
    for (const put of puts) {
      expect(put).toMatchObject({
        status: 'rejected',
        reason: { code: 'storage_unavailable', detail: 'An input cannot be stored (ENOENT).' },
      })
    }
    mkdirSync(directory)
    expect((await contentOf(await store.put(makePng(), '/image')))?.equals(makePng())).toBe(true)
    writeFileSync(join(parent, 'file'), 'x')
    expect(() => createLocalInputStore({ directory: join(parent, 'file'), maxBytes: 1 })).toThrow(
      expect.objectContaining({ code: 'storage_unavailable', detail: expect.stringContaining(parent) }),
    )
  })
})

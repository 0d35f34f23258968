import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makeGif, makeJpeg, makePng, makePngHeader, pngChunk } from '../../test/support/make-image.ts'
import type { InputFile } from './input-file.ts'
import type { InputStore } from './input-store.ts'
import { createLocalInputStore, type LocalInputStoreOptions } from './local-input-store.ts'

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

describe('what a local input store receives', () => {
  let directory: string
  let store: InputStore
  const start = (options: Partial<LocalInputStoreOptions> = {}) =>
    createLocalInputStore({ directory, maxBytes: 1000, maxFileBytes: 1_000_000, ...options })
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'inputs-'))
    store = start()
  })
  afterEach(async () => {
    await store.close()
    rmSync(directory, { recursive: true, force: true })
  })

  const small = makePng()
  /** More than is held in memory. */
  const large = makePngHeader(4, 3, pngChunk('tEXt', Buffer.alloc(600_000, 'a')))
  const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
  const parts = () => readdirSync(directory).filter((name) => name.endsWith('.part'))

  async function* inChunks(bytes: Buffer, error?: Error): AsyncGenerator<Buffer> {
    for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000)
    if (error !== undefined) throw error
  }

  test.each([
    ['small', small, 0],
    ['large', large, 1],
  ])('a %s file is hashed on the way, kept by its content, and stays when it is released', async (_, bytes, count) => {
    const received = await store.receive(inChunks(bytes), '/image')
    expect([received.sha256, received.sizeBytes]).toEqual([sha256Of(bytes), bytes.length])
    expect(parts()).toHaveLength(count)
    const file = await store.keep(received, '/image')
    expect(file).toEqual({
      name: `comfyui-api/${received.sha256}.png`,
      sha256: received.sha256,
      contentType: 'image/png',
      sizeBytes: bytes.length,
    })
    expect(await store.keep(received, '/image', 'any')).toEqual(file)
    await store.release(received)
    await store.release(received)
    expect(readdirSync(directory)).toEqual([`${received.sha256}.png`])
    const stream = await store.open(file)
    expect(stream && (await buffer(stream)).equals(bytes)).toBe(true)
  })

  test.each([
    ['small', makeGif(4, 3)],
    ['large', makeGif(4, 3, 20_000)],
  ])('what a %s file is not wanted as is refused, and nothing of it is kept', async (size, bytes) => {
    const received = await store.receive(inChunks(bytes), '/sound')
    await expect(store.keep(received, '/sound', 'audio')).rejects.toMatchObject({ code: 'unsupported_input' })
    const isTaken = store.check(received, '/film', 'video').then(({ contentType }) => contentType)
    await (size === 'small' ? expect(isTaken).resolves.toBe('image/gif') : expect(isTaken).rejects.toThrow('frames'))
    await store.release(received)
    expect(readdirSync(directory)).toEqual([])
  })

  test('the same bytes from many at once are one file', async () => {
    const received = await Promise.all([large, small, large, large].map((bytes) => store.receive(inChunks(bytes), '')))
    const files = await Promise.all(received.map((one) => store.keep(one, '', 'any')))
    files.push(await store.put(small, '/image'))
    await Promise.all(received.map((one) => store.release(one)))
    expect(new Set(files.map(({ name }) => name)).size).toBe(2)
    expect(readdirSync(directory)).toHaveLength(2)
  })

  test.each([
    [200_000, 1_000],
    [500_000, 400_000],
  ])(
    'a file of %i bytes where %i are taken leaves nothing, and is not read to its end',
    async (sizeBytes, maxFileBytes) => {
      store = start({ maxFileBytes })
      let readBytes = 0
      async function* counted(): AsyncGenerator<Buffer> {
        for await (const chunk of inChunks(Buffer.alloc(sizeBytes))) {
          readBytes += chunk.length
          yield chunk
        }
      }
      await expect(store.receive(counted(), '/film')).rejects.toMatchObject({
        code: 'body_too_large',
        errors: [{ pointer: '/film', code: 'too_large', message: expect.stringContaining('--max-file-mb') }],
      })
      expect(readBytes).toBeLessThan(sizeBytes)
      expect(readdirSync(directory)).toEqual([])
    },
  )

  test.each([small, large])('a source that fails leaves nothing, and its error is told', async (bytes) => {
    const gone = new Error('gone')
    await expect(store.receive(inChunks(bytes, gone), '/image')).rejects.toBe(gone)
    expect(readdirSync(directory)).toEqual([])
  })

  test.each<[string, (handle: FileHandle) => void]>([
    ['written', (handle) => void (handle.writeFile = () => Promise.reject(diskFull))],
    ['closed', (handle) => void (handle.close = closing(handle, diskFull))],
  ])('a disk that is full when a file is %s leaves nothing', async (_, spoil) => {
    store = start({
      openFile: async (...args) => {
        const handle = await open(...args)
        spoil(handle)
        return handle
      },
    })
    await expect(store.receive(inChunks(large), '/image')).rejects.toMatchObject({
      code: 'storage_unavailable',
      detail: expect.stringContaining('ENOSPC'),
    })
    expect(readdirSync(directory)).toEqual([])
  })

  test('a folder that is gone is told', async () => {
    rmSync(directory, { recursive: true })
    await expect(store.receive(inChunks(large), '/image')).rejects.toMatchObject({ code: 'storage_unavailable' })
    const received = await store.receive(inChunks(small), '/image')
    await expect(store.keep(received, '/image')).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  test('a file that is released while it is kept is kept, and cannot be kept any more', async () => {
    const received = await store.receive(inChunks(large), '/image')
    const keeping = store.keep(received, '/image')
    await store.release(received)
    expect((await keeping).sha256).toBe(received.sha256)
    expect(parts()).toEqual([])
    await expect(store.keep(received, '/image')).rejects.toMatchObject({ code: 'client_closed_request' })
  })

  test('what was left of an earlier process is removed at the start, and what is in use never', async () => {
    const received = await store.receive(inChunks(large), '/image')
    await store.deleteUnusedBefore(Date.now() + 1_000_000, () => false)
    expect(parts()).toHaveLength(1)
    const left = 'b6f1e3a0-5a51-4c3e-9d4f-0f6a2b7c8d9e.part'
    writeFileSync(join(directory, left), 'half of a film')
    writeFileSync(join(directory, 'note.part'), 'mine')
    await store.deleteUnusedBefore(Date.now() + 1_000_000, () => false)
    expect(parts()).not.toContain(left)
    await store.release(received)
    writeFileSync(join(directory, left), 'half of a film')
    await start().close()
    expect(parts()).toEqual(['note.part'])
  })

  test('what is not released is when the store closes', async () => {
    await store.receive(inChunks(large), '/image')
    await store.close()
    expect(readdirSync(directory)).toEqual([])
  })
})

const diskFull = Object.assign(new Error('no space left'), { code: 'ENOSPC', syscall: 'write' })

/** Closes, and says that it could not, as some file systems do. */
function closing(handle: FileHandle, error: Error): () => Promise<void> {
  const close = handle.close.bind(handle)
  return () => close().then(() => Promise.reject(error))
}

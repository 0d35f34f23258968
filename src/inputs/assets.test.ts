import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { makePng } from '../../test/support/make-image.ts'
import { flacOf, glbOf, mp4Of } from '../../test/support/make-media.ts'
import { type Asset, type Assets, createAssets } from './assets.ts'
import type { InputStore } from './input-store.ts'
import { createLocalInputStore } from './local-input-store.ts'

const retentionMs = 60_000
const absent = 'f'.repeat(64)

describe('assets', () => {
  let parent: string
  let nowMs: number
  let inputs: InputStore
  let assets: Assets
  let needed: Set<string>
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'assets-'))
    nowMs = 1_700_000_000_000
    needed = new Set()
    open()
  })
  afterEach(async () => {
    await close()
    rmSync(parent, { recursive: true, force: true })
  })

  function open(): void {
    const now = () => nowMs
    inputs = createLocalInputStore({
      directory: join(parent, 'inputs'),
      maxBytes: 1_000_000,
      maxFileBytes: 1_000_000,
      now,
    })
    const directory = join(parent, 'assets')
    assets = createAssets({ inputs, directory, retentionMs, isNeeded: (name) => needed.has(name), now })
  }
  async function close(): Promise<void> {
    await assets.close()
    await inputs.close()
  }
  const listed = (folder: 'inputs' | 'assets') => readdirSync(join(parent, folder))
  const sweep = () => inputs.deleteUnusedBefore(nowMs, (name) => assets.holds(name) || needed.has(name))

  async function add(bytes: Buffer = makePng()): Promise<{ asset: Asset; isNew: boolean }> {
    const received = await inputs.receive(oneChunk(bytes), '')
    try {
      return await assets.add(received, '')
    } finally {
      await inputs.release(received)
    }
  }
  async function* oneChunk(bytes: Buffer): AsyncGenerator<Buffer> {
    yield bytes
  }
  const refusal = (code: string): unknown =>
    expect.objectContaining({
      code: 'unsupported_input',
      errors: [expect.objectContaining({ pointer: '/image', code })],
    })

  test('what was added is there under the hash of its bytes, kept once', async () => {
    const { asset, isNew } = await add()
    expect(isNew).toBe(true)
    expect(asset).toEqual({
      id: asset.file.sha256,
      file: asset.file,
      createdAtMs: nowMs,
      expiresAtMs: nowMs + retentionMs,
    })
    expect(assets.get(asset.id)).toEqual(asset)
    expect(listed('inputs')).toEqual([`${asset.id}.png`])
    expect(listed('assets')).toEqual([`${asset.id}.json`])
  })

  test('the same bytes are the same asset, with a new time', async () => {
    const first = await add()
    nowMs += 1000
    const second = await add()
    expect(second).toEqual({
      asset: { ...first.asset, expiresAtMs: nowMs + retentionMs },
      isNew: false,
    })
  })

  test('of the same bytes that come at once one is new', async () => {
    const added = await Promise.all([add(), add(), add()])
    expect(added.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(new Set(added.map(({ asset }) => asset.id)).size).toBe(1)
    expect(listed('assets')).toHaveLength(1)
  })

  test('what is no media is refused, and leaves nothing', async () => {
    await expect(add(Buffer.from('no media at all'))).rejects.toMatchObject({ code: 'unsupported_input' })
    expect([...listed('inputs'), ...listed('assets')]).toEqual([])
  })

  test('a use goes where the kind fits, and gives it a new time', async () => {
    const { asset } = await add()
    nowMs += retentionMs - 1
    expect(await assets.use(asset.id, '/image', 'image')).toEqual(asset.file)
    nowMs += retentionMs - 1
    expect(assets.find(asset.id, '/image', 'image')).toEqual(asset.file)
    await expect(assets.use(asset.id, '/image', 'audio')).rejects.toThrow(refusal('unsupported_type'))
    nowMs += 1
    await expect(assets.use(asset.id, '/image', 'image')).rejects.toThrow(refusal('asset_not_found'))
  })

  test('videos go where sounds are wanted, and models only where models are', async () => {
    const [video, model] = [(await add(mp4Of([], 'iso'))).asset, (await add(glbOf({}))).asset]
    expect(assets.find(video.id, '/image', 'video')).toEqual(video.file)
    expect(assets.find(video.id, '/image', 'audio')).toEqual(video.file)
    expect(() => assets.find(video.id, '/image', 'image')).toThrow(refusal('unsupported_type'))
    expect(assets.find(model.id, '/image', '3d')).toEqual(model.file)
    expect(() => assets.find(model.id, '/image', 'video')).toThrow(refusal('unsupported_type'))
  })

  test.each(['', absent, absent.toUpperCase(), `../assets/${absent}`, '__proto__', 'x'.repeat(10_000)])(
    'there is no asset %s',
    async (id) => {
      expect(assets.get(id)).toBeUndefined()
      expect(assets.remove(id)).toBe(false)
      await expect(assets.use(id, '/image', 'image')).rejects.toThrow(refusal('asset_not_found'))
    },
  )

  test('the clean-up leaves what an asset holds until its time is over', async () => {
    const { asset } = await add()
    nowMs += retentionMs - 1
    await sweep()
    expect(listed('inputs')).toHaveLength(1)
    nowMs += 1
    await sweep()
    expect([...listed('inputs'), ...listed('assets')]).toEqual([])
    expect(assets.get(asset.id)).toBeUndefined()
  })

  test('after its time the bytes stay for a job that needs them', async () => {
    const { asset } = await add()
    needed.add(asset.file.name)
    nowMs += retentionMs
    await sweep()
    expect(listed('assets')).toEqual([])
    expect(listed('inputs')).toHaveLength(1)
  })

  test('a removal takes the bytes with it, unless a job needs them', async () => {
    const png = (await add()).asset
    const sound = (await add(flacOf([]))).asset
    needed.add(sound.file.name)
    expect(assets.remove(png.id)).toBe(true)
    expect(assets.remove(sound.id)).toBe(true)
    expect(assets.remove(sound.id)).toBe(false)
    expect(listed('inputs')).toEqual([sound.file.name.split('/').at(-1)])
    expect(listed('assets')).toEqual([])
  })

  test('while it is added again a removal leaves the bytes', async () => {
    const { asset } = await add()
    const received = await inputs.receive(oneChunk(makePng()), '')
    const adding = assets.add(received, '')
    assets.remove(asset.id)
    expect(await adding).toMatchObject({ asset: { id: asset.id } })
    await inputs.release(received)
    expect(await inputs.open(asset.file).then((stream) => stream?.destroy())).toBeDefined()
    expect(assets.get(asset.id)).toBeDefined()
  })

  test('an asset whose bytes are gone is gone', async () => {
    const { asset } = await add()
    inputs.remove(asset.file.name)
    await expect(assets.use(asset.id, '/image', 'image')).rejects.toThrow(refusal('asset_not_found'))
    expect(assets.get(asset.id)).toBeUndefined()
    expect(listed('assets')).toEqual([])
  })

  test('a new process knows them as they were, and clears away what a crash left', async () => {
    const { asset } = await add()
    const other = (await add(flacOf([]))).asset
    nowMs += 1000
    await assets.use(asset.id, '/image', 'image')
    await close()
    writeFileSync(join(parent, 'assets', `${other.id}.json`), '{"name": "comfy')
    writeFileSync(join(parent, 'assets', `${absent}.json.1.part`), '{}')
    writeFileSync(join(parent, 'assets', 'note.txt'), 'not ours')
    open()
    expect(assets.get(asset.id)).toEqual({ ...asset, expiresAtMs: nowMs + retentionMs })
    expect(assets.get(other.id)).toBeUndefined()
    expect(listed('assets').sort()).toEqual([`${asset.id}.json`, 'note.txt'].sort())
  })

  test('a folder that cannot be made is told', () => {
    writeFileSync(join(parent, 'file'), '')
    const directory = join(parent, 'file', 'assets')
    expect(() => createAssets({ inputs, directory, retentionMs, isNeeded: () => false })).toThrow(
      expect.objectContaining({ code: 'storage_unavailable' }),
    )
  })
})

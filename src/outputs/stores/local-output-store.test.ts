import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createLocalOutputStore } from './local-output-store.ts'

const small = 1000
const large = 300_000

describe('local output store', () => {
  let parent: string
  let directory: string
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'outputs-'))
    directory = join(parent, 'outputs')
  })
  afterEach(() => {
    chmodSync(parent, 0o700)
    rmSync(parent, { recursive: true, force: true })
  })

  const noMemory = (): ReturnType<typeof createLocalOutputStore> =>
    createLocalOutputStore({ directory, recentBytes: 0 })
  const inMemory = (): ReturnType<typeof createLocalOutputStore> => createLocalOutputStore({ directory })

  async function* chunked(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
    for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size)
  }

  describe.each([
    { name: 'from disk', create: noMemory },
    { name: 'from memory', create: inMemory },
  ])('$name', ({ create }) => {
    test.each([0, 1, small, 262_144, 262_145, large])(
      'gives back %i bytes, whole, as a stream and in parts',
      async (size) => {
        const store = create()
        const jobId = randomUUID()
        const bytes = randomBytes(size)
        expect(await store.write(jobId, 0, bytes)).toEqual({ sizeBytes: size })
        expect(await store.write(jobId, 1, chunked(bytes, 70_000))).toEqual({ sizeBytes: size })
        for (const index of [0, 1]) {
          expect((await store.read(jobId, index))?.equals(bytes)).toBe(true)
          const stream = await store.open(jobId, index)
          if (stream === undefined) throw new Error('nothing there')
          expect((await buffer(stream)).equals(bytes)).toBe(true)
        }
        expect(readFileSync(join(directory, `${jobId}.0`)).equals(bytes)).toBe(true)
        expect(readdirSync(directory).sort()).toEqual([`${jobId}.0`, `${jobId}.1`])
        await store.close()
      },
    )

    test('gives an output in pieces, as far as they are wanted, and says whether there is one', async () => {
      const store = create()
      const jobId = randomUUID()
      const bytes = randomBytes(large)
      await store.write(jobId, 0, bytes)
      const pieces: Buffer[] = []
      const keep = (piece: Buffer) => pieces.push(Buffer.from(piece)) > 0
      expect(await store.scan(jobId, 0, keep)).toBe(true)
      expect(Buffer.concat(pieces).equals(bytes)).toBe(true)
      let visits = 0
      expect(await store.scan(jobId, 0, () => ++visits < 1)).toBe(true)
      expect(visits).toBe(1)
      expect(await store.scan(jobId, 1, keep)).toBe(false)
      const failure = new Error('of the visitor')
      await expect(store.scan(jobId, 0, () => Promise.reject(failure))).rejects.toBe(failure)
    })

    test('gives every range that lies inside', async () => {
      const store = create()
      const jobId = randomUUID()
      const bytes = randomBytes(5000)
      await store.write(jobId, 0, bytes)
      const place = fc.integer({ min: 0, max: bytes.length - 1 })
      await fc.assert(
        fc.asyncProperty(place, place, async (a, b) => {
          const range = { start: Math.min(a, b), end: Math.max(a, b) }
          const stream = await store.open(jobId, 0, range)
          if (stream === undefined) throw new Error('nothing there')
          expect((await buffer(stream)).equals(bytes.subarray(range.start, range.end + 1))).toBe(true)
        }),
        { numRuns: 50 },
      )
    })

    test('takes the output of a later attempt in place of an earlier one', async () => {
      const store = create()
      const jobId = randomUUID()
      for (const size of [large, small, large, 10]) {
        const bytes = randomBytes(size)
        await store.write(jobId, 0, bytes)
        expect((await store.read(jobId, 0))?.equals(bytes)).toBe(true)
        const streamed = randomBytes(size)
        await store.write(jobId, 0, chunked(streamed, 999))
        expect((await store.read(jobId, 0))?.equals(streamed)).toBe(true)
      }
    })

    test('removes the outputs of one job, present or not', async () => {
      const store = create()
      const [gone, kept] = [randomUUID(), randomUUID()]
      await store.write(gone, 0, randomBytes(small))
      await store.write(gone, 2, randomBytes(large))
      await store.write(kept, 0, randomBytes(small))
      await store.remove(gone, 3)
      await store.remove(gone, 3)
      expect(await store.read(gone, 0)).toBeUndefined()
      expect(await store.open(gone, 2)).toBeUndefined()
      expect(readdirSync(directory)).toEqual([`${kept}.0`])
    })

    test('has nothing of a job it never saw', async () => {
      const store = create()
      expect(await store.read(randomUUID(), 0)).toBeUndefined()
      expect(await store.open(randomUUID(), 0, { start: 0, end: 1 })).toBeUndefined()
    })
  })

  test('answers from memory right after writing, within its limit', async () => {
    const store = createLocalOutputStore({ directory, recentBytes: 5.1 * small })
    const jobId = randomUUID()
    for (let index = 0; index < 6; index += 1) await store.write(jobId, index, Buffer.alloc(small, index))
    rmSync(directory, { recursive: true })
    const found = await Promise.all([0, 1, 2, 3, 4, 5].map(async (index) => (await store.read(jobId, index))?.[0]))
    expect(found).toEqual([undefined, undefined, 2, 3, 4, 5])
  })

  test('where nothing need be durable, writes the oldest small outputs only when memory for them runs out', async () => {
    const store = createLocalOutputStore({ directory, isDurable: false, recentBytes: 3 * small })
    const jobs = [randomUUID(), randomUUID(), randomUUID(), randomUUID()]
    const bytes = randomBytes(small)
    for (const job of jobs) await store.write(job, 0, bytes)
    expect(readdirSync(directory).sort()).toEqual([`${jobs[0]}.0`, `${jobs[1]}.0`].sort())
    for (const job of jobs) {
      expect((await store.read(job, 0))?.equals(bytes)).toBe(true)
      const part = await store.open(job, 0, { start: 10, end: 19 })
      expect(part && (await buffer(part)).equals(bytes.subarray(10, 20))).toBe(true)
      await store.write(job, 0, Buffer.from('later'))
      expect(String(await store.read(job, 0))).toBe('later')
      await store.remove(job, 1)
      expect(await store.read(job, 0)).toBeUndefined()
    }
    expect(readdirSync(directory)).toEqual([])
  })

  test('keeps no larger memory alive for a small output', async () => {
    const store = inMemory()
    const jobId = randomUUID()
    await store.write(jobId, 0, Buffer.alloc(1_000_000).subarray(0, small))
    expect((await store.read(jobId, 0))?.buffer.byteLength).toBeLessThan(100_000)
  })

  test.each([
    '',
    '..',
    '../../etc/passwd',
    'a/b',
    'a\u0000',
    `${randomUUID()}/..`,
    ` ${randomUUID()}`,
    `${randomUUID()}\n`,
  ])('never makes a path of %j', async (jobId) => {
    const store = noMemory()
    writeFileSync(join(parent, 'secret.0'), 'secret')
    await expect(store.write(jobId, 0, Buffer.from('x'))).rejects.toMatchObject({ code: 'internal_error' })
    expect(await store.read(jobId, 0)).toBeUndefined()
    expect(await store.open(jobId, 0)).toBeUndefined()
    await store.remove(jobId, 3)
    expect(readdirSync(directory)).toEqual([])
  })

  test.each([-1, 0.5, NaN, Infinity])('never makes a path of the index %d', async (index) => {
    const store = noMemory()
    await expect(store.write(randomUUID(), index, Buffer.from('x'))).rejects.toMatchObject({ code: 'internal_error' })
    expect(await store.read(randomUUID(), index)).toBeUndefined()
  })

  test('leaves nothing behind when the source fails, and passes its error on', async () => {
    const store = noMemory()
    const failure = new Error('the instance went away')
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield Buffer.alloc(100_000)
      throw failure
    }
    await expect(store.write(randomUUID(), 0, failing())).rejects.toBe(failure)
    expect(readdirSync(directory)).toEqual([])
  })

  test.each(['buffer of one write', 'large buffer', 'stream'])(
    'answers storage_unavailable when a %s cannot be written',
    async (form) => {
      const store = noMemory()
      const jobId = randomUUID()
      rmSync(directory, { recursive: true })
      const stream = Readable.from([Buffer.alloc(10), Buffer.alloc(10)])
      const source = form === 'stream' ? stream : Buffer.alloc(form === 'large buffer' ? large : small)
      await expect(store.write(jobId, 0, source)).rejects.toMatchObject({
        code: 'storage_unavailable',
        detail: expect.stringMatching(/^An output cannot be stored \(ENOENT\)\.$/),
      })
      if (form === 'stream') expect(stream.destroyed).toBe(true)
    },
  )

  test('leaves nothing behind when the place of the output is taken by a folder', async () => {
    const store = noMemory()
    const jobId = randomUUID()
    mkdirSync(join(directory, `${jobId}.0`, 'sub'), { recursive: true })
    await expect(store.write(jobId, 0, chunked(randomBytes(small), 100))).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
    await expect(store.write(jobId, 0, randomBytes(small))).rejects.toMatchObject({ code: 'storage_unavailable' })
    expect(readdirSync(directory)).toEqual([`${jobId}.0`])
    await expect(store.read(jobId, 0)).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  test('reads no further than it has written', async () => {
    const store = noMemory()
    let ahead = 0
    let most = 0
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 20; index += 1) {
        ahead += 1
        most = Math.max(most, ahead)
        yield Buffer.alloc(10_000)
        ahead -= 1
      }
    }
    await store.write(randomUUID(), 0, source())
    expect(most).toBe(1)
  })

  test('keeps two writers of the same output apart', async () => {
    const store = noMemory()
    const jobId = randomUUID()
    const [a, b] = [Buffer.alloc(large, 1), Buffer.alloc(large, 2)]
    await Promise.all([store.write(jobId, 0, chunked(a, 1000)), store.write(jobId, 0, chunked(b, 1300))])
    const kept = await store.read(jobId, 0)
    expect(kept?.equals(a) === true || kept?.equals(b) === true).toBe(true)
    expect(readdirSync(directory)).toEqual([`${jobId}.0`])
  })

  test('clears away what a crash left, and nothing else', async () => {
    const [known, unknown] = [randomUUID(), randomUUID()]
    const store = noMemory()
    await store.write(known, 0, Buffer.from('k'))
    await store.write(unknown, 0, Buffer.from('u'))
    await store.write(unknown, 1, Buffer.from('u'))
    for (const name of [`${known}.1.7.part`, 'notes.txt']) writeFileSync(join(directory, name), 'x')
    expect(await noMemory().takeUp((jobId) => jobId === known)).toBe(3)
    expect(readdirSync(directory).sort()).toEqual([`${known}.0`, 'notes.txt'].sort())
  })

  describe('with a limit', () => {
    const limited = (
      maxBytes: number,
      options: { isDurable?: boolean; isOpen?: (jobId: string) => boolean } = {},
    ): ReturnType<typeof createLocalOutputStore> => createLocalOutputStore({ directory, maxBytes, ...options })

    async function writeJobs(store: ReturnType<typeof createLocalOutputStore>, count: number): Promise<string[]> {
      const jobs = Array.from({ length: count }, () => randomUUID())
      for (const job of jobs) await store.write(job, 0, randomBytes(small))
      return jobs
    }

    test.each([
      ['on disk', true],
      ['in memory', false],
    ])('removes the oldest outputs %s, and says how much there is', async (_where, isDurable) => {
      const store = limited(2.5 * small, { isDurable })
      const jobs = await writeJobs(store, 4)
      const found = await Promise.all(jobs.map(async (job) => (await store.read(job, 0)) !== undefined))
      expect(found).toEqual([false, false, true, true])
      expect(await store.open(jobs[0] ?? '', 0)).toBeUndefined()
      expect(store.usage()).toEqual({ keptBytes: 2 * small, removedOutputs: 2 })
      await store.remove(jobs[3] ?? '', 1)
      expect(store.usage()).toEqual({ keptBytes: small, removedOutputs: 2 })
    })

    test('keeps what is being read until it is closed, from disk and from memory', async () => {
      for (const size of [small, large]) {
        const store = limited(1)
        const read = randomUUID()
        const bytes = randomBytes(size)
        await store.write(read, 0, bytes)
        await store.write(read, 1, Buffer.from('x'))
        const stream = await store.open(read, 0)
        if (stream === undefined) throw new Error('nothing there')
        await writeJobs(store, 2)
        expect(await store.read(read, 1)).toEqual(Buffer.from('x'))
        expect((await buffer(stream)).equals(bytes)).toBe(true)
        if (!stream.closed) await once(stream, 'close')
        await writeJobs(store, 1)
        expect(await store.read(read, 0)).toBeUndefined()
        expect(await store.read(read, 1)).toBeUndefined()
      }
    })

    test('lets go of what nobody reads to its end', async () => {
      const store = limited(1)
      const [read = ''] = await writeJobs(store, 1)
      const stream = await store.open(read, 0)
      stream?.destroy()
      if (stream !== undefined && !stream.closed) await once(stream, 'close')
      await writeJobs(store, 1)
      expect(await store.read(read, 0)).toBeUndefined()
    })

    test('keeps the outputs of jobs that have not ended', async () => {
      const open = new Set<string>()
      const store = limited(1, { isOpen: (jobId) => open.has(jobId) })
      const job = randomUUID()
      open.add(job)
      await store.write(job, 0, randomBytes(small))
      await writeJobs(store, 3)
      expect(await store.read(job, 0)).toHaveLength(small)
      open.delete(job)
      await writeJobs(store, 1)
      expect(await store.read(job, 0)).toBeUndefined()
    })

    test('counts what an earlier process left, by the age of the files', async () => {
      const jobs = await writeJobs(noMemory(), 4)
      for (const [age, job] of jobs.entries()) utimesSync(join(directory, `${job}.0`), 2000 - age, 2000 - age)
      const store = limited(2.5 * small)
      expect(await store.takeUp(() => true)).toBe(0)
      expect(readdirSync(directory).sort()).toEqual([`${jobs[0]}.0`, `${jobs[1]}.0`].sort())
      expect(store.usage()).toEqual({ keptBytes: 2 * small, removedOutputs: 2 })
    })
  })

  test('says which folder cannot be made', () => {
    writeFileSync(directory, 'a file')
    expect(() => noMemory()).toThrow(
      expect.objectContaining({ code: 'storage_unavailable', detail: expect.stringContaining(directory) }),
    )
  })
})

import { randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { pngChunk, pngOf, pngText } from '../../../test/support/make-media.ts'
import { ComfyuiError } from '../../comfyui/comfyui-error.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { createLocalOutputStore } from '../../outputs/stores/local-output-store.ts'
import { storeOutputs } from './store-outputs.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'outputs-'))
})
afterEach(() => {
  vi.useRealTimers()
  rmSync(directory, { recursive: true, force: true })
})

function storeTwo(openFile: (filename: string) => Promise<{ body: Buffer }>) {
  const image = (filename: string) => ({ filename, subfolder: '', type: 'output' })
  return storeOutputs({
    jobId: randomUUID(),
    workflow: 'test/picture',
    outputs: { 9: { images: [image('a.png'), image('b.png')] } },
    outputNames: {},
    openFile: ({ filename }) => openFile(filename),
    store: createLocalOutputStore({ directory }),
    onStored: () => {},
    onWarning: () => {},
  })
}

test('keeps all outputs of a job', async () => {
  const stored = await storeTwo(() => Promise.resolve({ body: Buffer.from('bytes') }))
  expect(stored.map(({ index, sizeBytes }) => [index, sizeBytes])).toEqual([
    [0, 5],
    [1, 5],
  ])
  expect(readdirSync(directory)).toHaveLength(2)
})

test('leaves nothing behind when one of the outputs cannot be had', async () => {
  const refused = new ComfyuiError('bad_answer', 'no such file')
  const storing = storeTwo((filename) =>
    filename === 'b.png' ? Promise.reject(refused) : Promise.resolve({ body: Buffer.from('bytes') }),
  )
  await expect(storing).rejects.toBe(refused)
  expect(readdirSync(directory)).toEqual([])
})

test('names outputs as the workflow does, files and texts in order', async () => {
  const told: number[] = []
  const stored = await storeOutputs({
    jobId: randomUUID(),
    workflow: 'test/picture',
    outputs: { 9: { images: [{ filename: 'a.png', subfolder: '', type: 'output' }] }, 12: { text: ['seen'] } },
    outputNames: { picture: '9' },
    openFile: () => Promise.resolve({ body: Readable.from([Buffer.from('by'), Buffer.from('tes')]) }),
    store: createLocalOutputStore({ directory }),
    onStored: ({ index }) => void told.push(index),
    onWarning: (text) => expect.unreachable(text),
  })
  expect(stored).toMatchObject([
    {
      index: 0,
      nodeId: '9',
      name: 'picture',
      kind: 'image',
      contentType: 'image/png',
      sizeBytes: 5,
      filename: expect.stringMatching(/^picture-picture-[0-9a-f]{8}\.png$/),
    },
    {
      index: 1,
      nodeId: '12',
      name: undefined,
      kind: 'text',
      sizeBytes: 4,
      filename: expect.stringMatching(/^picture-[0-9a-f]{8}-1\.txt$/),
    },
  ])
  expect(told).toEqual([0, 1])
})

describe('metadata that is to be stripped', () => {
  const pixels = pngChunk('IDAT', Buffer.from('pixels'))
  const picture = pngOf(pngText.plain(['prompt', '{"1": {"class_type": "EmptyImage"}}']), pixels)
  const store = async (filename: string, body: Buffer | Readable) => {
    const warnings: string[] = []
    const stored = await storeOutputs({
      jobId: randomUUID(),
      workflow: 'test/picture',
      outputs: { 9: { images: [{ filename, subfolder: '', type: 'output' }] } },
      outputNames: {},
      openFile: () => Promise.resolve({ body }),
      stripsMetadata: true,
      store: createLocalOutputStore({ directory }),
      onStored: () => {},
      onWarning: (text) => void warnings.push(text),
    })
    const [file = ''] = readdirSync(directory)
    return { output: stored[0], warnings, bytes: readFileSync(join(directory, file)) }
  }

  test.each([
    ['in memory', () => picture],
    ['as a stream', () => Readable.from([picture.subarray(0, 30), picture.subarray(30)])],
  ])('is not in the file that is stored, %s', async (_how, body) => {
    const { output, warnings, bytes } = await store('a.png', body())
    expect(bytes).toEqual(pngOf(pixels))
    expect(output).toMatchObject({ sizeBytes: bytes.length, isStripped: true })
    expect(warnings).toEqual([])
  })

  test.each([
    [
      'a.exr',
      Buffer.from('v/1\x01 something'),
      /^a\.exr: its metadata could not be removed, because its format is not known\.$/,
    ],
    ['b.png', picture.subarray(0, -5), /^b\.png: .* because a part of it cannot be read\.$/],
  ])('cannot be removed from %s, which is stored all the same', async (filename, body, warning) => {
    const { output, warnings } = await store(filename, body)
    expect(output?.sizeBytes).toBeGreaterThan(0)
    expect(output).not.toHaveProperty('isStripped')
    expect(warnings).toEqual([expect.stringMatching(warning)])
  })

  test('is not looked for in texts', async () => {
    const { output, warnings, bytes } = await store('a.txt', Buffer.from('a text'))
    expect(bytes.toString()).toBe('a text')
    expect(output).not.toHaveProperty('isStripped')
    expect(warnings).toEqual([])
  })
})

test('says why a job that went well has nothing to show', async () => {
  const warnings: string[] = []
  const stored = await storeOutputs({
    jobId: randomUUID(),
    workflow: 'test/picture',
    outputs: { 9: { images: [{ source: 'unheard' }], points: [{ x: 64 }], dims: [64] } },
    outputNames: {},
    openFile: () => expect.unreachable('there is no file'),
    store: createLocalOutputStore({ directory }),
    onStored: () => {},
    onWarning: (text) => void warnings.push(text),
  })
  expect(stored).toEqual([])
  expect(warnings).toEqual([expect.stringContaining('`images` of node 9, `points` of node 9')])
})

test.each([
  [2, 'kept'],
  [3, 'lost'],
])('a file whose transfer broke off %i times is %s', async (failures, outcome) => {
  vi.useFakeTimers({ toFake: ['setTimeout'] })
  const interrupted = new ComfyuiError('interrupted', 'reset')
  let calls = 0
  const storing = storeTwo(() =>
    ++calls <= failures ? Promise.reject(interrupted) : Promise.resolve({ body: Buffer.from('bytes') }),
  ).then(
    () => 'kept',
    (error: unknown) => (error === interrupted ? 'lost' : error),
  )
  await vi.advanceTimersByTimeAsync(5000)
  expect(await storing).toBe(outcome)
  expect(calls).toBe(outcome === 'kept' ? failures + 2 : failures)
})

test('stores what images were converted to, and everything else as it is', async () => {
  const seen: string[] = []
  const warnings: string[] = []
  const file = (filename: string) => ({ filename, subfolder: '', type: 'output' })
  const store = createLocalOutputStore({ directory })
  const jobId = randomUUID()
  const stored = await storeOutputs({
    jobId,
    workflow: 'test/picture',
    outputs: { 9: { images: [file('a.b.png'), file('clip.mp4')] }, 12: { text: ['seen'] } },
    outputNames: {},
    openFile: ({ filename }) =>
      Promise.resolve({ body: Readable.from([Buffer.from(filename.slice(0, 1)), Buffer.from(filename.slice(1))]) }),
    convertImage: (image) => {
      seen.push(image.toString())
      const bytes = Buffer.from('converted')
      return Promise.resolve({ bytes, contentType: 'image/webp', extension: 'webp', warning: 'It was shortened.' })
    },
    store,
    onStored: () => {},
    onWarning: (text) => void warnings.push(text),
  })
  expect(stored.map(({ filename, contentType, sizeBytes }) => [filename, contentType, sizeBytes])).toEqual([
    [`picture-${jobId.slice(0, 8)}.webp`, 'image/webp', 9],
    [`picture-${jobId.slice(0, 8)}-1.mp4`, 'video/mp4', 8],
    [`picture-${jobId.slice(0, 8)}-2.txt`, 'text/plain; charset=utf-8', 4],
  ])
  expect(seen).toEqual(['a.b.png'])
  expect(warnings).toEqual(['a.b.png: It was shortened.'])
  expect((await store.read(jobId, 0))?.toString()).toBe('converted')
})

test('leaves nothing behind when an image cannot be converted, and does not ask for it again', async () => {
  const failed = new GatewayError('conversion_failed')
  let asked = 0
  const storing = storeOutputs({
    jobId: randomUUID(),
    workflow: 'test/picture',
    outputs: { 9: { images: ['a.png', 'b.png'].map((filename) => ({ filename, subfolder: '', type: 'output' })) } },
    outputNames: {},
    openFile: ({ filename }) => {
      asked++
      return Promise.resolve({ body: Buffer.from(filename) })
    },
    convertImage: (image) =>
      image.toString() === 'b.png'
        ? Promise.reject(failed)
        : Promise.resolve({ bytes: image, contentType: 'image/webp', extension: 'webp', warning: undefined }),
    store: createLocalOutputStore({ directory }),
    onStored: () => {},
    onWarning: () => {},
  })
  await expect(storing).rejects.toBe(failed)
  expect(asked).toBe(2)
  expect(readdirSync(directory)).toEqual([])
})

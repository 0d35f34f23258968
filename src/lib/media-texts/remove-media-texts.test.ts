import * as fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import {
  avifOf,
  exifOf,
  flacOf,
  glbOf,
  isoBox,
  jpegOf,
  mp3Of,
  mp4Of,
  oggChecksumOf,
  oggOf,
  pngChunk,
  pngOf,
  pngText,
  safetensorsOf,
  webmOf,
  webpOf,
  type NamedText,
} from '../../../test/support/make-media.ts'
import { readMediaTexts } from './read-media-texts.ts'
import { maxHeldBytes, type RemovalOutcome } from './removal-steps.ts'
import { removeMediaTexts, withoutMediaTexts } from './remove-media-texts.ts'

const graph = '{"1": {"class_type": "EmptyImage", "inputs": {"width": 64}}}'
const prompt: NamedText = ['prompt', graph]
const workflow: NamedText = ['workflow', `{"nodes": [], "title": "${'x'.repeat(70_000)}"}`]
const wide: NamedText = ['comment', 'Grün ÿ 漢字 😀 and a little more']
const encoder: NamedText = ['encoder', 'Lavf62.12.102']

const inExif = (named: readonly NamedText[]) => named.map(([name, text]) => `${name}:${text}`)
const pixels = pngChunk('IDAT', Buffer.from('as good as pixels'))

type Maker = (texts: readonly NamedText[]) => Buffer

/** Files that become what they are without texts. */
const shrinking: Readonly<Record<string, Maker>> = {
  'PNG, plain': (texts) => pngOf(...texts.filter(([, text]) => isLatin1(text)).map(pngText.plain), pixels),
  'PNG, compressed': (texts) => pngOf(...texts.map(pngText.internationalCompressed), pixels),
  'PNG, private': (texts) => pngOf(pixels, ...texts.map(pngText.behindPictures)),
  FLAC: (texts) => Buffer.concat([flacOf(texts), Buffer.from('frames')]),
  'Ogg, Opus': (texts) => oggOf(texts),
  'Ogg, Vorbis': (texts) => oggOf(texts, 'vorbis'),
}

/** Files in which everything stays where it is. */
const blanked: Readonly<Record<string, Maker>> = {
  WebP: (texts) => webpOf(exifOf(inExif(texts), 'MM')),
  WebM: (texts) => webmOf(texts),
  'recorded WebM': (texts) => webmOf(texts, { hasUnknownSize: true }),
  MP4: (texts) => mp4Of(texts, 'iso'),
  MOV: (texts) => mp4Of(texts, 'quicktime'),
  AVIF: (texts) => avifOf(exifOf(inExif(texts), 'II')),
  GLB: (texts) => glbOf(Object.fromEntries(texts)),
  latent: safetensorsOf,
}

/** Files that lose the part which had the texts. */
const others: Readonly<Record<string, Maker>> = {
  JPEG: (texts) => jpegOf(exifOf(inExif(texts.filter(([, text]) => text.length < 60_000)), 'MM'), texts[0]?.[1] ?? ''),
  'MP3, ID3 2.4': (texts) => mp3Of(texts, { version: 4, encoding: 3 }),
  'MP3, ID3 2.3, hidden': (texts) => mp3Of(texts, { version: 3, encoding: 1, isUnsynchronised: true }),
}

const makers = Object.entries({ ...shrinking, ...blanked, ...others })

function isLatin1(text: string): boolean {
  return Buffer.from(text, 'latin1').toString('latin1') === text
}

/** Whether a piece of a text is somewhere in a file, in one of the ways in which formats write it. */
function isIn(bytes: Buffer, text: string): boolean {
  const piece = text.slice(0, 24)
  return (['utf8', 'latin1', 'utf16le'] as const).some((encoding) => bytes.includes(Buffer.from(piece, encoding)))
}

/** Does it in pieces, of the sizes given and then of the last of them. */
async function inPieces(bytes: Buffer, sizes: readonly number[]): Promise<{ bytes: Buffer; outcome: RemovalOutcome }> {
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0, index = 0; at < bytes.length; index += 1) {
      const size = sizes[Math.min(index, sizes.length - 1)] ?? bytes.length
      yield bytes.subarray(at, at + size)
      at += size
    }
  }
  const parts: Buffer[] = []
  let outcome: RemovalOutcome = 'broken'
  for await (const part of withoutMediaTexts(pieces(), (end) => (outcome = end))) parts.push(part)
  return { bytes: Buffer.concat(parts), outcome }
}

describe('texts are removed', () => {
  test.each(makers)('from %s', (_format, make) => {
    const bytes = make([prompt, workflow, wide])
    const given = Buffer.from(bytes)
    const removed = removeMediaTexts(bytes)
    expect(bytes.equals(given)).toBe(true)
    expect(removed.outcome).toBe('removed')
    expect(removed.bytes.length).toBeLessThanOrEqual(bytes.length)
    expect(readMediaTexts(removed.bytes)?.texts ?? []).toEqual([])
    for (const [, text] of [prompt, workflow, wide]) expect(isIn(removed.bytes, text)).toBe(false)
  })

  test.each(Object.entries(shrinking))('and nothing is left of them in %s', (_format, make) => {
    expect(removeMediaTexts(make([prompt, workflow, wide])).bytes.equals(make([]))).toBe(true)
  })

  test.each(Object.entries(blanked))('and everything stays where it is in %s', (_format, make) => {
    const bytes = make([prompt, workflow])
    expect(removeMediaTexts(bytes).bytes.length).toBe(bytes.length)
  })

  test.each(makers)('once: what has none any more stays as it is (%s)', (_format, make) => {
    const once = removeMediaTexts(make([prompt, workflow])).bytes
    expect(removeMediaTexts(once).bytes.equals(once)).toBe(true)
  })

  test('whatever they are, and in whatever pieces the file comes', async () => {
    const textSet = fc.array(
      fc.tuple(fc.constantFrom('prompt', 'workflow', 'comment'), fc.string({ minLength: 30, maxLength: 400 })),
      {
        minLength: 1,
        maxLength: 3,
      },
    )
    const sizes = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...makers), textSet, sizes, async ([, make], texts, pieceSizes) => {
        const marked = texts.map(([name, text], index): NamedText => [name, `a mark to look for, ${index} ${text}`])
        const bytes = make(marked)
        const whole = removeMediaTexts(bytes)
        expect(whole.outcome).toBe('removed')
        expect(whole.bytes.length).toBeLessThanOrEqual(bytes.length)
        expect(isIn(whole.bytes, 'a mark to look for')).toBe(false)
        const pieced = await inPieces(bytes, pieceSizes)
        expect(pieced.outcome).toBe('removed')
        expect(pieced.bytes.equals(whole.bytes)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })
})

describe('a file that is broken or cut off', () => {
  test('never becomes larger and never fails, whole or in pieces', async () => {
    const files = makers.map(([, make]) => make([prompt, wide, encoder]))
    const change = fc.tuple(fc.nat({ max: 600 }), fc.nat({ max: 255 }))
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.array(change, { maxLength: 6 }),
        fc.integer({ min: 1, max: 700 }),
        async (file, cut, changes, pieceBytes) => {
          const broken = Buffer.from(file.subarray(0, file.length - (cut % 3 === 0 ? cut % (file.length + 1) : 0)))
          for (const [at, value] of changes) if (at < broken.length) broken.writeUInt8(value, at)
          const whole = removeMediaTexts(broken)
          expect(whole.bytes.length).toBeLessThanOrEqual(broken.length)
          const pieced = await inPieces(broken, [pieceBytes])
          expect(pieced.bytes.equals(whole.bytes)).toBe(true)
          expect(pieced.outcome).toBe(whole.outcome)
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('goes through as it is from where it is broken', () => {
    const bytes = Buffer.concat([pngOf().subarray(0, 8), pngText.plain(prompt), Buffer.from('!!!! no chunk at all')])
    const removed = removeMediaTexts(bytes)
    expect(removed.outcome).toBe('broken')
    expect(removed.bytes.subarray(8).toString()).toBe('!!!! no chunk at all')
  })

  test.each(makers)('is told of when its end is missing (%s)', (_format, make) => {
    const bytes = make([prompt])
    const half = bytes.subarray(0, Math.floor(bytes.length / 2))
    expect(removeMediaTexts(half).bytes.length).toBeLessThanOrEqual(half.length)
  })
})

test('a FLAC file without its cover and the data of applications still has a last block', () => {
  const block = (type: number, data: string): Buffer =>
    Buffer.concat([Buffer.from([type, 0, 0, data.length]), Buffer.from(data)])
  const file = (application: Buffer, cover: Buffer): Buffer =>
    Buffer.concat([Buffer.from('fLaC'), block(0, 'x'.repeat(34)), application, cover, Buffer.from('frames')])
  const bytes = file(block(2, `comf${graph}`), block(6 | 0x80, graph))
  expect(removeMediaTexts(bytes)).toEqual({ bytes: file(block(1, ''), block(1 | 0x80, '')), outcome: 'removed' })
})

test('a model keeps the metadata that programs need, and its numbers', () => {
  const { bytes } = removeMediaTexts(
    safetensorsOf([prompt, ['format', 'pt'], ['modelspec.title', 'x'], ['other', graph]]),
  )
  expect(readMediaTexts(bytes)?.texts).toEqual([
    { name: 'format', text: 'pt' },
    { name: 'modelspec.title', text: 'x' },
  ])
  expect(bytes.subarray(-16)).toEqual(Buffer.alloc(16))
})

test('a scene keeps what belongs to it', () => {
  const document = (bytes: Buffer): unknown => JSON.parse(bytes.toString('utf8', 20, 20 + bytes.readUInt32LE(12)))
  const { bytes } = removeMediaTexts(Buffer.concat([glbOf({ prompt: graph }), Buffer.from('BIN')]))
  expect(document(bytes)).toEqual({ asset: { version: '2.0' } })
  expect(bytes.subarray(-3).toString()).toBe('BIN')
})

test('a title of a WebM file goes, its tracks and pictures stay', () => {
  const element = (id: string, ...data: Buffer[]): Buffer => {
    const body = Buffer.concat(data)
    return Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x40, body.length]), body])
  }
  const application = element('5741', Buffer.from('a writer'))
  const checksum = element('bf', Buffer.alloc(4, 7))
  const cluster = element('1f43b675', Buffer.from('pictures'))
  const file = (title: Buffer, sum: Buffer): Buffer =>
    Buffer.concat([
      element('1a45dfa3', Buffer.alloc(4)),
      element('18538067', element('1549a966', sum, title, application), cluster),
    ])
  const title = element('7ba9', Buffer.from('a title to look for'))
  const emptied = (size: number): Buffer =>
    Buffer.concat([Buffer.from([0xec, 0x80 | (size - 2)]), Buffer.alloc(size - 2)])
  const removed = removeMediaTexts(file(title, checksum))
  expect(removed.outcome).toBe('removed')
  expect(removed.bytes).toEqual(file(emptied(title.length), emptied(checksum.length)))
})

test('the metadata of an SVG file goes, and what only looks like its end does not matter', () => {
  const before = '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">'
  const metadata = `<metadata>\n<![CDATA[${graph.replace('64', '"</metadata>"')}]]>\n</metadata>`
  const after = '<metadatas/><path d="M0 0"/></svg>'
  const removed = removeMediaTexts(Buffer.from(before + metadata + after))
  expect(removed.bytes.toString()).toBe(before + after)
  expect(removed.outcome).toBe('removed')
  expect(removeMediaTexts(Buffer.from(`${before}<metadata>`)).outcome).toBe('broken')
})

test('the old tag at the end of an MP3 file goes', async () => {
  const sounds = Buffer.concat([Buffer.from('\xff\xfb\x90\0', 'latin1'), Buffer.alloc(100_000, 'sounds')])
  const tag = Buffer.alloc(128)
  tag.write(`TAGa title, ${graph}`, 'latin1')
  expect(removeMediaTexts(Buffer.concat([sounds, tag])).bytes.equals(sounds)).toBe(true)
  const pieced = await inPieces(Buffer.concat([sounds, tag]), [65_408, 50, 7])
  expect(pieced.outcome).toBe('removed')
  expect(pieced.bytes.equals(sounds)).toBe(true)
})

test('sounds without a tag go through as they are', () => {
  const bytes = Buffer.from('\xff\xfb\x90\0 sounds', 'latin1')
  expect(removeMediaTexts(bytes)).toEqual({ bytes, outcome: 'removed' })
})

test('a file of another kind goes through as it is', async () => {
  const bytes = Buffer.from('{"nodes": [], "class_type": "it is JSON"}')
  expect(removeMediaTexts(bytes)).toEqual({ bytes, outcome: 'unknown' })
  expect(removeMediaTexts(Buffer.alloc(0))).toEqual({ bytes: Buffer.alloc(0), outcome: 'unknown' })
  expect(await inPieces(bytes, [3])).toEqual({ bytes, outcome: 'unknown' })
})

describe('pictures stay the same', () => {
  const picture = (): Sharp =>
    sharp({ create: { width: 40, height: 24, channels: 3, background: '#37a' } }).composite([
      { input: Buffer.from('<svg width="40" height="24"><circle cx="12" cy="12" r="9" fill="red"/></svg>') },
    ])
  const withTexts = (image: Sharp, orientation: number): Sharp =>
    image
      .withIccProfile('p3')
      .withExif({ IFD0: { Make: `prompt:${graph}`, ImageDescription: graph, Orientation: String(orientation) } })
  const look = async (bytes: Buffer) => {
    const { orientation = 1, icc, pages, delay, loop } = await sharp(bytes, { animated: true }).metadata()
    const decoded = await sharp(bytes, { animated: true }).raw().toBuffer()
    return { orientation, icc: icc?.toString('hex'), pages, delay, loop, pixels: decoded.toString('hex') }
  }
  const formats = ['png', 'webp', 'jpeg', 'avif'] as const
  test.each(formats.flatMap((format) => [1, 6].map((orientation) => [format, orientation] as const)))(
    'as %s, shown with orientation %i',
    async (format, orientation) => {
      const bytes = await withTexts(picture(), orientation).toFormat(format).toBuffer()
      expect(bytes.includes('EmptyImage')).toBe(true)
      const removed = removeMediaTexts(bytes)
      expect(removed.outcome).toBe('removed')
      expect(removed.bytes.includes('EmptyImage')).toBe(false)
      expect(await look(removed.bytes)).toEqual(await look(bytes))
      expect((await look(bytes)).icc).toBeDefined()
    },
  )

  test('as animated WebP', async () => {
    const frames = await Promise.all(
      ['#f00', '#0f0', '#00f'].map((background) =>
        sharp({ create: { width: 16, height: 16, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    )
    const animated = sharp(frames, { join: { animated: true } })
    const bytes = await withTexts(animated, 1)
      .webp({ delay: [100, 200, 300], loop: 2 })
      .toBuffer()
    const removed = removeMediaTexts(bytes)
    expect(removed.bytes.includes('EmptyImage')).toBe(false)
    expect(await look(removed.bytes)).toEqual(await look(bytes))
    expect((await look(bytes)).pages).toBe(3)
  })

  test('as animated GIF, without its comment', async () => {
    const frames = await Promise.all(
      ['#f00', '#0f0'].map((background) =>
        sharp({ create: { width: 16, height: 16, channels: 3, background } })
          .png()
          .toBuffer(),
      ),
    )
    const plain = await sharp(frames, { join: { animated: true } })
      .gif({ loop: 0, delay: [100, 100] })
      .toBuffer()
    const comment = Buffer.concat([
      Buffer.from([0x21, 0xfe, graph.length]),
      Buffer.from(graph),
      Buffer.from([5]),
      Buffer.from('again'),
      Buffer.from([0]),
    ])
    const bytes = Buffer.concat([plain.subarray(0, -1), comment, plain.subarray(-1)])
    expect(removeMediaTexts(bytes)).toEqual({ bytes: plain, outcome: 'removed' })
  })
})

test('every page of an Ogg file has its checksum and its number', () => {
  const { bytes } = removeMediaTexts(oggOf([prompt, workflow, wide, encoder]))
  const numbers: number[] = []
  for (let at = 0; at < bytes.length;) {
    const segments = bytes.readUInt8(at + 26)
    const lacing = bytes.subarray(at + 27, at + 27 + segments)
    const end = at + 27 + segments + lacing.reduce((total, size) => total + size, 0)
    const page = Buffer.from(bytes.subarray(at, end))
    const told = page.readUInt32LE(22)
    page.writeUInt32LE(0, 22)
    expect(oggChecksumOf(page)).toBe(told)
    numbers.push(page.readUInt32LE(18))
    at = end
  }
  expect(numbers).toEqual([0, 1, 2, 3, 4])
  expect(readMediaTexts(bytes)?.texts).toEqual([{ name: 'encoder', text: 'Lavf62.12.102' }])
})

describe('technical texts stay', () => {
  test.each([
    ['FLAC', flacOf([prompt, encoder])],
    ['WebM', webmOf([prompt, encoder, workflow])],
    ['MP4', mp4Of([workflow, encoder, prompt], 'iso')],
    ['MP3', mp3Of([prompt, ['REPLAYGAIN_TRACK_GAIN', '-3.2 dB']], { version: 4, encoding: 3 })],
  ])('in %s', (_format, bytes) => {
    const left = readMediaTexts(removeMediaTexts(bytes).bytes)?.texts ?? []
    expect(left.map(({ name }) => name)).toEqual([_format === 'MP3' ? 'REPLAYGAIN_TRACK_GAIN' : 'encoder'])
  })

  test('but not when they are long', () => {
    const { bytes } = removeMediaTexts(flacOf([['encoder', graph.repeat(10)]]))
    expect(readMediaTexts(bytes)?.texts).toEqual([])
  })
})

describe('places in an MP4 file stay true', () => {
  const samples = ['first sample', 'second sample', 'third'].map((text) => Buffer.from(text))
  const u32 = (...values: number[]): Buffer =>
    Buffer.concat(values.map((value) => Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])))
  const userData = isoBox(
    'udta',
    isoBox(Buffer.from('\xa9cmt', 'latin1'), Buffer.from(graph)),
    isoBox(
      'meta',
      u32(0),
      isoBox('hdlr', Buffer.alloc(25)),
      isoBox('ilst', isoBox('desc', isoBox('data', u32(1, 0), Buffer.from(graph)))),
    ),
  )
  const head = isoBox('ftyp', Buffer.from('isom'))
  const media = isoBox('mdat', ...samples)
  const movie = (mediaAt: number): Buffer => {
    let at = mediaAt + 8
    const offsets = samples.map((sample) => {
      at += sample.length
      return at - sample.length
    })
    const table = isoBox('stco', u32(0, samples.length, ...offsets))
    return isoBox('moov', isoBox('trak', isoBox('mdia', isoBox('minf', isoBox('stbl', table))), userData), userData)
  }

  test('when the media last to the end of the file', () => {
    const open = Buffer.from(media)
    open.writeUInt32BE(0)
    const bytes = Buffer.concat([head, movie(head.length + movie(0).length), open])
    const removed = removeMediaTexts(bytes)
    expect(removed.outcome).toBe('removed')
    expect(removed.bytes.subarray(-open.length)).toEqual(open)
    expect(removed.bytes.includes('EmptyImage')).toBe(false)
  })

  test.each([
    ['in front of the media', Buffer.concat([head, movie(head.length + movie(0).length), media])],
    ['behind the media', Buffer.concat([head, media, movie(head.length)])],
  ])('when they are told %s', (_where, bytes) => {
    const removed = removeMediaTexts(bytes)
    expect(removed.outcome).toBe('removed')
    expect(removed.bytes.includes('EmptyImage')).toBe(false)
    const table = removed.bytes.indexOf('stco') + 12
    for (const [index, sample] of samples.entries()) {
      const at = removed.bytes.readUInt32BE(table + 4 * index)
      expect(removed.bytes.subarray(at, at + sample.length)).toEqual(sample)
    }
  })
})

describe('what is too large to be held is blanked or dropped whole', () => {
  const large = Buffer.alloc(maxHeldBytes + 1, 'EmptyImage ')
  const graphs: readonly NamedText[] = [['prompt', large.toString()]]
  test.each([
    ['MP4', mp4Of(graphs, 'iso'), 'mdat'],
    ['WebM', webmOf(graphs), '\x1a\x45\xdf\xa3'],
    ['WebP', webpOf(exifOf(inExif(graphs), 'MM')), 'VP8L'],
    ['MP3', mp3Of(graphs, { version: 4, encoding: 3 }), '\xff\xfb\x90'],
  ])('in %s', (_format, bytes, media) => {
    const removed = removeMediaTexts(bytes)
    expect(removed.outcome).toBe('removed')
    expect(removed.bytes.includes('EmptyImage')).toBe(false)
    expect(removed.bytes.includes(Buffer.from(media, 'latin1'))).toBe(true)
  })
})

test('a source is told when nobody reads on, and its errors are passed on', async () => {
  let isTold = false
  async function* endless(): AsyncGenerator<Buffer> {
    try {
      for (;;) yield pngOf(pixels).subarray(0, 20)
    } finally {
      isTold = true
    }
  }
  const reading = withoutMediaTexts(endless(), () => {})
  await reading.next()
  await reading.return()
  expect(isTold).toBe(true)

  const failure = new Error('gone')
  const failing: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(failure) }),
  }
  await expect(withoutMediaTexts(failing, () => {}).next()).rejects.toBe(failure)
})

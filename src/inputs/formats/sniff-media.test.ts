import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  makeAnimatedWebp,
  makeApngHeader,
  makeBmp,
  makeGif,
  makeJpeg,
  makeLosslessWebp,
  makeLossyWebp,
  makeOldBmp,
  makePng,
  makePngHeader,
  makeTiff,
  pngChunk,
} from '../../../test/support/make-image.ts'
import { flacOf, isoBox, mp3Of, mp4Of, oggOf, pngOf, pngText } from '../../../test/support/make-media.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import {
  type ImageLayoutReader,
  readBmpLayout,
  readGifLayout,
  readJpegLayout,
  readPngLayout,
  readTiffLayout,
  readWebpLayout,
} from './image-layout.ts'
import { readerOfBytes } from './byte-reader.ts'
import { sniffMedia, type InputKind, type TakenKind } from './sniff-media.ts'

const pointer = '/image'

const sniff = (bytes: Buffer, kind?: TakenKind) => sniffMedia(readerOfBytes(bytes), pointer, kind)

async function refusalOf(bytes: Buffer): Promise<GatewayError> {
  const result: unknown = await sniff(bytes).catch((error: unknown) => error)
  if (result instanceof GatewayError) return result
  throw new Error(`taken as ${JSON.stringify(result)}`)
}

const layoutBy = (read: ImageLayoutReader | undefined, bytes: Buffer) => read?.(readerOfBytes(bytes))

const readers: Record<string, ImageLayoutReader> = {
  png: readPngLayout,
  jpg: readJpegLayout,
  gif: readGifLayout,
  webp: readWebpLayout,
  bmp: readBmpLayout,
  tiff: readTiffLayout,
}

describe('sniffMedia', () => {
  test.each([
    ['PNG', makePng(), 'image/png', 'png'],
    [
      'PNG with a large text before its data',
      makePngHeader(4, 3, pngChunk('tEXt', Buffer.alloc(50_000))),
      'image/png',
      'png',
    ],
    ['animated PNG', makeApngHeader(4, 3, 5), 'image/png', 'png'],
    ['JPEG', makeJpeg(), 'image/jpeg', 'jpg'],
    ['GIF', makeGif(4, 3), 'image/gif', 'gif'],
    ['animated GIF', makeGif(4, 3, 12), 'image/gif', 'gif'],
    ['lossy WebP', makeLossyWebp(4, 3), 'image/webp', 'webp'],
    ['lossless WebP', makeLosslessWebp(4, 3), 'image/webp', 'webp'],
    ['animated WebP', makeAnimatedWebp(4, 3, 7), 'image/webp', 'webp'],
    ['BMP', makeBmp(4, 3), 'image/bmp', 'bmp'],
    ['BMP from top to bottom', makeBmp(4, -3), 'image/bmp', 'bmp'],
    ['BMP with the old header', makeOldBmp(4, 3), 'image/bmp', 'bmp'],
    ['little-endian TIFF', makeTiff(4, 3, 'II'), 'image/tiff', 'tiff'],
    ['big-endian TIFF of several pages', makeTiff(4, 3, 'MM', 3), 'image/tiff', 'tiff'],
  ])('knows a %s and reads its size', async (_, bytes, contentType, extension) => {
    expect(await sniff(bytes)).toEqual({ contentType, extension })
    expect(layoutBy(readers[extension], bytes)).toMatchObject({ width: 4, height: 3 })
  })

  test('counts frames', () => {
    expect(layoutBy(readPngLayout, makeApngHeader(4, 3, 5))?.frames).toBe(5)
    expect(layoutBy(readGifLayout, makeGif(4, 3, 12))?.frames).toBe(12)
    expect(layoutBy(readWebpLayout, makeAnimatedWebp(4, 3, 7))?.frames).toBe(7)
    expect(layoutBy(readTiffLayout, makeTiff(4, 3, 'II', 3))?.frames).toBe(3)
  })

  test('reads any size that a header can hold', () => {
    const size = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })
    fc.assert(
      fc.property(size(0x3fff), size(0x3fff), (width, height) => {
        const expected = { width, height, frames: 1 }
        expect(layoutBy(readPngLayout, makePngHeader(width, height))).toEqual(expected)
        expect(layoutBy(readGifLayout, makeGif(width, height))).toEqual(expected)
        expect(layoutBy(readWebpLayout, makeLossyWebp(width, height))).toEqual(expected)
        expect(layoutBy(readWebpLayout, makeLosslessWebp(width, height))).toEqual(expected)
        expect(layoutBy(readWebpLayout, makeAnimatedWebp(width, height, 1))).toEqual(expected)
        expect(layoutBy(readBmpLayout, makeBmp(width, height))).toEqual(expected)
        expect(layoutBy(readTiffLayout, makeTiff(width, height, 'MM'))).toEqual(expected)
      }),
    )
    fc.assert(
      fc.property(size(40), size(40), (width, height) => {
        expect(layoutBy(readJpegLayout, makeJpeg(width, height))).toEqual({ width, height, frames: 1 })
      }),
      { numRuns: 20 },
    )
  })

  test.each([
    ['PNG', makePngHeader(100_000, 100_000)],
    ['PNG of the largest size there is', makePngHeader(0xffffffff, 0xffffffff)],
    ['PNG that is one pixel high', makePngHeader(0x7fffffff, 1)],
    ['PNG that is a little too large', makePngHeader(8192, 8193)],
    ['animated PNG', makeApngHeader(2000, 2000, 299)],
    ['GIF', makeGif(65_535, 65_535)],
    ['GIF with a frame beyond its screen', makeGif(1, 1, 1, { width: 65_535, height: 65_535 })],
    ['GIF with many frames', makeGif(1000, 1000, 100)],
    ['lossy WebP', makeLossyWebp(16_383, 16_383)],
    ['lossless WebP', makeLosslessWebp(16_383, 16_383)],
    ['WebP with a large canvas', makeAnimatedWebp(0xffffff, 0xffffff, 1)],
    ['BMP', makeBmp(0x7fffffff, -0x7fffffff)],
    ['TIFF', makeTiff(65_535, 0xffffffff, 'II')],
  ])('refuses a %s with too many pixels without decoding it', async (_, bytes) => {
    expect(await refusalOf(bytes)).toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer, code: 'too_many_pixels' }],
    })
  })

  test('refuses a JPEG with too many pixels', async () => {
    const bytes = makeJpeg(16, 16)
    const frameHeader = bytes.indexOf(Buffer.from([0xff, 0xc0]))
    bytes.writeUInt16BE(65_535, frameHeader + 5)
    bytes.writeUInt16BE(65_535, frameHeader + 7)
    expect(await refusalOf(bytes)).toMatchObject({
      errors: [{ code: 'too_many_pixels' }],
      detail: expect.stringContaining('65535 × 65535'),
    })
  })

  test('takes an image of just as many pixels as are allowed', async () => {
    expect(await sniff(makePngHeader(8192, 8192))).toMatchObject({ extension: 'png' })
  })

  test.each([
    ['animated PNG', makeApngHeader(1, 1, 301)],
    ['GIF', makeGif(1, 1, 301)],
    ['GIF of very many frames', makeGif(1, 1, 50_000)],
    ['WebP', makeAnimatedWebp(1, 1, 301)],
    ['TIFF', makeTiff(1, 1, 'II', 301)],
  ])('refuses a %s with too many frames', async (_, bytes) => {
    expect(await refusalOf(bytes)).toMatchObject({ code: 'unsupported_input', errors: [{ code: 'too_many_frames' }] })
  })

  test.each([
    ['PNG without width', makePngHeader(0, 5)],
    ['PNG without height', makePngHeader(5, 0)],
    ['GIF without size', makeGif(0, 0)],
    ['GIF without a frame', makeGif(5, 5, 0)],
    ['BMP without height', makeBmp(5, 0)],
    ['BMP with a negative width', makeBmp(-5, 5)],
    ['TIFF without width', makeTiff(0, 5, 'II')],
    ['lossy WebP without width', makeLossyWebp(0, 5)],
  ])('refuses a %s', async (_, bytes) => {
    expect(await refusalOf(bytes)).toMatchObject({ code: 'unsupported_input', errors: [{ code: 'broken_image' }] })
  })

  test.each([
    ['PNG', makePng(20, 20)],
    ['JPEG', makeJpeg(20, 20)],
    ['WebP', makeAnimatedWebp(20, 20, 3)],
    ['TIFF', makeTiff(20, 20, 'II', 2)],
  ])('refuses a %s cut off anywhere', async (_, bytes) => {
    for (let length = 1; length < bytes.length - 4; length += 1) {
      const { code, errors } = await refusalOf(bytes.subarray(0, length))
      expect(code).toBe('unsupported_input')
      expect(errors[0]?.code).toMatch(/^(broken_image|unsupported_type)$/)
    }
  })

  test('refuses a TIFF whose pages go round in circles, or are of absurd length', async () => {
    const round = makeTiff(4, 3, 'II', 2)
    round.writeUInt32LE(8, round.length - 4)
    expect(await refusalOf(round)).toMatchObject({ errors: [{ code: 'broken_image' }] })
    const long = Buffer.concat([makeTiff(4, 3, 'II'), Buffer.alloc(1_000_000)])
    long.writeUInt16LE(0xffff, 8)
    expect(await refusalOf(long)).toMatchObject({ errors: [{ code: 'broken_image' }] })
  })

  test.each([
    ['SVG', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', 'application/xml'],
    ['bare SVG', '<svg xmlns="http://www.w3.org/2000/svg"/>', 'no image'],
    ['HTML', '<!doctype html><script>alert(1)</script>', 'no image'],
    ['PDF', '%PDF-1.7\n', 'application/pdf'],
    ['PostScript', '%!PS-Adobe-3.0 EPSF-3.0\n', 'application/eps'],
    ['zip', 'PK\x03\x04\x14\x00\x00\x00\x08\x00', 'application/zip'],
    ['gzip', '\x1f\x8b\x08\x00', 'application/gzip'],
    ['ELF', '\x7fELF\x02\x01\x01', 'application/x-elf'],
    ['MP4', '\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00', 'video/mp4'],
    ['FLAC', 'fLaC\x00\x00\x00\x22', 'audio/flac'],
    ['ICO', '\x00\x00\x01\x00\x01\x00', 'image/x-icon'],
    ['Photoshop', '8BPS\x00\x01', 'image/vnd.adobe.photoshop'],
    ['WAV in RIFF', 'RIFF\x24\x00\x00\x00WAVEfmt ', 'audio/wav'],
    ['text', 'https://example.com/a.png', 'no image'],
    ['PNG with a broken signature', '\x89PNG\n\x1a\n', 'no image'],
    ['zeros', '\0'.repeat(100), 'no image'],
  ])('refuses %s', async (_, text, found) => {
    const error = await refusalOf(Buffer.from(text, 'latin1'))
    expect(error).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'unsupported_type' }] })
    expect(error.detail).toContain(found)
    expect(error.detail).toContain('Send an image: PNG, JPEG')
  })

  test('knows what follows a signature by its bytes, not by a claim', async () => {
    const disguised = Buffer.concat([Buffer.from('GIF89a', 'latin1'), makePng().subarray(6)])
    expect((await refusalOf(disguised)).code).toBe('unsupported_input')
  })

  test('ends in time and with an answer or a refusal, whatever follows a signature', async () => {
    const signature = fc.constantFrom(
      '\x89PNG\r\n\x1a\n\0\0\0\rIHDR',
      '\xff\xd8\xff',
      'GIF89a',
      'RIFF\x10\0\0\0WEBPVP8X',
      'RIFF\x10\0\0\0WEBPVP8 ',
      'BM',
      'II*\0\x08\0\0\0',
      'MM\0*\0\0\0\x08',
      '',
    )
    await fc.assert(
      fc.asyncProperty(signature, fc.uint8Array({ maxLength: 300 }), async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'latin1'), rest])
        const result: unknown = await sniff(bytes).catch((error: unknown) => error)
        expect(result instanceof GatewayError ? result.code : 'taken').toMatch(/^(unsupported_input|taken)$/)
      }),
      { numRuns: 1000 },
    )
  })

  test('needs little time for a large file made of the smallest blocks', async () => {
    const startedAtMs = performance.now()
    const gif = Buffer.concat([makeGif(1, 1).subarray(0, 19), Buffer.alloc(8_000_000, Buffer.from([0x21, 0xfe, 0]))])
    await refusalOf(gif)
    const png = makePngHeader(4, 3, Buffer.alloc(8_000_004, pngChunk('tEXt', Buffer.alloc(0))))
    await sniff(png)
    const jpeg = Buffer.concat([Buffer.from([0xff, 0xd8]), Buffer.alloc(8_000_000, 0xff)])
    await refusalOf(jpeg)
    expect(performance.now() - startedAtMs).toBeLessThan(3000)
  })

  test('does not unpack what is packed', async () => {
    const bomb = deflateSync(Buffer.alloc(20_000_000))
    const before = process.memoryUsage().arrayBuffers
    await sniff(makePngHeader(4, 3, pngChunk('IDAT', bomb)))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5_000_000)
  })
})

describe('what is packed in a PNG', () => {
  const header = makePngHeader(4, 3).subarray(8, 33)
  const data = pngChunk('IDAT', Buffer.alloc(4))
  const zeros = (length: number) => '\0'.repeat(length)

  test.each([
    ['a compressed text', pngText.compressed(['prompt', zeros(1024 * 1024)])],
    ['an international text', pngText.internationalCompressed(['prompt', zeros(1024 * 1024)])],
    ['a large text that is not packed', pngText.international(['prompt', zeros(3_000_000)])],
    ['a colour profile', pngChunk('iCCP', Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(3144))]))],
    ['a text that cannot be unpacked', pngChunk('zTXt', Buffer.from('prompt\0\0no zlib'))],
    ['a text without a name', pngChunk('zTXt', Buffer.from('prompt'))],
  ])('is taken: %s', async (_name, chunk) => {
    expect(await sniff(pngOf(header, chunk, data))).toMatchObject({ extension: 'png' })
  })

  test.each([
    ['a compressed text', [pngText.compressed(['prompt', zeros(1024 * 1024 + 1)])]],
    ['an international text', [pngText.internationalCompressed(['prompt', zeros(50_000_000)])]],
    ['a colour profile', [pngChunk('iCCP', Buffer.concat([Buffer.from('p\0\0'), deflateSync(Buffer.alloc(9e6))]))]],
    ['many texts', Array.from({ length: 9 }, () => pngText.compressed(['prompt', zeros(1_000_000)]))],
    [
      'a text that is long when it is packed',
      [pngChunk('zTXt', Buffer.concat([Buffer.from('p\0\0'), Buffer.alloc(2e6)]))],
    ],
  ])('is refused where it becomes too large: %s', async (_name, chunks) => {
    await expect(sniff(pngOf(header, ...chunks, data))).rejects.toMatchObject({
      errors: [{ pointer, code: 'too_large_unpacked' }],
    })
  })
})

describe('what is no image', () => {
  const wav = Buffer.from(`RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0${'\0'.repeat(12)}data\0\0\0\0`, 'latin1')
  const mp3 = mp3Of([['title', 'x'.repeat(9000)]], { version: 4, encoding: 3 })
  const film = mp4Of([], 'iso')
  const webm = Buffer.from(
    '1a45dfa39f4286810142f7810142f2810442f381084282847765626d42878104428581021853806701ffffffffffffff1654ae6b80',
    'hex',
  )

  test.each<[string, Buffer, InputKind, string, string]>([
    ['WAV', wav, 'audio', 'audio/wav', 'wav'],
    ['MP3 behind a long tag', mp3, 'audio', 'audio/mpeg', 'mp3'],
    ['FLAC', flacOf([]), 'audio', 'audio/flac', 'flac'],
    ['Opus', oggOf([]), 'audio', 'audio/ogg', 'opus'],
    ['the sound of a video', film, 'audio', 'video/mp4', 'mp4'],
    ['MP4', film, 'video', 'video/mp4', 'mp4'],
    ['WebM', webm, 'video', 'video/webm', 'webm'],
    ['moving GIF', makeGif(4, 3, 12), 'video', 'image/gif', 'gif'],
    ['moving WebP', makeAnimatedWebp(4, 3, 2), 'video', 'image/webp', 'webp'],
  ])('is taken where it belongs: %s', async (_name, bytes, kind, contentType, extension) => {
    expect(await sniff(bytes, kind)).toEqual({ contentType, extension })
  })

  test.each<[string, Buffer, InputKind, string]>([
    ['a sound for an image', wav, 'image', 'holds no image but audio/wav. Send an image: PNG'],
    ['a film for an image', film, 'image', 'holds no image but video/mp4. Send an image: PNG'],
    ['a sound for a film', flacOf([]), 'video', 'holds no video but audio/flac. Send a video: MP4'],
    ['a picture for a film', makePng(), 'video', 'holds no video but image/png. Send a video: MP4'],
    ['a picture for a sound', makePng(), 'audio', 'holds no audio but image/png. Send a sound: WAV'],
    ['text for a sound', Buffer.from('hello'), 'audio', 'holds no audio. Send a sound: WAV'],
  ])('is refused where it does not: %s', async (_name, bytes, kind, message) => {
    const refused: unknown = await sniff(bytes, kind).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(GatewayError)
    expect(refused).toMatchObject({ code: 'unsupported_input', errors: [{ pointer, code: 'unsupported_type' }] })
    expect(String(refused)).toContain(message)
  })

  test.each<[string, InputKind | 'any']>([
    ['an image', 'image'],
    ['a video', 'video'],
    ['a sound', 'audio'],
    ['a 3D model', '3d'],
    ['an image', 'any'],
  ])('is refused where it is empty and is to be %s (%s)', async (name, kind) => {
    await expect(sniff(Buffer.alloc(0), kind)).rejects.toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer, code: 'empty', message: expect.stringContaining(`is empty. Send ${name}`) }],
    })
  })

  test.each<[string, Buffer, InputKind]>([
    ['WAV without a format', Buffer.from('RIFF\x24\0\0\0WAVEfmt \xff\xff\xff\x7f\x01\0', 'latin1'), 'audio'],
    ['MP3 whose tag is longer than the file', mp3.subarray(0, 5000), 'audio'],
    ['MP3 without a frame', Buffer.concat([mp3, Buffer.alloc(600)]), 'audio'],
    ['FLAC that ends in its texts', flacOf([['title', 'x'.repeat(500)]]).subarray(0, 200), 'audio'],
    ['Ogg of one page', oggOf([]).subarray(0, 60), 'audio'],
    ['MP4 without a description', Buffer.concat([film.subarray(0, 12), isoBox('mdat')]), 'video'],
    ['MP4 whose data are cut off', Buffer.concat([film, isoBox('mdat', Buffer.alloc(100)).subarray(0, 50)]), 'video'],
    ['MP4 with a box of absurd length', Buffer.concat([film.subarray(0, 12), Buffer.alloc(16, 0xff)]), 'video'],
    ['WebM cut off in its tracks', webm.subarray(0, -1), 'video'],
    ['WebM of absurd length', Buffer.concat([webm.subarray(0, -13), Buffer.from('01fffffffffffff0', 'hex')]), 'video'],
  ])('is refused where it is broken: %s', async (_name, bytes, kind) => {
    await expect(sniff(bytes, kind)).rejects.toMatchObject({ errors: [{ pointer, code: 'broken_media' }] })
  })

  test('is measured where it is a film made of pictures', async () => {
    await expect(sniff(makeGif(4, 3, 301), 'video')).rejects.toThrow('frames')
  })
})

import { deflateSync } from 'node:zlib'
import type { Sharp } from 'sharp'
import { expect, test } from 'vitest'
import { describeConversion, sharp } from '../../test/support/sharp.ts'
import type { ImageConversion } from './image-conversion.ts'
import { createImageConverter } from './image-converter.ts'

const converter = createImageConverter()
const red = { r: 255, g: 0, b: 0 }

const formats: readonly ImageConversion[] = [
  { format: 'webp' },
  { format: 'jpeg' },
  { format: 'jpg' },
  { format: 'avif' },
  { format: 'png' },
]

function picture(width = 32, height = 24): Sharp {
  return sharp({ create: { width, height, channels: 3, background: red } })
}

/** Frames one below the other, as sharp takes them. */
function animation(frames: number): Sharp {
  const raw = Buffer.alloc(8 * 8 * frames * 3)
  for (let at = 0; at < raw.length; at++) raw[at] = (at * 37) % 256
  return sharp(raw, { raw: { width: 8, height: 8 * frames, channels: 3, pageHeight: 8 } })
}

/** A PNG with another chunk behind its header. */
async function pngWith(type: string, data: Buffer): Promise<Buffer> {
  const png = await picture().png().toBuffer()
  const chunk = Buffer.alloc(12 + data.length)
  chunk.writeUInt32BE(data.length, 0)
  chunk.write(type, 4, 'latin1')
  data.copy(chunk, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length)
  const afterHeader = 8 + 25
  return Buffer.concat([png.subarray(0, afterHeader), chunk, png.subarray(afterHeader)])
}

function crc32(bytes: Buffer): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  }
  return (crc ^ 0xffffffff) >>> 0
}

describeConversion('an image', () => {
  test.each(formats)('becomes one of format $format, of the same size', async (conversion) => {
    const { bytes, contentType, extension, warning } = await converter.convert(
      await picture().png().toBuffer(),
      conversion,
    )
    const { format, compression, width, height } = await sharp(bytes).metadata()
    const name = conversion.format === 'jpg' ? 'jpeg' : conversion.format
    expect({ format, compression, width, height, contentType }).toEqual({
      ...(name === 'avif' ? { format: 'heif', compression: 'av1' } : { format: name }),
      width: 32,
      height: 24,
      contentType: `image/${name}`,
    })
    expect(extension).toBe(name === 'jpeg' ? 'jpg' : name)
    expect(warning).toBeUndefined()
  })

  test.each(['jpeg', 'webp', 'gif', 'tiff', 'avif', 'png'] as const)('of format %s is read', async (format) => {
    const { bytes } = await converter.convert(await picture().toFormat(format).toBuffer(), { format: 'png' })
    const { data } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
    expect(data[0]).toBeGreaterThan(200)
    expect(data[1]).toBeLessThan(60)
  })

  test('obeys the options', async () => {
    const noise = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: red,
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .png()
      .toBuffer()
    const sizeAt = async (quality: number) =>
      (await converter.convert(noise, { format: 'webp', options: { quality } })).bytes.length
    expect(await sizeAt(10)).toBeLessThan(await sizeAt(95))
    const { bytes } = await converter.convert(noise, { format: 'webp', options: { lossless: true } })
    expect(await sharp(bytes).raw().toBuffer()).toEqual(await sharp(noise).raw().toBuffer())
  })

  test.each(formats.filter(({ format }) => format !== 'png'))(
    'has the quality that stands beside its format, as $format',
    async ({ format }) => {
      const noise = await sharp({
        create: {
          width: 64,
          height: 64,
          channels: 3,
          background: red,
          noise: { type: 'gaussian', mean: 128, sigma: 60 },
        },
      })
        .png()
        .toBuffer()
      const sizeAt = async (quality: number) => (await converter.convert(noise, { format, quality })).bytes.length
      expect(await sizeAt(10)).toBeLessThan(await sizeAt(95))
    },
  )

  test.each([
    [{ width: 64, height: 32 }, 16, { width: 16, height: 8 }],
    [{ width: 32, height: 64 }, 16, { width: 8, height: 16 }],
    [{ width: 64, height: 32 }, 64, { width: 64, height: 32 }],
    [{ width: 64, height: 32 }, 65_535, { width: 64, height: 32 }],
    [{ width: 64, height: 1 }, 8, { width: 8, height: 1 }],
  ])('of %j with a longest side of %i becomes one of %j', async ({ width, height }, side, expected) => {
    const png = await picture(width, height).png().toBuffer()
    for (const { format } of formats) {
      const { bytes } = await converter.convert(png, { format, max_side: side })
      const { width: newWidth, height: newHeight } = await sharp(bytes).metadata()
      expect({ width: newWidth, height: newHeight }, format).toEqual(expected)
    }
  })

  test.each(formats)('leaves what was written into it behind, as $format', async (conversion) => {
    const png = await pngWith('tEXt', Buffer.from('prompt\0{"3":"the whole graph"}', 'latin1'))
    expect(png.toString('latin1')).toContain('the whole graph')
    const { bytes } = await converter.convert(png, conversion)
    expect(bytes.toString('latin1')).not.toContain('the whole graph')
  })

  test('that is transparent stays so where it can, and is on white as JPEG', async () => {
    const clear = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer()
    const webp = await converter.convert(clear, { format: 'webp' })
    expect((await sharp(webp.bytes).metadata()).hasAlpha).toBe(true)
    const jpeg = await converter.convert(clear, { format: 'jpeg' })
    expect([...(await sharp(jpeg.bytes).raw().toBuffer()).subarray(0, 3)]).toEqual([255, 255, 255])
  })

  test('is turned as its metadata said', async () => {
    const turned = await picture(32, 24).jpeg().withMetadata({ orientation: 6 }).toBuffer()
    const { bytes } = await converter.convert(turned, { format: 'png' })
    expect(await sharp(bytes).metadata()).toMatchObject({ width: 24, height: 32 })
    const { bytes: smaller } = await converter.convert(turned, { format: 'png', max_side: 16 })
    expect(await sharp(smaller).metadata()).toMatchObject({ width: 12, height: 16 })
  })
})

describeConversion('an animation', () => {
  test.each(['gif', 'webp'] as const)('of format %s stays one as WebP, with its times', async (format) => {
    const source = await animation(3)
      .toFormat(format, { delay: [100, 200, 300], loop: 2 })
      .toBuffer()
    expect((await sharp(source).metadata()).pages).toBe(3)
    const { bytes, warning } = await converter.convert(source, { format: 'webp', options: { quality: 50 } })
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', pages: 3, delay: [100, 200, 300], loop: 2 })
    expect(warning).toBeUndefined()
  })

  test('is made smaller as a whole', async () => {
    const source = await animation(3)
      .gif({ delay: [100, 200, 300] })
      .toBuffer()
    const { bytes } = await converter.convert(source, { format: 'webp', max_side: 4 })
    expect(await sharp(bytes).metadata()).toMatchObject({ pages: 3, width: 4, height: 4, delay: [100, 200, 300] })
  })

  test.each(['jpeg', 'avif', 'png'] as const)('becomes its first frame as %s, with a warning', async (format) => {
    const { bytes, warning } = await converter.convert(await animation(3).gif().toBuffer(), { format })
    const { width, height, pages = 1 } = await sharp(bytes).metadata()
    expect({ width, height, pages }).toEqual({ width: 8, height: 8, pages: 1 })
    expect(warning).toMatch(/first frame/)
  })

  test('as PNG is read no further than its first frame, with a warning', async () => {
    const control = Buffer.alloc(8)
    control.writeUInt32BE(2, 0)
    const { warning } = await converter.convert(await pngWith('acTL', control), { format: 'webp' })
    expect(warning).toMatch(/first frame/)
  })
})

describeConversion('what is no image', () => {
  const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>'

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hello')],
    ['SVG', Buffer.from(svg)],
    ['SVG with a prolog', Buffer.from(`<?xml version="1.0"?>${svg}`)],
    ['PDF', Buffer.from('%PDF-1.7\n')],
    ['something compressed', deflateSync(Buffer.from('hello'))],
    ['half of a PNG header', Buffer.from('89504e470d0a1a0a0000000d', 'hex')],
  ])('is refused: %s', async (_what, bytes) => {
    await expect(converter.convert(bytes, { format: 'webp' })).rejects.toMatchObject({ code: 'conversion_failed' })
  })

  test.each(['png', 'jpeg', 'webp'] as const)('is refused: the first half of a %s', async (format) => {
    const noise = sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: red,
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
    const whole = await noise.toFormat(format).toBuffer()
    const half = whole.subarray(0, whole.length >> 1)
    await expect(converter.convert(half, { format: 'png' })).rejects.toMatchObject({ code: 'conversion_failed' })
  })

  test('and what is too large is refused before it is decoded', async () => {
    const careful = createImageConverter({ maxPixels: 1000 })
    const large = await picture(40, 26).png().toBuffer()
    const failing = careful.convert(large, { format: 'webp' })
    await expect(failing).rejects.toMatchObject({ code: 'conversion_failed', detail: expect.stringMatching(/pixel/i) })
    const small = await picture(40, 25).png().toBuffer()
    expect((await careful.convert(small, { format: 'webp' })).bytes.length).toBeGreaterThan(0)
    const frames = await animation(20).gif().toBuffer()
    await expect(careful.convert(frames, { format: 'webp' })).rejects.toMatchObject({ code: 'conversion_failed' })
  })
})

describeConversion('the converter', () => {
  test('many at once all come out right', async () => {
    const sizes = Array.from({ length: 40 }, (_, index) => 8 + index)
    const widths = await Promise.all(
      sizes.map(async (size) => {
        const { bytes } = await converter.convert(await picture(size, 8).png().toBuffer(), { format: 'webp' })
        return (await sharp(bytes).metadata()).width
      }),
    )
    expect(widths).toEqual(sizes)
  })

  test('an image is read when its turn comes, and not at all for one who has left', async () => {
    const left = new AbortController()
    left.abort(new Error('gone'))
    const read = () => Promise.reject(new Error('was read'))
    await expect(converter.convert(read, { format: 'webp' }, left.signal)).rejects.toThrow('gone')
    await expect(converter.convert(read, { format: 'webp' })).rejects.toThrow('was read')
    const leaving = new AbortController()
    const leave = () => {
      leaving.abort(new Error('gone'))
      return picture().png().toBuffer()
    }
    await expect(converter.convert(leave, { format: 'webp' }, leaving.signal)).rejects.toThrow('gone')
    const { bytes } = await converter.convert(() => picture().png().toBuffer(), { format: 'webp' })
    expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp' })
  })

  test('without the library the refusal says how to get it, and it is found once it is there', async () => {
    let isThere = false
    const late = createImageConverter({
      load: () => (isThere ? import('sharp') : Promise.reject(new Error('Cannot find package'))),
    })
    const refusal = { code: 'conversion_unavailable', detail: expect.stringContaining('npm install sharp') }
    await expect(late.requireAvailable()).rejects.toMatchObject(refusal)
    await expect(late.convert(await picture().png().toBuffer(), { format: 'webp' })).rejects.toMatchObject(refusal)
    isThere = true
    await late.requireAvailable()
  })
})

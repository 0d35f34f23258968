import { fileTypeFromBuffer } from 'file-type'
import {
  type ImageLayout,
  type ImageLayoutReader,
  readBmpLayout,
  readGifLayout,
  readJpegLayout,
  readPngLayout,
  readTiffLayout,
  readWebpLayout,
} from './image-layout.ts'
import { refuseInput } from './refuse-input.ts'

export interface SniffedMedia {
  readonly contentType: string
  /** Without a dot. */
  readonly extension: string
}

interface MediaFormat extends SniffedMedia {
  readonly matches: (bytes: Buffer) => boolean
  readonly readLayout: ImageLayoutReader
}

/** Pixels of all frames together; ComfyUI decodes them all. */
const maxPixels = 64 * 1024 * 1024
const maxFrames = 300

/** What LoadImage reads and whose size is known before it is decoded. Another format is another row. */
const formats: readonly MediaFormat[] = [
  {
    contentType: 'image/png',
    extension: 'png',
    matches: (bytes) => startsWith(bytes, '\x89PNG\r\n\x1a\n'),
    readLayout: readPngLayout,
  },
  {
    contentType: 'image/jpeg',
    extension: 'jpg',
    matches: (bytes) => startsWith(bytes, '\xff\xd8\xff'),
    readLayout: readJpegLayout,
  },
  {
    contentType: 'image/webp',
    extension: 'webp',
    matches: (bytes) => startsWith(bytes, 'RIFF') && startsWith(bytes, 'WEBP', 8),
    readLayout: readWebpLayout,
  },
  {
    contentType: 'image/gif',
    extension: 'gif',
    matches: (bytes) => startsWith(bytes, 'GIF87a') || startsWith(bytes, 'GIF89a'),
    readLayout: readGifLayout,
  },
  {
    contentType: 'image/tiff',
    extension: 'tiff',
    matches: (bytes) => startsWith(bytes, 'II*\0') || startsWith(bytes, 'MM\0*'),
    readLayout: readTiffLayout,
  },
  {
    contentType: 'image/bmp',
    extension: 'bmp',
    matches: (bytes) => startsWith(bytes, 'BM'),
    readLayout: readBmpLayout,
  },
]

function startsWith(bytes: Buffer, signature: string, offset = 0): boolean {
  return bytes.toString('latin1', offset, offset + signature.length) === signature
}

/**
 * What the bytes are, whatever anybody claims, and that they can be decoded without harm: the size is read from the
 * headers.
 * @throws GatewayError `unsupported_input` naming the parameter
 */
export async function sniffMedia(bytes: Buffer, pointer: string): Promise<SniffedMedia> {
  const format = formats.find(({ matches }) => matches(bytes))
  if (format === undefined) {
    const found = await describeUnknown(bytes)
    throw refuseInput(pointer, 'unsupported_type', `holds ${found}. Send an image: PNG, JPEG, WebP, GIF, BMP or TIFF.`)
  }
  const { contentType, extension, readLayout } = format
  const layout = readLayout(bytes)
  if (layout === undefined) throw refuseInput(pointer, 'broken_image', `holds a broken ${contentType}; is it complete?`)
  checkLayout(layout, pointer)
  return { contentType, extension }
}

function checkLayout({ width, height, frames }: ImageLayout, pointer: string): void {
  if (width < 1 || height < 1) throw refuseInput(pointer, 'broken_image', 'holds an image without pixels.')
  if (frames > maxFrames) {
    throw refuseInput(pointer, 'too_many_frames', `holds more than ${maxFrames} frames, the most that is taken.`)
  }
  if (width * height * frames <= maxPixels) return
  const size = frames === 1 ? `${width} × ${height} pixels` : `${frames} frames of ${width} × ${height} pixels`
  throw refuseInput(
    pointer,
    'too_many_pixels',
    `holds ${size}. At most ${maxPixels / 1024 / 1024} megapixels (1024 × 1024) are taken.`,
  )
}

/** What most formats are recognised by. */
const signatureBytes = 4100

async function describeUnknown(bytes: Buffer): Promise<string> {
  const type = await fileTypeFromBuffer(bytes.subarray(0, signatureBytes)).catch(() => undefined)
  return type === undefined ? 'no image' : `no image but ${type.mime}`
}

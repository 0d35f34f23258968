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

/** What a parameter takes. A mask is an image. */
export type InputKind = 'image' | 'video' | 'audio' | '3d'

/** The same, or whatever some parameter takes. */
export type TakenKind = InputKind | 'any'

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

/** Extension → media type of what ComfyUI's loaders take. */
const films: Readonly<Record<string, string>> = {
  mp4: 'video/mp4',
  m4v: 'video/x-m4v',
  mov: 'video/quicktime',
  webm: 'video/webm',
  mkv: 'video/x-matroska',
  avi: 'video/x-msvideo',
}
const sounds: Readonly<Record<string, string>> = {
  wav: 'audio/wav',
  mp3: 'audio/mpeg',
  flac: 'audio/flac',
  ogg: 'audio/ogg',
  opus: 'audio/ogg',
  m4a: 'audio/mp4',
  aac: 'audio/aac',
}
const forms: Readonly<Record<string, string>> = { glb: 'model/gltf-binary' }
/** A loader of sounds takes the sound of a video as well. */
const taken: Readonly<Record<Exclude<TakenKind, 'image'>, Readonly<Record<string, string>>>> = {
  video: films,
  audio: { ...sounds, ...films },
  '3d': forms,
  any: { ...sounds, ...films, ...forms },
}
const wanted: Readonly<Record<TakenKind, string>> = {
  image: 'an image: PNG, JPEG, WebP, GIF, BMP or TIFF',
  video: 'a video: MP4, MOV, WebM, MKV, AVI, or a moving GIF or WebP',
  audio: 'a sound: WAV, MP3, FLAC, Ogg, Opus, M4A or AAC, or a video with sound',
  '3d': 'a 3D model: GLB',
  any: 'an image, a video, a sound or a 3D model',
}

function startsWith(bytes: Buffer, signature: string, offset = 0): boolean {
  return bytes.toString('latin1', offset, offset + signature.length) === signature
}

/**
 * What the bytes are, whatever anybody claims, and that they are of the kind that is wanted. The size of images is read
 * from their headers, so that they can be decoded without harm; videos and sounds are told by their first bytes.
 * @throws GatewayError `unsupported_input` naming the parameter
 */
export async function sniffMedia(bytes: Buffer, pointer: string, kind: TakenKind = 'image'): Promise<SniffedMedia> {
  const format = formats.find(({ matches }) => matches(bytes))
  if (
    format !== undefined &&
    (kind === 'image' || kind === 'any' || (kind === 'video' && moving.has(format.extension)))
  ) {
    return sniffImage(bytes, pointer, format)
  }
  const found = await fileTypeFromBuffer(bytes).catch(() => undefined)
  const extension = found?.ext ?? ''
  const contentType = kind !== 'image' && Object.hasOwn(taken[kind], extension) ? taken[kind][extension] : undefined
  if (contentType !== undefined) return { contentType, extension }
  const holds = found === undefined ? `no ${kind}` : `no ${kind} but ${found.mime}`
  throw refuseInput(pointer, 'unsupported_type', `holds ${holds}. Send ${wanted[kind]}.`)
}

/** Image formats that hold films. */
const moving: ReadonlySet<string> = new Set(['gif', 'webp'])

function sniffImage(bytes: Buffer, pointer: string, format: MediaFormat): SniffedMedia {
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

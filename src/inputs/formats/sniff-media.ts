import { fileTypeFromBuffer } from 'file-type'
import type { ByteReader } from './byte-reader.ts'
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
import { structureChecks } from './media-structure.ts'
import { modelFormatOf } from './model-formats.ts'
import { refuseInput } from '../refuse-input.ts'

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
  readonly matches: (bytes: ByteReader) => boolean
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
    matches: (bytes) => bytes.startsWith('\x89PNG\r\n\x1a\n'),
    readLayout: readPngLayout,
  },
  {
    contentType: 'image/jpeg',
    extension: 'jpg',
    matches: (bytes) => bytes.startsWith('\xff\xd8\xff'),
    readLayout: readJpegLayout,
  },
  {
    contentType: 'image/webp',
    extension: 'webp',
    matches: (bytes) => bytes.startsWith('RIFF') && bytes.startsWith('WEBP', 8),
    readLayout: readWebpLayout,
  },
  {
    contentType: 'image/gif',
    extension: 'gif',
    matches: (bytes) => bytes.startsWith('GIF87a') || bytes.startsWith('GIF89a'),
    readLayout: readGifLayout,
  },
  {
    contentType: 'image/tiff',
    extension: 'tiff',
    matches: (bytes) => bytes.startsWith('II*\0') || bytes.startsWith('MM\0*'),
    readLayout: readTiffLayout,
  },
  {
    contentType: 'image/bmp',
    extension: 'bmp',
    matches: (bytes) => bytes.startsWith('BM'),
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
/** A loader of sounds takes the sound of a video as well. */
const taken = { video: films, audio: { ...sounds, ...films } }
const wanted: Readonly<Record<TakenKind, string>> = {
  image: 'an image: PNG, JPEG, WebP, GIF, BMP or TIFF',
  video: 'a video: MP4, MOV, WebM, MKV, AVI, or a moving GIF or WebP',
  audio: 'a sound: WAV, MP3, FLAC, Ogg, Opus, M4A or AAC, or a video with sound',
  '3d': 'a 3D model: GLB, glTF, OBJ, STL, FBX, PLY or SPZ',
  any: 'an image, a video, a sound or a 3D model (GLB, glTF, OBJ, STL, FBX, PLY or SPZ)',
}

/**
 * What the bytes are, whatever anybody claims, and that they are of the kind that is wanted. The size of images is read
 * from their headers, so that they can be decoded without harm; of videos, sounds and 3D models the structure is looked
 * at. Nothing is decoded, and only a few bytes are in memory at a time.
 * @throws GatewayError `unsupported_input` naming the parameter
 */
export async function sniffMedia(bytes: ByteReader, pointer: string, kind: TakenKind = 'image'): Promise<SniffedMedia> {
  if (bytes.length === 0) throw refuseInput(pointer, 'empty', `is empty. Send ${wanted[kind]}.`)
  const format = formats.find(({ matches }) => matches(bytes))
  if (format !== undefined && isWanted(format, kind)) return sniffImage(bytes, pointer, format)
  const model = kind === '3d' || kind === 'any' ? modelFormatOf(bytes) : undefined
  if (model !== undefined) return model
  // Nothing that is taken has its signature any later, but behind a tag, which tells enough.
  const found = await fileTypeFromBuffer(bytes.head(sniffedBytes)).catch(() => undefined)
  const extension = found?.ext ?? ''
  const contentType = typeOf(extension, kind)
  if (contentType === undefined) {
    const name = kind === 'any' ? 'medium that is taken' : kind
    const holds = found === undefined ? `no ${name}` : `no ${name} but ${found.mime}`
    throw refuseInput(pointer, 'unsupported_type', `holds ${holds}. Send ${wanted[kind]}.`)
  }
  if (structureChecks[extension]?.(bytes) !== true)
    throw refuseInput(pointer, 'broken_media', `holds a broken ${contentType}; is it complete?`)
  return { contentType, extension }
}

const sniffedBytes = 64 * 1024

function isWanted({ extension }: MediaFormat, kind: TakenKind): boolean {
  return kind === 'image' || kind === 'any' || (kind === 'video' && moving.has(extension))
}

function typeOf(extension: string, kind: TakenKind): string | undefined {
  if (kind === 'image' || kind === '3d') return undefined
  const types: Readonly<Record<string, string>> = taken[kind === 'any' ? 'audio' : kind]
  return Object.hasOwn(types, extension) ? types[extension] : undefined
}

/** Image formats that hold films. */
const moving: ReadonlySet<string> = new Set(['gif', 'webp'])

function sniffImage(bytes: ByteReader, pointer: string, format: MediaFormat): SniffedMedia {
  const { contentType, extension, readLayout } = format
  const layout = readLayout(bytes)
  if (layout === undefined) throw refuseInput(pointer, 'broken_image', `holds a broken ${contentType}; is it complete?`)
  checkLayout(layout, pointer)
  return { contentType, extension }
}

function checkLayout({ width, height, frames, hasBomb }: ImageLayout, pointer: string): void {
  if (hasBomb === true) {
    throw refuseInput(pointer, 'too_large_unpacked', 'holds a packed text or colour profile of more than 1024 KiB.')
  }
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

import { inflateSync } from 'node:zlib'
import type { ByteReader } from './byte-reader.ts'

/** What has to be known of an image before anybody decodes it. */
export interface ImageLayout {
  readonly width: number
  readonly height: number
  readonly frames: number
  /** Something in it becomes absurdly large when it is unpacked. */
  readonly hasBomb?: boolean
}

/**
 * Reads the layout from the headers alone: no pixel is decoded, and the work is bounded by the number of blocks in the
 * file. `undefined` when the bytes end too early or are no such image.
 */
export type ImageLayoutReader = (bytes: ByteReader) => ImageLayout | undefined

/** Counting further would only tell how much too many there are. */
const maxCountedFrames = 1000
/** No page of a real TIFF has nearly as many. */
const maxTiffEntries = 1000

/** PNG and APNG, https://www.w3.org/TR/png-3/ */
export const readPngLayout = boundedBy((bytes) => {
  if (bytes.text(12, 4) !== 'IHDR') return undefined
  const size = { width: bytes.readUInt32BE(16), height: bytes.readUInt32BE(20) }
  let [frames, controls, unpackedBytes] = [1, 0, 0]
  let hasData = false
  for (let offset = 8; ; offset += 12 + bytes.readUInt32BE(offset)) {
    const type = bytes.readUInt32BE(offset + 4)
    if (type === pngType.acTL) frames = Math.max(1, bytes.readUInt32BE(offset + 8))
    if (type === pngType.fcTL) controls += 1
    if (type === pngType.IDAT) hasData = true
    if (type === pngType.IEND) return hasData ? { ...size, frames: Math.max(frames, controls) } : undefined
    if (packedTypes.has(type)) {
      unpackedBytes += unpackedBytesOf(bytes, offset + 8, bytes.readUInt32BE(offset))
      if (unpackedBytes > maxUnpackedBytes) return { ...size, frames, hasBomb: true }
    }
  }
})

const codeOf = (type: string): number => Buffer.from(type, 'latin1').readUInt32BE()
const pngType = { acTL: codeOf('acTL'), fcTL: codeOf('fcTL'), IDAT: codeOf('IDAT'), IEND: codeOf('IEND') }
/** Texts and colour profiles, which decoders unpack when they open the file. */
const packedTypes: ReadonlySet<number> = new Set(['zTXt', 'iTXt', 'iCCP'].map(codeOf))
/** Of one such piece, as Pillow has it. */
const maxUnpackedPieceBytes = 1024 * 1024
/** Names have 79 characters, translations usually fewer. */
const maxPackedHeadBytes = 2048
const maxUnpackedBytes = 8 * maxUnpackedPieceBytes

/** How much a piece is when it is unpacked, as far as that is not too much. What cannot be unpacked is nothing. */
function unpackedBytesOf(bytes: ByteReader, offset: number, length: number): number {
  const head = bytes.bytes(offset, Math.min(length, maxPackedHeadBytes))
  const start = packedStart(bytes.readUInt32BE(offset - 4), head)
  if (start === undefined) return 0
  // What is packed at all becomes larger.
  if (length - start > maxUnpackedPieceBytes) return Infinity
  try {
    const packed = bytes.bytes(offset + start, length - start)
    return inflateSync(packed, { maxOutputLength: maxUnpackedPieceBytes }).length
  } catch (error) {
    if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') return Infinity
    return 0
  }
}

/** Where the packed data begin: behind a name, and in an international text behind its language and its translation. */
function packedStart(type: number, head: Buffer): number | undefined {
  const nameEnd = head.indexOf(0)
  if (nameEnd === -1) return undefined
  if (type !== codeOf('iTXt')) return nameEnd + 2
  if (head[nameEnd + 1] !== 1) return undefined
  const translation = head.indexOf(0, head.indexOf(0, nameEnd + 3) + 1)
  return translation === -1 ? undefined : translation + 1
}

/** JPEG: the first frame header, ITU-T T.81 B.2.2. Whole only if an end marker follows the start of the scan. */
export const readJpegLayout = boundedBy((bytes) => {
  let size: { width: number; height: number } | undefined
  for (let offset = 2; ;) {
    if (bytes.readUInt8(offset) !== 0xff) return undefined
    const marker = bytes.readUInt8(offset + 1)
    if (marker === 0xff) {
      offset += 1
      continue
    }
    if (isFrameHeader(marker))
      size ??= { height: bytes.readUInt16BE(offset + 5), width: bytes.readUInt16BE(offset + 7) }
    if (marker === startOfScan) {
      return size !== undefined && bytes.hasNearEnd(endOfImage, offset + 1, maxTrailingBytes)
        ? { ...size, frames: 1 }
        : undefined
    }
    offset += 2 + (hasLength(marker) ? Math.max(2, bytes.readUInt16BE(offset + 2)) : 0)
  }
})

const startOfScan = 0xda
const endOfImage = Buffer.from([0xff, 0xd9])
/** Some cameras put a whole film behind a picture. */
const maxTrailingBytes = 64 * 1024 * 1024

/** SOF0 to SOF15 without the three tables that lie among them. */
function isFrameHeader(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc
}

function hasLength(marker: number): boolean {
  return marker !== 0x01 && !(marker >= 0xd0 && marker <= 0xd8)
}

/** GIF87a and GIF89a. A frame may reach beyond the screen that the header tells, and decoders follow it. */
export const readGifLayout = boundedBy((bytes) => {
  let width = bytes.readUInt16LE(6)
  let height = bytes.readUInt16LE(8)
  let frames = 0
  let offset = 13 + colorTableBytes(bytes.readUInt8(10))
  while (offset < bytes.length && frames < maxCountedFrames) {
    const block = bytes.readUInt8(offset)
    if (block === gifTrailer) break
    if (block === gifExtension) {
      offset = skipSubBlocks(bytes, offset + 2)
    } else if (block === gifImage) {
      frames += 1
      width = Math.max(width, bytes.readUInt16LE(offset + 1) + bytes.readUInt16LE(offset + 5))
      height = Math.max(height, bytes.readUInt16LE(offset + 3) + bytes.readUInt16LE(offset + 7))
      offset = skipSubBlocks(bytes, offset + 11 + colorTableBytes(bytes.readUInt8(offset + 9)))
    } else {
      break
    }
  }
  return frames === 0 ? undefined : { width, height, frames }
})

const gifExtension = 0x21
const gifImage = 0x2c
const gifTrailer = 0x3b

function colorTableBytes(flags: number): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 0x07) + 1)
}

function skipSubBlocks(bytes: ByteReader, start: number): number {
  let offset = start
  for (let length = bytes.readUInt8(offset); length > 0; length = bytes.readUInt8(offset)) offset += 1 + length
  return offset + 1
}

/** WebP, RFC 9649. */
export const readWebpLayout = boundedBy((bytes) => {
  if (bytes.readUInt32LE(4) + 8 > bytes.length) return undefined
  switch (bytes.text(12, 4)) {
    case 'VP8 ':
      if (bytes.readUInt24BE(23) !== 0x9d012a) return undefined
      return { width: bytes.readUInt16LE(26) & 0x3fff, height: bytes.readUInt16LE(28) & 0x3fff, frames: 1 }
    case 'VP8L': {
      if (bytes.readUInt8(20) !== 0x2f) return undefined
      const packed = bytes.readUInt32LE(21)
      return { width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1, frames: 1 }
    }
    case 'VP8X':
      return { width: bytes.readUInt24LE(24) + 1, height: bytes.readUInt24LE(27) + 1, frames: countWebpFrames(bytes) }
    default:
      return undefined
  }
})

function countWebpFrames(bytes: ByteReader): number {
  let frames = 0
  for (let offset = 12; offset + 8 <= bytes.length && frames < maxCountedFrames;) {
    if (bytes.text(offset, 4) === 'ANMF') frames += 1
    const length = bytes.readUInt32LE(offset + 4)
    offset += 8 + length + (length % 2)
  }
  return Math.max(1, frames)
}

/** BMP: the old core header, or any of those that begin like BITMAPINFOHEADER. A negative height means top to bottom. */
export const readBmpLayout = boundedBy((bytes) => {
  if (bytes.readUInt32LE(10) >= bytes.length) return undefined
  const headerBytes = bytes.readUInt32LE(14)
  if (headerBytes === 12) return { width: bytes.readUInt16LE(18), height: bytes.readUInt16LE(20), frames: 1 }
  if (headerBytes < 16) return undefined
  return { width: bytes.readInt32LE(18), height: Math.abs(bytes.readInt32LE(22)), frames: 1 }
})

/** TIFF 6.0: the largest of its pages, and how many there are. */
export const readTiffLayout = boundedBy((bytes) => {
  const isLittle = bytes.text(0, 2) === 'II'
  const read16 = (offset: number): number => (isLittle ? bytes.readUInt16LE(offset) : bytes.readUInt16BE(offset))
  const read32 = (offset: number): number => (isLittle ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset))
  const layout = { width: 0, height: 0, frames: 0 }
  const seen = new Set<number>()
  for (let page = read32(4); page !== 0;) {
    // Pages that point at each other would never end.
    if (seen.has(page) || seen.size >= maxCountedFrames) return undefined
    seen.add(page)
    const entries = read16(page)
    if (entries > maxTiffEntries) return undefined
    for (let entry = page + 2; entry < page + 2 + entries * 12; entry += 12) {
      const tag = read16(entry)
      if (tag !== tiffWidth && tag !== tiffHeight) continue
      const value = read16(entry + 2) === tiffShort ? read16(entry + 8) : read32(entry + 8)
      if (tag === tiffWidth) layout.width = Math.max(layout.width, value)
      else layout.height = Math.max(layout.height, value)
    }
    layout.frames += 1
    page = read32(page + 2 + entries * 12)
  }
  return layout
})

const tiffWidth = 256
const tiffHeight = 257
const tiffShort = 3

/** Reading beyond the end throws a RangeError: the image is cut off. */
function boundedBy(read: ImageLayoutReader): ImageLayoutReader {
  return (bytes) => {
    try {
      return read(bytes)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }
}

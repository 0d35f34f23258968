import type { ByteReader } from './byte-reader.ts'

/**
 * Whether a film or a sound has what a reader of its format must find: pieces that lie within the file, and among them
 * those that say what the rest is. Nothing is decoded.
 */
type StructureCheck = (bytes: ByteReader) => boolean

/** By extension. */
export const structureChecks: Readonly<Record<string, StructureCheck>> = {
  mp4: bounded(isMp4Whole),
  m4v: bounded(isMp4Whole),
  mov: bounded(isMp4Whole),
  m4a: bounded(isMp4Whole),
  webm: bounded(isMatroskaWhole),
  mkv: bounded(isMatroskaWhole),
  avi: bounded((bytes) => hasRiffChunk(bytes, 'LIST')),
  wav: bounded((bytes) => hasRiffChunk(bytes, 'fmt ')),
  flac: bounded(isFlacWhole),
  ogg: bounded(isOggWhole),
  opus: bounded(isOggWhole),
  mp3: bounded((bytes) => hasFrames(bytes, afterId3(bytes), mp3FrameBytes)),
  aac: bounded((bytes) => hasFrames(bytes, afterId3(bytes), aacFrameBytes)),
}

/** ISO 14496-12: boxes up to the end, one of which describes the film. */
function isMp4Whole(bytes: ByteReader): boolean {
  let isDescribed = false
  for (let offset = 0; offset < bytes.length;) {
    const type = bytes.text(offset + 4, 4)
    let size = bytes.readUInt32BE(offset)
    if (size === 1) size = bytes.readUInt64BE(offset + 8)
    if (size === 0) size = bytes.length - offset
    // Some programs leave a few bytes behind the last box.
    if (size < 8 || offset + size > bytes.length) return isDescribed && type !== 'mdat' && type !== 'moof'
    if (type === 'moov' || type === 'moof') isDescribed = true
    offset += size
    if (isDescribed && bytes.length - offset < 8) break
  }
  return isDescribed
}

const ebmlHeader = 0x1a45dfa3
const matroskaSegment = 0x18538067
const matroskaTracks = 0x1654ae6b
const matroskaCluster = 0x1f43b675
const maxEbmlHeaderBytes = 4096

/** RFC 9559: a segment that is as long as it says, with tracks before the first of its data. */
function isMatroskaWhole(bytes: ByteReader): boolean {
  const header = readElement(bytes, 0)
  if (header.id !== ebmlHeader || header.size > maxEbmlHeaderBytes) return false
  let offset = header.dataOffset + header.size
  let segment = readElement(bytes, offset)
  while (segment.id !== matroskaSegment) {
    offset = segment.dataOffset + segment.size
    segment = readElement(bytes, offset)
  }
  if (segment.size !== Infinity && segment.dataOffset + segment.size > bytes.length) return false
  for (let at = segment.dataOffset; ;) {
    const element = readElement(bytes, at)
    if (element.id === matroskaCluster) return false
    at = element.dataOffset + element.size
    if (at > bytes.length) return false
    if (element.id === matroskaTracks) return true
  }
}

/** The size is Infinity where the writer did not know it. */
function readElement(bytes: ByteReader, offset: number): { id: number; size: number; dataOffset: number } {
  const idBytes = Math.clz32(bytes.readUInt8(offset)) - 23
  if (idBytes > 4) throw new RangeError('An identifier is too long.')
  let id = 0
  for (let index = 0; index < idBytes; index += 1) id = id * 256 + bytes.readUInt8(offset + index)
  const sizeOffset = offset + idBytes
  const first = bytes.readUInt8(sizeOffset)
  const sizeBytes = Math.clz32(first) - 23
  if (sizeBytes > 8) throw new RangeError('A size is too long.')
  let size = first & (0xff >> sizeBytes)
  let isUnknown = size === 0xff >> sizeBytes
  for (let index = 1; index < sizeBytes; index += 1) {
    const byte = bytes.readUInt8(sizeOffset + index)
    isUnknown &&= byte === 0xff
    size = size * 256 + byte
  }
  return { id, size: isUnknown ? Infinity : size, dataOffset: sizeOffset + sizeBytes }
}

/** Streams do not know how long their data are, so only what comes before these has to be within the file. */
function hasRiffChunk(bytes: ByteReader, wanted: string): boolean {
  for (let offset = 12; ;) {
    const type = bytes.text(offset, 4)
    const size = bytes.readUInt32LE(offset + 4)
    if (type === wanted) return size >= 4 && offset + 8 + size <= bytes.length
    offset += 8 + size + (size % 2)
  }
}

const flacStreamInfoBytes = 34

/** RFC 9639: metadata blocks, the first of which describes the sound. */
function isFlacWhole(bytes: ByteReader): boolean {
  if ((bytes.readUInt8(4) & 0x7f) !== 0 || bytes.readUInt24BE(5) !== flacStreamInfoBytes) return false
  for (let offset = 4; ;) {
    const isLast = (bytes.readUInt8(offset) & 0x80) !== 0
    offset += 4 + bytes.readUInt24BE(offset + 1)
    if (offset > bytes.length) return false
    if (isLast) return true
  }
}

/** RFC 3533: the first two pages; what is said of a sound needs that much. */
function isOggWhole(bytes: ByteReader): boolean {
  let offset = 0
  for (let page = 0; page < 2; page += 1) {
    if (bytes.text(offset, 4) !== 'OggS' || bytes.readUInt8(offset + 4) !== 0) return false
    const segments = bytes.readUInt8(offset + 26)
    offset += 27 + segments + bytes.bytes(offset + 27, segments).reduce((sum, length) => sum + length, 0)
  }
  return offset <= bytes.length
}

/** Where an ID3 tag ends. */
function afterId3(bytes: ByteReader): number {
  let offset = 0
  while (bytes.startsWith('ID3', offset)) {
    const [a, b, c, d] = [6, 7, 8, 9].map((index) => bytes.readUInt8(offset + index))
    const size = ((a ?? 0) << 21) | ((b ?? 0) << 14) | ((c ?? 0) << 7) | (d ?? 0)
    const hasFooter = (bytes.readUInt8(offset + 5) & 0x10) !== 0
    offset += 10 + size + (hasFooter ? 10 : 0)
  }
  return offset
}

/** Encoders leave a little space before the first frame. */
const maxFrameSearchBytes = 64 * 1024

/** Whether a frame begins soon, which another one follows or the end. */
function hasFrames(bytes: ByteReader, from: number, sizeOf: (head: number, next: number) => number): boolean {
  for (let offset = from; offset < from + maxFrameSearchBytes; offset += 1) {
    const size = sizeOf(bytes.readUInt32BE(offset), offset + 8 <= bytes.length ? bytes.readUInt32BE(offset + 4) : 0)
    if (size === 0) continue
    const next = offset + size
    if (next + 4 > bytes.length) return true
    if (sizeOf(bytes.readUInt32BE(next), next + 8 <= bytes.length ? bytes.readUInt32BE(next + 4) : 0) > 0) return true
  }
  return false
}

const kilobits = {
  v1: {
    1: [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    2: [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    3: [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  },
  v2: {
    1: [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    2: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    3: [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  },
} as const
const sampleRates = [44_100, 48_000, 32_000]

/** ISO 11172-3, 2.4.1.3 and 13818-3; 0 where no frame begins. */
function mp3FrameBytes(head: number): number {
  if (head >>> 21 !== 0x7ff) return 0
  const version = (head >>> 19) & 3
  const layer = 4 - ((head >>> 17) & 3)
  const rateBase = sampleRates[(head >>> 10) & 3]
  if (version === 1 || rateBase === undefined || (layer !== 1 && layer !== 2 && layer !== 3)) return 0
  const bitrate = kilobits[version === 3 ? 'v1' : 'v2'][layer][((head >>> 12) & 15) - 1]
  if (bitrate === undefined) return 0
  const sampleRate = rateBase / (version === 3 ? 1 : version === 2 ? 2 : 4)
  const padding = (head >>> 9) & 1
  if (layer === 1) return (Math.floor((12_000 * bitrate) / sampleRate) + padding) * 4
  return Math.floor(((layer === 3 && version !== 3 ? 72_000 : 144_000) * bitrate) / sampleRate) + padding
}

/** ADTS, ISO 13818-7, 6.2; 0 where no frame begins. */
function aacFrameBytes(head: number, next: number): number {
  const isFrame = head >>> 20 === 0xfff && ((head >>> 17) & 3) === 0 && ((head >>> 10) & 15) < 13
  const size = ((head & 3) << 11) | (next >>> 21)
  return isFrame && size >= 7 ? size : 0
}

/** Reading beyond the end throws a RangeError: a piece is cut off. */
function bounded(check: StructureCheck): StructureCheck {
  return (bytes) => {
    try {
      return check(bytes)
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  }
}

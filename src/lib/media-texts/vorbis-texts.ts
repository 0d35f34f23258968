import { splitNamed, type MediaText } from './media-text.ts'

const vorbisCommentBlock = 4

export function isFlac(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'fLaC'
}

/** The comments of a FLAC file (RFC 9639, section 8.6). */
export function flacTexts(bytes: Buffer): MediaText[] {
  let at = 4
  while (at + 4 <= bytes.length) {
    const header = bytes.readUInt8(at)
    const end = at + 4 + bytes.readUIntBE(at + 1, 3)
    if ((header & 0x7f) === vorbisCommentBlock) return comments(bytes.subarray(at + 4, end))
    if ((header & 0x80) !== 0) break
    at = end
  }
  return []
}

export function isOgg(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'OggS'
}

const opusHead = Buffer.from('OpusTags')
const vorbisHead = Buffer.from('\x03vorbis', 'latin1')

/** The comments of an Ogg file with Opus or Vorbis (RFC 3533; RFC 7845, section 5.2): the second packet. */
export function oggTexts(bytes: Buffer): MediaText[] {
  const packet = secondPacket(bytes)
  for (const head of [opusHead, vorbisHead]) {
    if (packet.subarray(0, head.length).equals(head)) return comments(packet.subarray(head.length))
  }
  return []
}

/** A packet goes on over as many segments of 255 bytes, and pages, as it takes. */
function secondPacket(bytes: Buffer): Buffer {
  const parts: Buffer[] = []
  let packet = 0
  let at = 0
  while (at + 27 <= bytes.length && bytes.toString('latin1', at, at + 4) === 'OggS') {
    const lacing = bytes.subarray(at + 27, at + 27 + bytes.readUInt8(at + 26))
    let from = at + 27 + lacing.length
    for (const size of lacing) {
      if (packet === 1) parts.push(bytes.subarray(from, from + size))
      from += size
      if (size === 255) continue
      packet += 1
      if (packet === 2) return Buffer.concat(parts)
    }
    at = from
  }
  return Buffer.concat(parts)
}

/** Lengths are little-endian: the vendor, the number of comments, the comments as `NAME=text`. */
function comments(data: Buffer): MediaText[] {
  const texts: MediaText[] = []
  if (data.length < 4) return texts
  let at = 4 + data.readUInt32LE(0)
  if (at + 4 > data.length) return texts
  const count = data.readUInt32LE(at)
  at += 4
  for (let index = 0; index < count && at + 4 <= data.length; index += 1) {
    const end = at + 4 + data.readUInt32LE(at)
    if (end > data.length) break
    texts.push(splitNamed(data.toString('utf8', at + 4, end), '='))
    at = end
  }
  return texts
}

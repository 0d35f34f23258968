import type { MediaText } from './media-text.ts'

export function hasId3(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 3) === 'ID3'
}

/** A frame of an ID3 tag: all of it, and what it holds. */
export interface Id3Frame {
  readonly id: string
  readonly bytes: Buffer
  readonly data: Buffer
}

/** The texts that users added (`TXXX` frames) to a file with an ID3 tag of version 2.3 or 2.4 in front. */
export function id3Texts(bytes: Buffer): MediaText[] {
  if (bytes.length < 10) return []
  const texts: MediaText[] = []
  for (const { id, data } of id3Frames(bytes.subarray(0, 10), bytes.subarray(10, 10 + syncSafe(bytes, 6)))) {
    const text = id === 'TXXX' ? id3UserText(data) : undefined
    if (text !== undefined) texts.push(text)
  }
  return texts
}

/** The frames of a tag of version 2.3 or 2.4, after the ten bytes at its begin, zeros that hide bytes 0xff taken out. */
export function* id3Frames(head: Buffer, whole: Buffer): Generator<Id3Frame> {
  const version = head.readUInt8(3)
  const flags = head.readUInt8(5)
  if (version !== 3 && version !== 4) return
  // In 2.4 each frame says itself whether it is so.
  const tag = version === 3 && (flags & 0x80) !== 0 ? synchronised(whole) : whole
  const sizeAt = (at: number): number => (version === 4 ? syncSafe(tag, at) : tag.readUInt32BE(at))
  let at = 0
  if ((flags & 0x40) !== 0 && tag.length >= 4) at = version === 4 ? sizeAt(0) : 4 + sizeAt(0)
  while (at + 10 <= tag.length && tag[at] !== 0) {
    const end = at + 10 + sizeAt(at + 4)
    if (end > tag.length) return
    const data = frameData(tag.subarray(at + 10, end), version, tag.readUInt8(at + 9))
    yield { id: tag.toString('latin1', at, at + 4), bytes: tag.subarray(at, end), data }
    at = end
  }
}

/** Undoes what the flags of a frame of version 2.4 say; what is compressed or encrypted is no text. */
function frameData(data: Buffer, version: number, flags: number): Buffer {
  if (version !== 4) return flags === 0 ? data : Buffer.alloc(0)
  if ((flags & 0x0c) !== 0) return Buffer.alloc(0)
  const plain = (flags & 0x02) !== 0 ? synchronised(data) : data
  return (flags & 0x01) !== 0 ? plain.subarray(4) : plain
}

/** Seven bits of each of four bytes. */
export function syncSafe(bytes: Buffer, at: number): number {
  let value = 0
  for (const byte of bytes.subarray(at, at + 4)) value = value * 128 + (byte & 0x7f)
  return value
}

function synchronised(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('latin1').replaceAll('\xff\0', '\xff'), 'latin1')
}

/** How it is written, the name, a zero, the text. */
export function id3UserText(data: Buffer): MediaText | undefined {
  if (data.length === 0) return undefined
  const encoding = data.readUInt8(0)
  const decoded = decode(data.subarray(1), encoding)
  const nameEnd = decoded.indexOf('\0')
  if (nameEnd < 0) return undefined
  const withoutMark = (text: string): string => text.replace(/^\uFEFF/, '')
  return {
    name: withoutMark(decoded.slice(0, nameEnd)),
    text: withoutMark(decoded.slice(nameEnd + 1)).replace(/\0+$/, ''),
  }
}

function decode(data: Buffer, encoding: number): string {
  const even = (): Buffer => Buffer.from(data.subarray(0, data.length & ~1))
  switch (encoding) {
    case 1:
      return data[0] === 0xfe && data[1] === 0xff ? even().swap16().toString('utf16le') : even().toString('utf16le')
    case 2:
      return even().swap16().toString('utf16le')
    case 3:
      return data.toString('utf8')
    default:
      return data.toString('latin1')
  }
}

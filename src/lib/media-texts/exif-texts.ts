import { splitNamed, type MediaText } from './media-text.ts'

const asciiType = 2
const undefinedType = 7
const exifDirectoryTag = 0x8769
const userCommentTag = 0x9286
const maxEntries = 1000

/** The ASCII values and the user comment of Exif data (TIFF 6.0, section 2), with or without the header `Exif`. */
export function exifTexts(data: Buffer): MediaText[] {
  const tiff = data.toString('latin1', 0, 6) === 'Exif\0\0' ? data.subarray(6) : data
  const order = tiff.toString('latin1', 0, 2)
  if (tiff.length < 8 || (order !== 'II' && order !== 'MM')) return []
  const isLittle = order === 'II'
  const read16 = (at: number): number => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const read32 = (at: number): number => (isLittle ? tiff.readUInt32LE(at) : tiff.readUInt32BE(at))
  const texts: MediaText[] = []
  const pending = [read32(4)]
  const seen = new Set<number>()

  for (let start = pending.shift(); start !== undefined; start = pending.shift()) {
    if (seen.has(start) || start + 2 > tiff.length) continue
    seen.add(start)
    const count = Math.min(read16(start), maxEntries)
    for (let index = 0; index < count; index += 1) {
      const at = start + 2 + index * 12
      if (at + 12 > tiff.length) break
      readEntry(at)
    }
    const next = start + 2 + count * 12
    if (next + 4 <= tiff.length) pending.push(read32(next))
  }
  return texts

  function readEntry(at: number): void {
    const tag = read16(at)
    const type = read16(at + 2)
    const size = read32(at + 4)
    if (tag === exifDirectoryTag) {
      pending.push(read32(at + 8))
      return
    }
    const isComment = tag === userCommentTag && type === undefinedType
    if (type !== asciiType && !isComment) return
    const valueAt = size <= 4 ? at + 8 : read32(at + 8)
    if (valueAt + size > tiff.length) return
    const value = tiff.subarray(valueAt, valueAt + size)
    const text = isComment ? userComment(value, isLittle) : value.toString('utf8')
    texts.push(splitNamed(text.replace(/\0+$/, ''), ':'))
  }
}

/** Eight bytes say how the rest is written. */
function userComment(value: Buffer, isLittle: boolean): string {
  const rest = value.subarray(8)
  if (value.toString('latin1', 0, 7) !== 'UNICODE') return rest.toString('utf8')
  const even = Buffer.from(rest.subarray(0, rest.length & ~1))
  return (isLittle ? even : even.swap16()).toString('utf16le')
}

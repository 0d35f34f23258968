import { exifTexts } from './exif-texts.ts'
import type { MediaText } from './media-text.ts'

interface Box {
  readonly type: string
  readonly start: number
  readonly end: number
}

export function isIsoMedia(bytes: Buffer): boolean {
  return bytes.toString('latin1', 4, 8) === 'ftyp'
}

/**
 * The texts of an MP4, MOV, HEIC or AVIF file: metadata with names (`keys` and `ilst`, QuickTime File Format, "Metadata"),
 * the classic items of `ilst`, and the Exif data of pictures (ISO/IEC 23008-12, annex A).
 */
export function isoMediaTexts(bytes: Buffer): MediaText[] {
  const texts: MediaText[] = []
  walk(0, bytes.length)
  return texts

  function walk(from: number, to: number): void {
    for (const box of boxes(bytes, from, to)) {
      if (box.type === 'meta') readMeta(box)
      else if (box.type === 'moov' || box.type === 'udta' || box.type === 'trak') walk(box.start, box.end)
    }
  }

  /** A full box in ISO files, with four bytes of version and flags, and a plain one in QuickTime. */
  function readMeta({ start, end }: Box): void {
    const isPlain = bytes.toString('latin1', start + 4, start + 8) === 'hdlr'
    const inner = [...boxes(bytes, isPlain ? start : start + 4, end)]
    const keys = inner.find(({ type }) => type === 'keys')
    const list = inner.find(({ type }) => type === 'ilst')
    if (list !== undefined) readList(list, keys === undefined ? [] : keyNames(bytes, keys))
    const information = inner.find(({ type }) => type === 'iinf')
    const location = inner.find(({ type }) => type === 'iloc')
    if (information !== undefined && location !== undefined) {
      for (const id of exifItems(bytes, information)) readExif(location, id)
    }
  }

  function readList(list: Box, names: readonly string[]): void {
    for (const item of boxes(bytes, list.start, list.end)) {
      const data = [...boxes(bytes, item.start, item.end)].find(({ type }) => type === 'data')
      if (data === undefined || data.start + 8 > data.end) continue
      const isText = bytes.readUInt32BE(data.start) === 1
      if (!isText) continue
      const name = names[bytes.readUInt32BE(item.start - 4) - 1] ?? item.type
      texts.push({ name, text: bytes.toString('utf8', data.start + 8, data.end) })
    }
  }

  function readExif(location: Box, itemId: number): void {
    const extent = extentOf(bytes, location, itemId)
    if (extent === undefined || extent.end > bytes.length || extent.start + 4 > extent.end) return
    // The first four bytes say how many more come before the TIFF header.
    const tiffAt = extent.start + 4 + bytes.readUInt32BE(extent.start)
    if (tiffAt < extent.end) texts.push(...exifTexts(bytes.subarray(tiffAt, extent.end)))
  }
}

function* boxes(bytes: Buffer, from: number, to: number): Generator<Box> {
  let at = from
  while (at + 8 <= to) {
    const told = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    let start = at + 8
    let size = told === 0 ? to - at : told
    if (told === 1) {
      if (at + 16 > to) return
      size = Number(bytes.readBigUInt64BE(at + 8))
      start = at + 16
    }
    if (size < start - at || at + size > to) return
    yield { type, start, end: at + size }
    at += size
  }
}

function keyNames(bytes: Buffer, { start, end }: Box): string[] {
  return [...boxes(bytes, start + 8, end)].map((key) => bytes.toString('utf8', key.start, key.end))
}

/** Ids of the items that hold Exif data. */
function exifItems(bytes: Buffer, { start, end }: Box): number[] {
  if (start + 6 > end) return []
  const ids: number[] = []
  for (const entry of boxes(bytes, start + (bytes.readUInt8(start) === 0 ? 6 : 8), end)) {
    if (entry.type !== 'infe' || entry.start + 12 > entry.end) continue
    const isWide = bytes.readUInt8(entry.start) >= 3
    const id = isWide ? bytes.readUInt32BE(entry.start + 4) : bytes.readUInt16BE(entry.start + 4)
    const typeAt = entry.start + (isWide ? 10 : 8)
    if (bytes.toString('latin1', typeAt, typeAt + 4) === 'Exif') ids.push(id)
  }
  return ids
}

/** Where an item lies in the file (ISO/IEC 14496-12, 8.11.3), when it lies there in one piece. */
function extentOf(bytes: Buffer, location: Box, itemId: number): { start: number; end: number } | undefined {
  let at = location.start
  const read = (size: number): number => {
    if (size === 0) return 0
    if (at + size > location.end) throw new RangeError('the box ends')
    const value = size === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, size)
    at += size
    return value
  }
  try {
    const version = read(1)
    at += 3
    const [first, second] = [read(1), read(1)]
    const sizes = { offset: first >> 4, length: first & 15, base: second >> 4, index: version > 0 ? second & 15 : 0 }
    const count = read(version < 2 ? 2 : 4)
    for (let index = 0; index < count; index += 1) {
      const id = read(version < 2 ? 2 : 4)
      const method = version > 0 ? read(2) & 15 : 0
      at += 2
      const base = read(sizes.base)
      const extents = read(2)
      let extent: { start: number; end: number } | undefined
      for (let each = 0; each < extents; each += 1) {
        read(sizes.index)
        const start = base + read(sizes.offset)
        extent = { start, end: start + read(sizes.length) }
      }
      if (id === itemId) return method === 0 && extents === 1 ? extent : undefined
    }
  } catch {
    // A box that ends too early tells of no place.
  }
  return undefined
}

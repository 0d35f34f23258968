import { exifTexts } from './exif-texts.ts'
import { isoItems } from './iso-media-items.ts'
import { isoBoxes, type IsoBox } from './iso-boxes.ts'
import type { MediaText } from './media-text.ts'

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
    for (const box of isoBoxes(bytes, from, to)) {
      if (box.type === 'meta') readMeta(box)
      else if (box.type === 'moov' || box.type === 'udta' || box.type === 'trak') walk(box.start, box.end)
    }
  }

  /** A full box in ISO files, with four bytes of version and flags, and a plain one in QuickTime. */
  function readMeta({ start, end }: IsoBox): void {
    const isPlain = bytes.toString('latin1', start + 4, start + 8) === 'hdlr'
    const inner = [...isoBoxes(bytes, isPlain ? start : start + 4, end)]
    const keys = inner.find(({ type }) => type === 'keys')
    const list = inner.find(({ type }) => type === 'ilst')
    if (list !== undefined) readList(list, keys === undefined ? [] : isoKeyNames(bytes, keys))
    const information = inner.find(({ type }) => type === 'iinf')
    const location = inner.find(({ type }) => type === 'iloc')
    if (information !== undefined && location !== undefined) {
      for (const item of isoItems(bytes, information, location)) {
        const [extent] = item.extents
        if (item.isExif && item.isInFile && item.extents.length === 1 && extent !== undefined) readExif(extent)
      }
    }
  }

  function readList(list: IsoBox, names: readonly string[]): void {
    for (const item of isoBoxes(bytes, list.start, list.end)) {
      const data = [...isoBoxes(bytes, item.start, item.end)].find(({ type }) => type === 'data')
      if (data === undefined || data.start + 8 > data.end) continue
      const isText = bytes.readUInt32BE(data.start) === 1
      if (!isText) continue
      const name = names[bytes.readUInt32BE(item.start - 4) - 1] ?? item.type
      texts.push({ name, text: bytes.toString('utf8', data.start + 8, data.end) })
    }
  }

  function readExif(extent: { start: number; end: number }): void {
    if (extent.end > bytes.length || extent.start + 4 > extent.end) return
    // The first four bytes say how many more come before the TIFF header.
    const tiffAt = extent.start + 4 + bytes.readUInt32BE(extent.start)
    if (tiffAt < extent.end) texts.push(...exifTexts(bytes.subarray(tiffAt, extent.end)))
  }
}

export function isoKeyNames(bytes: Buffer, { start, end }: IsoBox): string[] {
  return [...isoBoxes(bytes, start + 8, end)].map((key) => bytes.toString('utf8', key.start, key.end))
}

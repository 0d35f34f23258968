import { isoBoxes, type IsoBox } from './iso-boxes.ts'

/** Metadata of a picture in a HEIC or AVIF file, and where it lies. */
export interface IsoItem {
  readonly isExif: boolean
  /** The places count from the begin of the file; otherwise from that of `idat`. */
  readonly isInFile: boolean
  readonly extents: readonly { readonly start: number; readonly end: number }[]
}

interface Location {
  readonly method: number
  readonly extents: { start: number; end: number }[]
}

/** The Exif data and the texts of MIME types in a picture (ISO/IEC 23008-12, annex A), where their places are told. */
export function isoItems(bytes: Buffer, information: IsoBox, location: IsoBox): IsoItem[] {
  const places = locations(bytes, location)
  return metadataItems(bytes, information).flatMap(({ id, isExif }) => {
    const place = places.get(id)
    if (place === undefined || place.method > 1) return []
    return { isExif, isInFile: place.method === 0, extents: place.extents }
  })
}

function metadataItems(bytes: Buffer, { start, end }: IsoBox): { id: number; isExif: boolean }[] {
  if (start + 6 > end) return []
  const items: { id: number; isExif: boolean }[] = []
  for (const entry of isoBoxes(bytes, start + (bytes.readUInt8(start) === 0 ? 6 : 8), end)) {
    if (entry.type !== 'infe' || entry.start + 12 > entry.end) continue
    const isWide = bytes.readUInt8(entry.start) >= 3
    const id = isWide ? bytes.readUInt32BE(entry.start + 4) : bytes.readUInt16BE(entry.start + 4)
    const typeAt = entry.start + (isWide ? 10 : 8)
    const type = bytes.toString('latin1', typeAt, typeAt + 4)
    if (type === 'Exif' || type === 'mime') items.push({ id, isExif: type === 'Exif' })
  }
  return items
}

/** Where items lie (ISO/IEC 14496-12, 8.11.3). A box that ends too early tells of those before. */
function locations(bytes: Buffer, box: IsoBox): Map<number, Location> {
  const places = new Map<number, Location>()
  let at = box.start
  const read = (size: number): number => {
    if (size === 0) return 0
    if (at + size > box.end) throw new RangeError('the box ends')
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
      const extentCount = read(2)
      const extents: Location['extents'] = []
      for (let each = 0; each < extentCount; each += 1) {
        read(sizes.index)
        const start = base + read(sizes.offset)
        extents.push({ start, end: start + read(sizes.length) })
      }
      places.set(id, { method, extents })
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
  return places
}

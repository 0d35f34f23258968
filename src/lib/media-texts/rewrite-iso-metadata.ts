import { isoBoxes, type IsoBox } from './iso-boxes.ts'
import { isoItems } from './iso-media-items.ts'
import { isoKeyNames } from './iso-media-texts.ts'
import { blankedExif } from './minimal-exif.ts'
import { isTechnicalText } from './technical-names.ts'

/** A place in the file that holds metadata of a picture. */
export interface MetadataPlace {
  readonly start: number
  readonly end: number
  readonly isExif: boolean
}

/** Loudness, hints, kinds of tracks, and the encoder. */
const keptUserData = new Set([
  'ludt',
  'hnti',
  'hinf',
  'tsel',
  'kind',
  'strk',
  '\xa9too',
  '\xa9enc',
  '\xa9swr',
  'free',
  'skip',
])
const textBoxes = new Set(['xml ', 'bxml', 'ID32', 'uuid'])
const maxItemBytes = 1024

/** `udta` without its texts, of the same size. @param bytes the whole box */
export function rewriteUserData(bytes: Buffer): Buffer {
  const [box] = isoBoxes(bytes, 0, bytes.length)
  if (box === undefined) return freed(bytes.length)
  const inner = [...isoBoxes(bytes, box.start, box.end)]
  // Four zeros may end it.
  if (box.end - (inner.at(-1)?.end ?? box.start) >= 8) return freed(bytes.length)
  const kept = inner.flatMap((each) => {
    const whole = bytes.subarray(each.from, each.end)
    if (each.type === 'meta') return rewriteMeta(whole).bytes
    return keptUserData.has(each.type) && whole.length <= maxItemBytes ? whole : []
  })
  return filled([bytes.subarray(0, box.start), ...kept], bytes.length)
}

/**
 * `meta` without its texts, of the same size, and where else in the file there are more of them.
 * @param bytes the whole box
 */
export function rewriteMeta(bytes: Buffer): { bytes: Buffer; places: readonly MetadataPlace[] } {
  const [box] = isoBoxes(bytes, 0, bytes.length)
  if (box === undefined) return { bytes: freed(bytes.length), places: [] }
  const isPlain = bytes.toString('latin1', box.start + 4, box.start + 8) === 'hdlr'
  const from = isPlain ? box.start : box.start + 4
  const inner = [...isoBoxes(bytes, from, box.end)]
  if (box.end - (inner.at(-1)?.end ?? from) >= 8) return { bytes: freed(bytes.length), places: [] }
  const places = blankItems(bytes, inner)
  const keys = inner.find(({ type }) => type === 'keys')
  const list = inner.find(({ type }) => type === 'ilst')
  const lists = list === undefined ? [] : technicalItems(bytes, list, keys)
  const others = inner.filter(({ type }) => type !== 'keys' && type !== 'ilst' && !textBoxes.has(type))
  const kept = others.map((each) => bytes.subarray(each.from, each.end))
  return { bytes: filled([bytes.subarray(0, from), ...kept, ...lists], bytes.length), places }
}

/** Blanks the items that lie in the box itself, and gives the places of the others. */
function blankItems(bytes: Buffer, inner: readonly IsoBox[]): MetadataPlace[] {
  const information = inner.find(({ type }) => type === 'iinf')
  const location = inner.find(({ type }) => type === 'iloc')
  const data = inner.find(({ type }) => type === 'idat')
  if (information === undefined || location === undefined) return []
  const places: MetadataPlace[] = []
  for (const { isExif, isInFile, extents } of isoItems(bytes, information, location)) {
    for (const { start, end } of extents) {
      // In several pieces it is no Exif data each.
      const place = { start, end, isExif: isExif && extents.length === 1 }
      if (isInFile) places.push(place)
      else if (data !== undefined && data.start + end <= data.end && start <= end) {
        const part = bytes.subarray(data.start + start, data.start + end)
        blankedPlace(part, place.isExif).copy(part)
      }
    }
  }
  return places
}

/** What stands in such a place without texts: an Exif item begins with the number of bytes before its TIFF header. */
export function blankedPlace(bytes: Buffer, isExif: boolean): Buffer {
  if (!isExif) return Buffer.alloc(bytes.length, ' ')
  if (bytes.length < 4) return Buffer.alloc(bytes.length)
  const skipped = bytes.readUInt32BE(0)
  if (skipped > bytes.length - 4) return Buffer.alloc(bytes.length)
  return Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(skipped), blankedExif(bytes.subarray(4 + skipped))])
}

/** The lists of names and values with the technical items alone; none when there are none. */
function technicalItems(bytes: Buffer, list: IsoBox, keys: IsoBox | undefined): Buffer[] {
  const names = keys === undefined ? undefined : isoKeyNames(bytes, keys)
  const kept = [...isoBoxes(bytes, list.start, list.end)].flatMap((item) => {
    const whole = Buffer.from(bytes.subarray(item.from, item.end))
    const name = names?.[whole.readUInt32BE(4) - 1]
    const isKept = name === undefined ? isKeptItem(bytes, item) : isTechnicalText(name, whole.length)
    return isKept && whole.length <= maxItemBytes ? { name, whole } : []
  })
  if (kept.length === 0) return []
  const named = kept.flatMap(({ name, whole }) => (name === undefined ? [] : { name, whole }))
  for (const [index, { whole }] of named.entries()) whole.writeUInt32BE(index + 1, 4)
  const items = boxOf('ilst', ...kept.map(({ whole }) => whole))
  if (names === undefined) return [items]
  const count = Buffer.alloc(8)
  count.writeUInt32BE(named.length, 4)
  return [boxOf('keys', count, ...named.map(({ name }) => boxOf('mdta', Buffer.from(name)))), items]
}

function isKeptItem(bytes: Buffer, item: IsoBox): boolean {
  if (item.type === 'pgap') return true
  const name = [...isoBoxes(bytes, item.start, item.end)].find(({ type }) => item.type === '----' && type === 'name')
  const told = name === undefined ? item.type : bytes.toString('utf8', name.start + 4, name.end)
  return isTechnicalText(told, item.end - item.start)
}

function boxOf(type: string, ...data: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(
    data.reduce((total, { length }) => total + length, 8),
    0,
  )
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, ...data])
}

/** A box that is free space, of so many bytes. */
function freed(sizeBytes: number): Buffer {
  return boxOf('free', Buffer.alloc(Math.max(0, sizeBytes - 8)))
}

/** The parts, and free space up to the size; a few zeros where there is no place for it. Free space alone if they are too long. */
function filled(parts: readonly Buffer[], sizeBytes: number): Buffer {
  const left = sizeBytes - parts.reduce((total, { length }) => total + length, 0)
  if (left < 0) return freed(sizeBytes)
  return Buffer.concat([...parts, left >= 8 ? freed(left) : Buffer.alloc(left)])
}

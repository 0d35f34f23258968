const orientationTag = 0x0112
const shortType = 3
const maxEntries = 1000
const prefix = 'Exif\0\0'

/**
 * Exif data that says the orientation of the picture and nothing else, in the byte order and with the prefix of the
 * given. `undefined` where the picture is to be shown as it is, or where the data cannot be read.
 */
export function minimalExif(data: Buffer): Buffer | undefined {
  const orientation = orientationOf(tiffOf(data))
  if (orientation === undefined || orientation < 2 || orientation > 8) return undefined
  const minimal = write(data, orientation)
  return minimal.length <= data.length ? minimal : undefined
}

/** The same filled up with zeros to the size of the given; it may say nothing at all. */
export function blankedExif(data: Buffer): Buffer {
  const blanked = Buffer.alloc(data.length)
  const minimal = minimalExif(data) ?? write(data, undefined)
  if (minimal.length <= data.length) minimal.copy(blanked)
  return blanked
}

function tiffOf(data: Buffer): Buffer {
  return data.toString('latin1', 0, 6) === prefix ? data.subarray(6) : data
}

function orientationOf(tiff: Buffer): number | undefined {
  const order = tiff.toString('latin1', 0, 2)
  if (tiff.length < 10 || (order !== 'II' && order !== 'MM')) return undefined
  const read16 = (at: number): number => (order === 'II' ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at))
  const start = order === 'II' ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4)
  if (start + 2 > tiff.length) return undefined
  const count = Math.min(read16(start), maxEntries)
  for (let at = start + 2; at + 12 <= Math.min(tiff.length, start + 2 + count * 12); at += 12) {
    if (read16(at) === orientationTag && read16(at + 2) === shortType) return read16(at + 8)
  }
  return undefined
}

function write(like: Buffer, orientation: number | undefined): Buffer {
  const isLittle = tiffOf(like).toString('latin1', 0, 2) === 'II'
  const u16 = (value: number): number[] => (isLittle ? [value, 0] : [0, value])
  const u32 = (value: number): number[] => (isLittle ? [value, 0, 0, 0] : [0, 0, 0, value])
  const order = isLittle ? 'II' : 'MM'
  const entry =
    orientation === undefined
      ? u16(0)
      : [...u16(1), ...(isLittle ? [0x12, 1] : [1, 0x12]), ...u16(shortType), ...u32(1), ...u16(orientation), 0, 0]
  return Buffer.concat([
    Buffer.from(tiffOf(like) === like ? order : `${prefix}${order}`, 'latin1'),
    Buffer.from([...u16(42), ...u32(8), ...entry, ...u32(0)]),
  ])
}

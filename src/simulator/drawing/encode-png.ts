import { promisify } from 'node:util'
import { crc32, deflate, deflateSync } from 'node:zlib'
import type { Picture } from './picture.ts'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const deflateAway = promisify(deflate)
const compression = { level: 1 }
/** Larger pictures are compressed on another thread. */
const largestSyncBytes = 65_536
const upFilter = 2

/**
 * A PNG file of a picture, or of one channel of 8 bits.
 * @param texts written as text chunks, key and ASCII value
 */
export async function encodePng(
  picture: Pick<Picture, 'width' | 'height' | 'data'> & { channels: 1 | 3 | 4 },
  texts: readonly (readonly [key: string, value: string])[] = [],
): Promise<Buffer> {
  const { width, height, channels } = picture
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 8
  header[9] = { 1: 0, 3: 2, 4: 6 }[channels]
  const rows = filterRows(picture.data, width * channels, height)
  const body = rows.length > largestSyncBytes ? await deflateAway(rows, compression) : deflateSync(rows, compression)
  const textChunks = texts.map(([key, value]) => chunk('tEXt', Buffer.from(`${key}\0${value}`, 'latin1')))
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    ...textChunks,
    chunk('IDAT', body),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

/** Each row as its difference from the row above. */
function filterRows(data: Uint8Array, rowBytes: number, height: number): Buffer {
  const rows = Buffer.allocUnsafe((rowBytes + 1) * height)
  let to = 0
  for (let y = 0; y < height; y += 1) {
    const from = y * rowBytes
    rows[to] = upFilter
    to += 1
    if (y === 0) {
      rows.set(data.subarray(0, rowBytes), to)
      to += rowBytes
      continue
    }
    for (let x = from; x < from + rowBytes; x += 1, to += 1) rows[to] = (data[x] ?? 0) - (data[x - rowBytes] ?? 0)
  }
  return rows
}

function chunk(type: string, content: Buffer): Buffer {
  const result = Buffer.allocUnsafe(content.length + 12)
  result.writeUInt32BE(content.length, 0)
  result.write(type, 4, 'latin1')
  content.copy(result, 8)
  result.writeUInt32BE(crc32(result.subarray(4, content.length + 8)), content.length + 8)
  return result
}

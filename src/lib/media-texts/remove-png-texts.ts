import { crc32 } from 'node:zlib'
import { minimalExif } from './minimal-exif.ts'
import { drop, maxHeldBytes, pass, peek, read, write, type Removal } from './removal-steps.ts'

/** What says how the picture looks, is animated, or when it was changed (PNG specification, third edition, 11). */
const kept = new Set(
  'IHDR PLTE IDAT IEND tRNS cHRM gAMA iCCP sBIT sRGB cICP mDCV cLLI bKGD hIST pHYs sPLT tIME acTL fcTL fdAT'.split(' '),
)

const maxChunkBytes = 2 ** 31 - 1

/** Drops the texts of a PNG file and every other chunk that no decoder needs. */
export function* removePngTexts(): Removal {
  yield* pass(8)
  for (;;) {
    const head = yield* peek(8)
    const type = head.toString('latin1', 4, 8)
    if (!/^[A-Za-z]{4}$/.test(type)) return 'broken'
    const sizeBytes = head.readUInt32BE(0)
    if (sizeBytes > maxChunkBytes) return 'broken'
    const isNeeded = kept.has(type) || /^[A-Z]/.test(type)
    if (type === 'eXIf' && sizeBytes <= maxHeldBytes) {
      const exif = minimalExif((yield* read(sizeBytes + 12)).subarray(8, 8 + sizeBytes))
      if (exif !== undefined) yield* write(chunkOf(type, exif))
    } else yield* isNeeded ? pass(sizeBytes + 12) : drop(sizeBytes + 12)
    if (type === 'IEND') return 'removed'
  }
}

function chunkOf(type: string, data: Buffer): Buffer {
  const chunk = Buffer.alloc(data.length + 12)
  chunk.writeUInt32BE(data.length, 0)
  chunk.write(type, 4, 'latin1')
  data.copy(chunk, 8)
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length)
  return chunk
}

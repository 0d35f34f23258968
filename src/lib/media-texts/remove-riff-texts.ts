import { blankedExif } from './minimal-exif.ts'
import { blank, drop, maxHeldBytes, pass, peek, read, write, type Removal } from './removal-steps.ts'

const webpParts = new Set(['VP8 ', 'VP8L', 'VP8X', 'ANIM', 'ANMF', 'ALPH', 'ICCP'])
const waveTexts = new Set(['LIST', 'id3 ', 'ID3 ', 'bext', 'iXML', 'axml', '_PMX', 'cart', 'DISP', 'note'])
const emptyXmp = Buffer.from('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')

/**
 * Blanks the Exif data, but for the orientation, the XMP data and every unknown chunk of a WebP file (RFC 9649, section
 * 2.7). Its size, which stands at its begin, and what stands there of its chunks stay true.
 */
export function* removeWebpTexts(): Removal {
  return yield* walk(function* (type, sizeBytes) {
    if (webpParts.has(type)) return yield* pass(8 + sizeBytes)
    yield* pass(8)
    if (type === 'EXIF' && sizeBytes <= maxHeldBytes) return yield* write(blankedExif(yield* read(sizeBytes)))
    if (type !== 'XMP ' || sizeBytes < emptyXmp.length) return yield* blank(sizeBytes)
    yield* drop(emptyXmp.length)
    yield* write(emptyXmp)
    return yield* blank(sizeBytes - emptyXmp.length, 0x20)
  })
}

/** Makes blank space (`JUNK`) of the chunks with texts in a WAVE file. */
export function* removeWaveTexts(): Removal {
  return yield* walk(function* (type, sizeBytes) {
    if (!waveTexts.has(type)) return yield* pass(8 + sizeBytes)
    const head = Buffer.from(yield* read(8))
    head.write('JUNK', 'latin1')
    yield* write(head)
    return yield* blank(sizeBytes)
  })
}

function* walk(remove: (type: string, sizeBytes: number) => Removal<void>): Removal {
  yield* pass(12)
  for (;;) {
    const head = yield* peek(8)
    if (head.length === 0) return 'removed'
    const type = head.toString('latin1', 0, 4)
    if (head.length < 8 || !/^[\x20-\x7e]{4}$/.test(type)) return 'broken'
    const sizeBytes = head.readUInt32LE(4)
    yield* remove(type, sizeBytes)
    // Some writers leave the last one out.
    const hasPadding = sizeBytes % 2 === 1 && (yield* peek(1)).length === 1
    if (hasPadding) yield* pass(1)
  }
}

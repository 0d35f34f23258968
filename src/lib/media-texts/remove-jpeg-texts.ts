import { minimalExif } from './minimal-exif.ts'
import { drop, pass, peek, read, write, type Removal } from './removal-steps.ts'

const startOfScan = 0xda
const endOfImage = 0xd9
const comment = 0xfe
const exif = 0xe1
/** JFIF; colour profiles; Adobe's colour transform. */
const keptApplications = new Set([0xe0, 0xe2, 0xee])

/** Drops comments and the data of applications before the picture (ITU T.81, annex B), all that decoders do not need. */
export function* removeJpegTexts(): Removal {
  yield* pass(2)
  for (;;) {
    const head = yield* peek(4)
    const marker = head[1]
    if (head.length < 2 || head[0] !== 0xff || marker === undefined) return 'broken'
    if (marker === startOfScan || marker === endOfImage) return 'removed'
    if (marker === 0xff) yield* pass(1)
    else if (marker === 0x01 || (marker >= 0xd0 && marker <= 0xd7)) yield* pass(2)
    else {
      if (head.length < 4 || head.readUInt16BE(2) < 2) return 'broken'
      yield* removeSegment(marker, head.readUInt16BE(2) + 2)
    }
  }
}

function* removeSegment(marker: number, sizeBytes: number): Removal<void> {
  const isApplication = marker >= 0xe0 && marker <= 0xef
  if (marker !== comment && (!isApplication || keptApplications.has(marker))) return yield* pass(sizeBytes)
  if (marker !== exif) return yield* drop(sizeBytes)
  const data = (yield* read(sizeBytes)).subarray(4)
  const minimal = data.toString('latin1', 0, 4) === 'Exif' ? minimalExif(data) : undefined
  if (minimal === undefined) return
  const head = Buffer.from([0xff, marker, 0, 0])
  head.writeUInt16BE(minimal.length + 2, 2)
  yield* write(head)
  yield* write(minimal)
}

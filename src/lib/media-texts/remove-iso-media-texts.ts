import { blank, drop, maxHeldBytes, pass, peek, read, write, type Removal } from './removal-steps.ts'
import { blankedPlace, rewriteMeta, rewriteUserData, type MetadataPlace } from './rewrite-iso-metadata.ts'

/** `uuid` of XMP data (XMP specification, part 3, 1.2.5). */
const xmpId = 'be7acfcb97a942e89c71999491e3afac'
const containers = new Set(['moov', 'trak', 'moof', 'traf'])

/**
 * Makes free space of the texts in an MP4, MOV, HEIC or AVIF file, but for technical ones. Everything stays where it is,
 * so that what tells of places in the file stays true.
 */
export function* removeIsoMediaTexts(): Removal {
  let at = 0
  let places: readonly MetadataPlace[] = []
  for (;;) {
    const head = yield* peek(32)
    if (head.length === 0) return 'removed'
    const box = boxOf(head)
    if (box === undefined) return 'broken'
    const { type, headerBytes, sizeBytes } = box
    if (containers.has(type)) {
      yield* pass(headerBytes)
      at += headerBytes
      continue
    }
    const isText =
      type === 'udta' ||
      type === 'meta' ||
      (type === 'uuid' && head.toString('hex', headerBytes, headerBytes + 16) === xmpId)
    if (sizeBytes === Infinity) {
      if (isText) return 'broken'
      yield* passWithPlaces(at, Infinity, places)
    } else if (!isText) yield* passWithPlaces(at, sizeBytes, places)
    else if (type === 'uuid' || sizeBytes > maxHeldBytes) {
      yield* drop(8)
      yield* write(freeHeader(sizeBytes))
      yield* blank(sizeBytes - 8)
    } else if (type === 'udta') yield* write(rewriteUserData(Buffer.from(yield* read(sizeBytes))))
    else {
      const rewritten = rewriteMeta(Buffer.from(yield* read(sizeBytes)))
      yield* write(rewritten.bytes)
      places = [...places, ...rewritten.places].toSorted((a, b) => a.start - b.start)
      // Those before it were written already.
      if (rewritten.places.some(({ start }) => start < at + sizeBytes)) return 'broken'
    }
    at += sizeBytes
  }
}

function boxOf(head: Buffer): { type: string; headerBytes: number; sizeBytes: number } | undefined {
  if (head.length < 8) return undefined
  const told = head.readUInt32BE(0)
  const type = head.toString('latin1', 4, 8)
  if (told === 0) return { type, headerBytes: 8, sizeBytes: Infinity }
  if (told !== 1) return told < 8 ? undefined : { type, headerBytes: 8, sizeBytes: told }
  const sizeBytes = head.length < 16 ? 0 : Number(head.readBigUInt64BE(8))
  return sizeBytes < 16 || !Number.isSafeInteger(sizeBytes) ? undefined : { type, headerBytes: 16, sizeBytes }
}

/** Passes a box that begins `at` this byte of the file, and blanks the places in it. */
function* passWithPlaces(at: number, sizeBytes: number, places: readonly MetadataPlace[]): Removal<void> {
  let done = at
  for (const { start, end, isExif } of places) {
    if (start < done || end > at + sizeBytes || end <= start) continue
    yield* pass(start - done)
    if (end - start > maxHeldBytes) yield* blank(end - start)
    else yield* write(blankedPlace(yield* read(end - start), isExif))
    done = end
  }
  yield* pass(at + sizeBytes - done)
}

function freeHeader(sizeBytes: number): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32BE(sizeBytes < 2 ** 32 ? sizeBytes : 0, 0)
  header.write('free', 4, 'latin1')
  return header
}

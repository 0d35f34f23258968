import { id3Frames, id3UserText, syncSafe, type Id3Frame } from './id3-texts.ts'
import { drop, maxHeldBytes, read, write, type Removal } from './removal-steps.ts'
import { isTechnicalText } from './technical-names.ts'

const footerFlag = 0x10
const hiddenFlag = 0x80
/** The encoder, the length, loudness, and where in the file which time is (ID3 2.4, 4). */
const keptFrames = new Set('TSSE TLEN RVAD RVA2 RGAD EQUA EQU2 MLLT ASPI SEEK'.split(' '))

/** Removes all frames from an ID3 tag at the begin of a file that are not about how it sounds; the tag with the last. */
export function* removeId3Texts(): Removal<void> {
  const head = Buffer.from(yield* read(10))
  const version = head.readUInt8(3)
  const flags = head.readUInt8(5)
  const sizeBytes = syncSafe(head, 6)
  const footerBytes = version === 4 && (flags & footerFlag) !== 0 ? 10 : 0
  if (sizeBytes > maxHeldBytes) return yield* drop(sizeBytes + footerBytes)
  const tag = yield* read(sizeBytes)
  yield* drop(footerBytes)
  const kept = [...id3Frames(head, tag)].filter(isKept).map(({ bytes }) => bytes)
  if (kept.length === 0) return
  const frames = Buffer.concat(kept)
  head.writeUInt8(version === 4 ? flags & hiddenFlag : 0, 5)
  for (const [index, shift] of [21, 14, 7, 0].entries()) head.writeUInt8((frames.length >> shift) & 0x7f, 6 + index)
  yield* write(head)
  yield* write(frames)
}

function isKept({ id, data }: Id3Frame): boolean {
  if (id !== 'TXXX') return keptFrames.has(id)
  const text = id3UserText(data)
  return text !== undefined && isTechnicalText(text.name, text.text.length)
}

import { drop, pass, peek, type Removal } from './removal-steps.ts'

const oldTagBytes = 128
const pieceBytes = 64 * 1024

/** Whether sounds of MPEG begin here: a frame of MP3 or AAC. */
export function isMpegAudio(head: Buffer): boolean {
  return head[0] === 0xff && ((head[1] ?? 0) & 0xe0) === 0xe0
}

/** Removes the tag of 128 bytes at the end of an MP3 file (ID3 version 1). */
export function* removeMpegTexts(): Removal {
  for (;;) {
    const piece = yield* peek(pieceBytes)
    if (piece.length === pieceBytes) yield* pass(pieceBytes - oldTagBytes)
    else {
      const hasTag =
        piece.length >= oldTagBytes && piece.toString('latin1', piece.length - oldTagBytes).startsWith('TAG')
      yield* pass(piece.length - (hasTag ? oldTagBytes : 0))
      if (hasTag) yield* drop(oldTagBytes)
      return 'removed'
    }
  }
}

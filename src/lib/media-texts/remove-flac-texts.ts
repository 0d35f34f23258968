import { drop, pass, read, write, type Removal } from './removal-steps.ts'
import { technicalComments } from './vorbis-comments.ts'

const paddingBlock = 1
const applicationBlock = 2
const commentBlock = 4
const pictureBlock = 6

/** Removes comments, covers and the data of applications from a FLAC file (RFC 9639, section 8). */
export function* removeFlacTexts(): Removal {
  yield* pass(4)
  for (;;) {
    const head = Buffer.from(yield* read(4))
    const type = head.readUInt8(0) & 0x7f
    const lastFlag = head.readUInt8(0) & 0x80
    const sizeBytes = head.readUIntBE(1, 3)
    if (type === commentBlock) {
      const data = yield* read(sizeBytes)
      const comments = technicalComments(data)
      const isShorter = comments.length <= data.length
      head.writeUIntBE(isShorter ? comments.length : 0, 1, 3)
      yield* write(head)
      if (isShorter) yield* write(comments)
    } else if (type === applicationBlock || type === pictureBlock) {
      yield* drop(sizeBytes)
      // It may be the last one, which has to say so.
      yield* write(Buffer.from([paddingBlock | lastFlag, 0, 0, 0]))
    } else {
      yield* write(head)
      yield* pass(sizeBytes)
    }
    if (lastFlag !== 0) return 'removed'
  }
}

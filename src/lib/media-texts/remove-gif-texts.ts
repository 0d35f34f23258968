import { drop, pass, peek, read, write, type Removal } from './removal-steps.ts'

const extension = 0x21
const image = 0x2c
const trailer = 0x3b
const commentLabel = 0xfe
const applicationLabel = 0xff
const keptApplications = new Set(['NETSCAPE2.0', 'ANIMEXTS1.0', 'ICCRGBG1012'])

/** Drops the comments of a GIF file and the data of applications, but for loops and colours (GIF89a, 24 and 26). */
export function* removeGifTexts(): Removal {
  yield* pass(10)
  const screen = yield* read(3)
  yield* write(screen)
  yield* pass(colorTableBytes(screen[0]))
  for (;;) {
    const head = yield* peek(14)
    if (head[0] === trailer) return 'removed'
    if (head[0] === image) {
      yield* pass(9)
      const flags = yield* read(1)
      yield* write(flags)
      yield* pass(colorTableBytes(flags[0]) + 1)
      yield* subBlocks(true)
    } else if (head[0] === extension) {
      const isKept = isKeptExtension(head)
      yield* isKept ? pass(2) : drop(2)
      yield* subBlocks(isKept)
    } else return 'broken'
  }
}

function isKeptExtension(head: Buffer): boolean {
  if (head[1] === applicationLabel) return keptApplications.has(head.toString('latin1', 3, 14))
  return head[1] !== commentLabel
}

function* subBlocks(isKept: boolean): Removal<void> {
  for (;;) {
    const size = (yield* peek(1))[0] ?? 0
    yield* isKept ? pass(size + 1) : drop(size + 1)
    if (size === 0) return
  }
}

function colorTableBytes(flags = 0): number {
  return (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)
}

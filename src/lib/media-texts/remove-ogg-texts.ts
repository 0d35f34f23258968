import { oggChecksum } from './ogg-checksum.ts'
import { maxHeldBytes, peek, read, write, type Removal } from './removal-steps.ts'
import { technicalComments } from './vorbis-comments.ts'

/** How the first packet of a stream begins, and the second one, which has the comments. */
interface Codec {
  readonly first: Buffer
  readonly comments: Buffer
  /** Behind the comments (Vorbis I, 5.2.1). */
  readonly end: Buffer
}

const codecs: readonly Codec[] = (
  [
    ['OpusHead', 'OpusTags', ''],
    ['\x01vorbis', '\x03vorbis', '\x01'],
    ['\x80theora', '\x81theora', ''],
  ] as const
).map(([first, comments, end]) => ({
  first: Buffer.from(first, 'latin1'),
  comments: Buffer.from(comments, 'latin1'),
  end: Buffer.from(end, 'latin1'),
}))

interface Page {
  readonly head: Buffer
  readonly lacing: Buffer
  readonly data: Buffer
}

interface Stream {
  /** `undefined` when its comments were removed, or when it has none. */
  codec: Codec | undefined
  readonly held: Page[]
  heldBytes: number
  /** By so many are the numbers of its pages lower now. */
  removedPages: number
}

const headBytes = 27
const maxPageBytes = headBytes + 255 + 255 * 255
const continuedFlag = 1
const beginFlag = 2
const skeleton = Buffer.from('fishead')

/**
 * Removes the comments of Opus, Vorbis and Theora in an Ogg file (RFC 3533; RFC 7845, section 5.2). Pages that they
 * filled are gone; the others are numbered anew.
 */
export function* removeOggTexts(): Removal {
  const streams = new Map<number, Stream>()
  let outcome: 'removed' | 'broken' = 'removed'
  for (;;) {
    const head = yield* peek(headBytes)
    if (head.length === 0) return [...streams.values()].some(({ held }) => held.length > 0) ? 'broken' : outcome
    if (head.length < headBytes || head.toString('latin1', 0, 4) !== 'OggS') return 'broken'
    const page = yield* readPage(head.readUInt8(26))
    const serial = head.readUInt32LE(14)
    if ((head.readUInt8(5) & beginFlag) !== 0 || !streams.has(serial)) {
      const codec = codecs.find(({ first }) => first.equals(page.data.subarray(0, first.length)))
      if (codec === undefined && !skeleton.equals(page.data.subarray(0, skeleton.length))) outcome = 'broken'
      streams.set(serial, { codec, held: [], heldBytes: 0, removedPages: 0 })
      yield* write(joined(page))
    } else {
      const stream = streams.get(serial)
      if (stream?.codec !== undefined) yield* removeComments(stream, stream.codec, page)
      else yield* write(renumbered(page, stream?.removedPages ?? 0))
    }
  }
}

function* readPage(segments: number): Removal<Page> {
  const lacing = (yield* peek(headBytes + segments)).subarray(headBytes)
  const dataBytes = lacing.reduce((total, size) => total + size, 0)
  const whole = yield* read(Math.min(headBytes + segments + dataBytes, maxPageBytes))
  return {
    head: whole.subarray(0, headBytes),
    lacing: whole.subarray(headBytes, headBytes + segments),
    data: whole.subarray(headBytes + segments),
  }
}

/** Collects pages until the one in which the comments end, and writes what is left of them. */
function* removeComments(stream: Stream, codec: Codec, page: Page): Removal<void> {
  stream.held.push(stream.heldBytes > maxHeldBytes ? { ...page, data: Buffer.alloc(0) } : page)
  stream.heldBytes += page.data.length
  const last = page.lacing.findIndex((size) => size < 255)
  if (last < 0) return
  const pages = stream.held.splice(0)
  const inLast = page.lacing.subarray(0, last + 1).reduce((total, size) => total + size, 0)
  const packet = Buffer.concat([...pages.slice(0, -1).map(({ data }) => data), page.data.subarray(0, inLast)])
  const { comments, end } = codec
  stream.codec = undefined
  const isComments = comments.equals(packet.subarray(0, comments.length))
  const shorter = Buffer.concat([comments, technicalComments(packet.subarray(comments.length)), end])
  const written =
    isComments && shorter.length <= packet.length
      ? paged(shorter, { lacing: page.lacing.subarray(last + 1), data: page.data.subarray(inLast) }, pages)
      : pages.map(joined)
  stream.removedPages = pages.length - written.length
  for (const bytes of written) yield* write(bytes)
}

/** A packet and what followed it, in pages like those where it was. */
function paged(packet: Buffer, rest: Pick<Page, 'lacing' | 'data'>, like: readonly Page[]): Buffer[] {
  const packetLacing = [...Array<number>(Math.floor(packet.length / 255)).fill(255), packet.length % 255]
  const lacing = Buffer.concat([Buffer.from(packetLacing), rest.lacing])
  const data = Buffer.concat([packet, rest.data])
  const pages: Buffer[] = []
  let dataAt = 0
  for (let at = 0; at < lacing.length; at += 255) {
    const ownLacing = lacing.subarray(at, at + 255)
    const isLast = at + 255 >= lacing.length
    const own = isLast ? like.at(-1) : like[0]
    const head = Buffer.from(own?.head ?? Buffer.alloc(headBytes))
    const isContinued = at > 0 && lacing[at - 1] === 255
    head.writeUInt8((head.readUInt8(5) & ~continuedFlag) | (isContinued ? continuedFlag : 0), 5)
    // No packet ends on it: it has no time of its own.
    if (!isLast && ownLacing.every((size) => size === 255)) head.fill(0xff, 6, 14)
    head.writeUInt32LE((like[0]?.head.readUInt32LE(18) ?? 0) + pages.length, 18)
    head.writeUInt8(ownLacing.length, 26)
    const dataEnd = dataAt + ownLacing.reduce((total, size) => total + size, 0)
    pages.push(sealed(joined({ head, lacing: ownLacing, data: data.subarray(dataAt, dataEnd) })))
    dataAt = dataEnd
  }
  return pages
}

function renumbered(page: Page, by: number): Buffer {
  const bytes = joined(page)
  if (by === 0) return bytes
  bytes.writeUInt32LE((bytes.readUInt32LE(18) - by) >>> 0, 18)
  return sealed(bytes)
}

function joined({ head, lacing, data }: Page): Buffer {
  return Buffer.concat([head, lacing, data])
}

function sealed(page: Buffer): Buffer {
  page.writeUInt32LE(0, 22)
  page.writeUInt32LE(oggChecksum(page), 22)
  return page
}

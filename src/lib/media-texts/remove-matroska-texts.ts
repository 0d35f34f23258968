import { matroskaElements, vintLength, vintSize, type MatroskaElement } from './matroska-texts.ts'
import { blank, drop, maxHeldBytes, pass, peek, read, write, type Removal } from './removal-steps.ts'
import { isTechnicalText } from './technical-names.ts'

const segmentId = 0x18538067
const clusterId = 0x1f43b675
const tagsId = 0x1254c367
const tagId = 0x7373
const simpleTagId = 0x67c8
const tagNameId = 0x45a3
const tagStringId = 0x4487
const infoId = 0x1549a966
const titleId = 0x7ba9
const checksumId = 0xbf
const voidId = 0xec
const maxHeaderBytes = 12

/**
 * Puts empty elements (`Void`) in the place of the tags in a WebM or Matroska file, but for technical ones, and of its
 * title. Everything stays where it is.
 */
export function* removeMatroskaTexts(): Removal {
  for (;;) {
    const header = headerOf(yield* peek(maxHeaderBytes))
    if (header === 'end') return 'removed'
    if (header === undefined) return 'broken'
    const { id, headerBytes, sizeBytes } = header
    // What a segment holds follows as if it stood alone; so does what a cluster of unknown size holds.
    if (id === segmentId || (id === clusterId && sizeBytes === undefined)) yield* pass(headerBytes)
    else if (sizeBytes === undefined) return 'broken'
    else if (id === tagsId || id === infoId) yield* removeElement(id, headerBytes + sizeBytes)
    else yield* pass(headerBytes + sizeBytes)
  }
}

function headerOf(
  bytes: Buffer,
): { id: number; headerBytes: number; sizeBytes: number | undefined } | 'end' | undefined {
  if (bytes.length === 0) return 'end'
  const idBytes = vintLength(bytes[0])
  const sizeLength = vintLength(bytes[idBytes])
  const headerBytes = idBytes + sizeLength
  if (idBytes > 4 || sizeLength > 8 || headerBytes > bytes.length) return undefined
  return { id: bytes.readUIntBE(0, idBytes), headerBytes, sizeBytes: vintSize(bytes, idBytes, sizeLength) }
}

function* removeElement(id: number, sizeBytes: number): Removal<void> {
  if (sizeBytes > maxHeldBytes) {
    const head = voidHeader(sizeBytes)
    yield* drop(head.length)
    yield* write(head)
    return yield* blank(sizeBytes - head.length)
  }
  const bytes = Buffer.from(yield* read(sizeBytes))
  const [element] = matroskaElements(bytes, 0, bytes.length)
  if (element !== undefined) {
    if (id === tagsId) emptyTags(bytes, element)
    else emptyWhere(bytes, element, (inner) => inner.id !== titleId)
  }
  yield* write(bytes)
}

function emptyTags(bytes: Buffer, tags: MatroskaElement): void {
  const isTagKept = (tag: MatroskaElement): boolean =>
    tag.id === tagId && emptyWhere(bytes, tag, (inner) => inner.id !== simpleTagId || isTechnical(bytes, inner))
  const keepsAny = emptyWhere(bytes, tags, isTagKept, tagId)
  if (!keepsAny) empty(bytes, tags)
}

/**
 * Empties what is not kept in an element, and its checksum where that is something. Whether it still holds one of the
 * `wanted` ones, or a simple tag.
 */
function emptyWhere(
  bytes: Buffer,
  parent: MatroskaElement,
  isKept: (inner: MatroskaElement) => boolean,
  wanted: number = simpleTagId,
): boolean {
  const all = [...matroskaElements(bytes, parent.start, parent.end)]
  const isChecksum = ({ id }: MatroskaElement): boolean => id === checksumId
  let keepsAny = false
  let isChanged = false
  for (const inner of all.filter((each) => !isChecksum(each))) {
    if (isKept(inner)) {
      keepsAny ||= inner.id === wanted
      continue
    }
    empty(bytes, inner)
    isChanged = true
  }
  if (isChanged) for (const checksum of all.filter(isChecksum)) empty(bytes, checksum)
  return keepsAny
}

/** A technical text with nothing in it. */
function isTechnical(bytes: Buffer, tag: MatroskaElement): boolean {
  const parts = [...matroskaElements(bytes, tag.start, tag.end)]
  const name = parts.find(({ id }) => id === tagNameId)
  const value = parts.find(({ id }) => id === tagStringId)
  if (name === undefined || value === undefined || parts.some(({ id }) => id === simpleTagId)) return false
  return isTechnicalText(bytes.toString('utf8', name.start, name.end), tag.end - tag.start)
}

function empty(bytes: Buffer, { from, end }: MatroskaElement): void {
  if (end - from < 2) return
  bytes.fill(0, from, end)
  voidHeader(end - from).copy(bytes, from)
}

/** Of an empty element with so many bytes, these among them. */
function voidHeader(sizeBytes: number): Buffer {
  if (sizeBytes <= 128) return Buffer.from([voidId, 0x80 | (sizeBytes - 2)])
  const header = Buffer.alloc(9)
  header.writeUInt8(voidId, 0)
  header.writeUInt8(1, 1)
  header.writeUIntBE(sizeBytes - 9, 3, 6)
  return header
}

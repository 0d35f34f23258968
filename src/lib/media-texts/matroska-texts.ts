import type { MediaText } from './media-text.ts'

const ebmlMagic = 0x1a45dfa3
const segmentId = 0x18538067
const tagsId = 0x1254c367
const tagId = 0x7373
const simpleTagId = 0x67c8
const tagNameId = 0x45a3
const tagStringId = 0x4487
const containers = new Set([segmentId, tagsId, tagId])

export function isMatroska(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === ebmlMagic
}

/** The tags of a WebM or Matroska file (RFC 9559, section 5.1.8). */
export function matroskaTexts(bytes: Buffer): MediaText[] {
  const texts: MediaText[] = []
  walk(0, bytes.length)
  return texts

  function walk(from: number, to: number): void {
    for (const { id, start, end } of matroskaElements(bytes, from, to)) {
      if (id === simpleTagId) texts.push(...simpleTag(start, end))
      else if (containers.has(id)) walk(start, end)
    }
  }

  function simpleTag(from: number, to: number): MediaText[] {
    let name = ''
    let text: string | undefined
    const nested: MediaText[] = []
    for (const { id, start, end } of matroskaElements(bytes, from, to)) {
      if (id === tagNameId) name = bytes.toString('utf8', start, end)
      if (id === tagStringId) text = bytes.toString('utf8', start, end)
      if (id === simpleTagId) nested.push(...simpleTag(start, end))
    }
    const withoutEnd = (value: string): string => value.replace(/\0+$/, '')
    return [...(text === undefined ? [] : [{ name: withoutEnd(name), text: withoutEnd(text) }]), ...nested]
  }
}

export interface MatroskaElement {
  readonly id: number
  /** Where its header begins, where what it holds does, and where that ends. */
  readonly from: number
  readonly start: number
  readonly end: number
}

/** The elements between two places; one of unknown size, as live recordings have, lasts to the end. */
export function* matroskaElements(bytes: Buffer, from: number, to: number): Generator<MatroskaElement> {
  let at = from
  while (at < to) {
    const idLength = vintLength(bytes[at])
    const sizeLength = vintLength(bytes[at + idLength])
    const start = at + idLength + sizeLength
    if (idLength > 4 || sizeLength > 8 || start > to) return
    const id = bytes.readUIntBE(at, idLength)
    const size = vintSize(bytes, at + idLength, sizeLength)
    const end = size === undefined ? to : Math.min(start + size, to)
    yield { id, from: at, start, end }
    at = end
  }
}

/** The leading zeros of the first byte say how many follow. 9 for a byte that is none. */
export function vintLength(first: number | undefined): number {
  return first === undefined || first === 0 ? 9 : Math.clz32(first) - 23
}

export function vintSize(bytes: Buffer, at: number, length: number): number | undefined {
  let size = bytes.readUInt8(at) & (0xff >> length)
  let isUnknown = size === 0xff >> length
  for (const byte of bytes.subarray(at + 1, at + length)) {
    size = size * 256 + byte
    isUnknown &&= byte === 0xff
  }
  return isUnknown ? undefined : size
}

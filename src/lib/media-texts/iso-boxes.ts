/** One part of an ISO media file; all of it, and what it holds. */
export interface IsoBox {
  readonly type: string
  readonly from: number
  readonly start: number
  readonly end: number
}

/** The parts between two places, up to the first one that has no place there. */
export function* isoBoxes(bytes: Buffer, from: number, to: number): Generator<IsoBox> {
  let at = from
  while (at + 8 <= to) {
    const told = bytes.readUInt32BE(at)
    const type = bytes.toString('latin1', at + 4, at + 8)
    let start = at + 8
    let size = told === 0 ? to - at : told
    if (told === 1) {
      if (at + 16 > to) return
      size = Number(bytes.readBigUInt64BE(at + 8))
      start = at + 16
    }
    if (size < start - at || at + size > to) return
    yield { type, from: at, start, end: at + size }
    at += size
  }
}

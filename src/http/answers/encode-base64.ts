/** Bytes in a group; base64 makes four characters of it. */
const groupBytes = 3
/** Its text is small enough for the young memory of V8, where what lives for a moment costs next to nothing. */
const maxPartBytes = 48 * 1024

/** Bytes as base64, in the pieces in which they come. */
export interface Base64Encoder {
  /** The text of a piece, in parts, but for at most two bytes that wait for the next one. The piece is not kept. */
  encode(piece: Buffer): Iterable<string>
  /** The text of what waits, when all pieces were given. */
  end(): string
}

export function createBase64Encoder(): Base64Encoder {
  let over: Buffer = Buffer.alloc(0)
  return {
    *encode(piece) {
      const missing = over.length === 0 ? 0 : groupBytes - over.length
      if (piece.length < missing) {
        over = Buffer.concat([over, piece])
        return
      }
      if (missing > 0) yield Buffer.concat([over, piece.subarray(0, missing)]).toString('base64')
      const end = piece.length - ((piece.length - missing) % groupBytes)
      for (let at = missing; at < end; at += maxPartBytes) {
        yield piece.toString('base64', at, Math.min(at + maxPartBytes, end))
      }
      over = Buffer.from(piece.subarray(end))
    },
    end: () => over.toString('base64'),
  }
}

export function base64Length(sizeBytes: number): number {
  return Math.ceil(sizeBytes / groupBytes) * 4
}

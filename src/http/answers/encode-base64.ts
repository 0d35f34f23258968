/** Bytes in a group; base64 makes four characters of it. */
const groupBytes = 3
/** Larger pieces are encoded in several. */
const maxPieceBytes = 192 * 1024

/**
 * Bytes as base64, as they come. A piece is encoded where it lies: of what it leaves over, at most two bytes are taken to
 * the next one.
 */
export async function* encodeBase64(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  let over: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    const missing = over.length === 0 ? 0 : groupBytes - over.length
    if (chunk.length < missing) {
      over = Buffer.concat([over, chunk])
      continue
    }
    if (missing > 0) yield encoded(Buffer.concat([over, chunk.subarray(0, missing)]))
    const end = chunk.length - ((chunk.length - missing) % groupBytes)
    for (let at = missing; at < end; at += maxPieceBytes) {
      yield encoded(chunk.subarray(at, Math.min(at + maxPieceBytes, end)))
    }
    over = Buffer.from(chunk.subarray(end))
  }
  if (over.length > 0) yield encoded(over)
}

export function base64Length(sizeBytes: number): number {
  return Math.ceil(sizeBytes / groupBytes) * 4
}

function encoded(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString('base64'), 'latin1')
}

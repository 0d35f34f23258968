import { createHash } from 'node:crypto'

/*
 * Files of any size that two processes know without having them: a head that tells the number they were asked for, then
 * bytes that do not compress, over and over. No file is like another one.
 */

const signature = Buffer.from('89504e470d0a1a0a', 'hex')
const blockBytes = 1024 * 1024
const block = makeBlock()

/** What stands at the begin of each file: the signature of PNG, and the number. */
export const headBytes = signature.length + 8

function makeBlock(): Buffer {
  const parts: Buffer[] = []
  let last = Buffer.from('bench')
  for (let length = 0; length < blockBytes; length += last.length) {
    last = createHash('sha512').update(last).digest()
    parts.push(last)
  }
  return Buffer.concat(parts)
}

function headOf(nonce: number): Buffer {
  const head = Buffer.alloc(headBytes)
  signature.copy(head)
  head.writeBigUInt64BE(BigInt(nonce), signature.length)
  return head
}

/** The bytes of a file from `start` on: as many as lie in one piece, none behind its end. */
export function pieceOf(file: { nonce: number; bytes: number }, start: number): Buffer {
  if (start < headBytes) return headOf(file.nonce).subarray(start, Math.min(headBytes, file.bytes))
  const inBlock = start % blockBytes
  return block.subarray(inBlock, Math.min(blockBytes, inBlock + file.bytes - start))
}

/** A part of a file in one piece. */
export function partOf(file: { nonce: number; bytes: number }, start: number, end: number): Buffer {
  const parts: Buffer[] = []
  for (let at = start; at < end;) {
    const piece = pieceOf(file, at).subarray(0, end - at)
    if (piece.length === 0) break
    parts.push(piece)
    at += piece.length
  }
  return Buffer.concat(parts)
}

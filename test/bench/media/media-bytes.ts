import { createHash } from 'node:crypto'

/*
 * Files of any size that two processes know without having them: a head that says what they are and the number they were
 * asked for, then bytes that do not compress, over and over. No file is like another one.
 */

export interface MediaFile {
  readonly nonce: number
  readonly bytes: number
  readonly extension: 'png' | 'mp4'
}

const endOfPng = Buffer.from('0000000049454e44ae426082', 'hex')
const blockBytes = 1024 * 1024
const block = makeBlock()

function makeBlock(): Buffer {
  const parts: Buffer[] = []
  let last = Buffer.from('bench')
  for (let length = 0; length < blockBytes; length += last.length) {
    last = createHash('sha512').update(last).digest()
    parts.push(last)
  }
  return Buffer.concat(parts)
}

/** What programs look at that want to know what a file is. */
function headOf(file: MediaFile): Buffer {
  return file.extension === 'png' ? headOfPng(file) : headOfMp4(file)
}

/** The rest of the file is one chunk of data. */
function headOfPng({ nonce, bytes }: MediaFile): Buffer {
  const head = Buffer.alloc(61)
  head.write('\x89PNG\r\n\x1a\n', 'latin1')
  head.writeUInt32BE(13, 8)
  head.write('IHDR', 12)
  head.writeUInt32BE(64, 16)
  head.writeUInt32BE(64, 20)
  head.set([8, 6], 24)
  head.writeUInt32BE(8, 33)
  head.write('nuMb', 37)
  head.writeBigUInt64BE(BigInt(nonce), 41)
  head.writeUInt32BE(Math.max(0, bytes - 61 - 4 - endOfPng.length), 53)
  head.write('IDAT', 57)
  return head
}

/** The rest of the file is one box of data. */
function headOfMp4({ nonce, bytes }: MediaFile): Buffer {
  const head = Buffer.alloc(48)
  head.writeUInt32BE(24)
  head.write('ftypisom', 4)
  head.writeUInt32BE(512, 12)
  head.write('isommp42', 16)
  head.writeUInt32BE(16, 24)
  head.write('free', 28)
  head.writeBigUInt64BE(BigInt(nonce), 32)
  head.writeUInt32BE(Math.max(8, bytes - 40), 40)
  head.write('mdat', 44)
  return head
}

/** The bytes of a file from `start` on: as many as lie in one piece, none behind its end. */
export function pieceOf(file: MediaFile, start: number): Buffer {
  const head = headOf(file)
  if (start < head.length) return head.subarray(start, Math.max(start, file.bytes))
  const end = file.bytes - (file.extension === 'png' ? endOfPng.length : 0)
  if (start >= end) return endOfPng.subarray(start - end, file.bytes - end)
  const inBlock = start % blockBytes
  return block.subarray(inBlock, Math.min(blockBytes, inBlock + end - start))
}

/** A part of a file in one piece. */
export function partOf(file: MediaFile, start: number, end: number): Buffer {
  return Buffer.concat([...piecesOf(file, start, end)])
}

export function* piecesOf(file: MediaFile, start = 0, end = file.bytes): Generator<Buffer> {
  for (let at = start; at < end;) {
    const piece = pieceOf(file, at).subarray(0, end - at)
    if (piece.length === 0) return
    yield piece
    at += piece.length
  }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { storageError } from '../storage-error.ts'

/** Bytes that can be read anywhere, of which few are in memory. */
interface ByteSource {
  readonly sizeBytes: number
  /** Up to `length` bytes, fewer only at the end; valid until the next call. */
  readonly read: (offset: number, length: number) => Buffer
}

const windowBytes = 32 * 1024
/** No file that means well takes nearly as many; it bounds the time that one made of tiny blocks costs. */
const maxReads = 4_000_000

/**
 * Reads numbers and texts anywhere in a file or a buffer, through a small window.
 * Every read throws a RangeError beyond the end, and when there have been absurdly many.
 */
export class ByteReader {
  readonly length: number
  readonly #source: ByteSource
  #window: Buffer = Buffer.alloc(0)
  #start = 0
  #reads = 0

  constructor(source: ByteSource) {
    this.#source = source
    this.length = source.sizeBytes
  }

  readUInt8(offset: number): number {
    const at = this.#seek(offset, 1)
    return this.#window.readUInt8(at)
  }

  readUInt16BE(offset: number): number {
    const at = this.#seek(offset, 2)
    return this.#window.readUInt16BE(at)
  }

  readUInt16LE(offset: number): number {
    const at = this.#seek(offset, 2)
    return this.#window.readUInt16LE(at)
  }

  readUInt24BE(offset: number): number {
    const at = this.#seek(offset, 3)
    return this.#window.readUIntBE(at, 3)
  }

  readUInt24LE(offset: number): number {
    const at = this.#seek(offset, 3)
    return this.#window.readUIntLE(at, 3)
  }

  readUInt32BE(offset: number): number {
    const at = this.#seek(offset, 4)
    return this.#window.readUInt32BE(at)
  }

  readUInt32LE(offset: number): number {
    const at = this.#seek(offset, 4)
    return this.#window.readUInt32LE(at)
  }

  readInt32LE(offset: number): number {
    const at = this.#seek(offset, 4)
    return this.#window.readInt32LE(at)
  }

  /** Rounded where it is larger than any file. */
  readUInt64BE(offset: number): number {
    const at = this.#seek(offset, 8)
    return Number(this.#window.readBigUInt64BE(at))
  }

  /** As many characters, of one byte each. */
  text(offset: number, length: number): string {
    const at = this.#seek(offset, length)
    return this.#window.toString('latin1', at, at + length)
  }

  /** As many bytes; valid until the next read. */
  bytes(offset: number, length: number): Buffer {
    const at = this.#seek(offset, length)
    return this.#window.subarray(at, at + length)
  }

  /** The first bytes, fewer where there are no more; valid until the next read. */
  head(length: number): Buffer {
    return this.bytes(0, Math.min(length, this.length))
  }

  startsWith(signature: string, offset = 0): boolean {
    return offset + signature.length <= this.length && this.text(offset, signature.length) === signature
  }

  /** Whether these bytes stand anywhere from `from` on, but not more than `maxBytes` before the end. */
  hasNearEnd(wanted: Buffer, from: number, maxBytes: number): boolean {
    const first = Math.max(from, this.length - maxBytes)
    for (let end = this.length; end - wanted.length >= first; end -= windowBytes) {
      const start = Math.max(first, end - windowBytes)
      // Into the window before it, where they may end.
      const length = Math.min(end + wanted.length - 1, this.length) - start
      if (this.bytes(start, length).includes(wanted)) return true
    }
    return false
  }

  /** Where these bytes are in the window. */
  #seek(offset: number, length: number): number {
    this.#reads += 1
    if (this.#reads > maxReads) throw new RangeError('The file is made of too many pieces.')
    const at = offset - this.#start
    if (at >= 0 && at + length <= this.#window.length) return at
    if (!(offset >= 0 && offset + length <= this.length)) throw new RangeError('The file ends before that.')
    this.#window = this.#source.read(offset, Math.max(length, windowBytes))
    this.#start = offset
    if (this.#window.length < length) throw new RangeError('The file ends before that.')
    return 0
  }
}

export function readerOfBytes(bytes: Buffer): ByteReader {
  return new ByteReader({
    sizeBytes: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  })
}

/**
 * Lets somebody read a file. What is read was written a moment ago, so it is no wait for a disk.
 * @throws GatewayError `storage_unavailable`, and what `use` throws
 */
export async function readFileBytes<T>(path: string, use: (reader: ByteReader) => Promise<T>): Promise<T> {
  const file = reading(() => openSync(path, 'r'))
  try {
    const { size } = reading(() => fstatSync(file))
    const read = (offset: number, length: number) => {
      const window = Buffer.alloc(length)
      return window.subarray(
        0,
        reading(() => readSync(file, window, 0, length, offset)),
      )
    }
    return await use(new ByteReader({ sizeBytes: size, read }))
  } finally {
    closeSync(file)
  }
}

function reading<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    throw storageError('An input cannot be read', cause)
  }
}

export interface BitWriter {
  /** Appends the lowest `count` bits (at most 16), the lowest first. */
  write(value: number, count: number): void
  finish(): Buffer
}

const initialBytes = 65_536

export function createBitWriter(): BitWriter {
  let bytes = Buffer.alloc(initialBytes)
  let length = 0
  let pending = 0
  let pendingBits = 0

  function flushByte(): void {
    if (length === bytes.length) bytes = Buffer.concat([bytes, Buffer.alloc(bytes.length)])
    bytes[length] = pending & 255
    length += 1
  }

  return {
    write(value, count) {
      pending |= value << pendingBits
      pendingBits += count
      while (pendingBits >= 8) {
        flushByte()
        pending >>>= 8
        pendingBits -= 8
      }
    },
    finish() {
      if (pendingBits > 0) flushByte()
      return bytes.subarray(0, length)
    },
  }
}

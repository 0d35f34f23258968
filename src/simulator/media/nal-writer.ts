/** Writes a unit of an H.264 stream: bits from the highest, numbers in Exp-Golomb codes (ITU-T H.264, 7.3.1 and 9.1). */
export interface NalWriter {
  bits(value: number, count: number): void
  unsigned(value: number): void
  /** Zeros up to the next whole byte. */
  align(): void
  /** Only where a byte begins. */
  bytes(values: Uint8Array): void
  finish(): Buffer
}

export function createNalWriter(header: number): NalWriter {
  const payload: number[] = []
  let current = 0
  let filled = 0

  function bits(value: number, count: number): void {
    for (let bit = count - 1; bit >= 0; bit -= 1) {
      current = (current << 1) | ((value >> bit) & 1)
      filled += 1
      if (filled < 8) continue
      payload.push(current)
      current = 0
      filled = 0
    }
  }

  function align(): void {
    if (filled > 0) bits(0, 8 - filled)
  }

  return {
    bits,
    unsigned(value) {
      const length = 32 - Math.clz32(value + 1)
      bits(0, length - 1)
      bits(value + 1, length)
    },
    align,
    bytes(values) {
      for (const value of values) payload.push(value)
    },
    finish() {
      bits(1, 1)
      align()
      return Buffer.from([header, ...withoutStartCodes(payload)])
    },
  }
}

/** Two zeros before a small number would begin a new unit, so a 3 goes between. */
function* withoutStartCodes(payload: Iterable<number>): Iterable<number> {
  let zeros = 0
  for (const byte of payload) {
    if (zeros >= 2 && byte <= 3) {
      yield 3
      zeros = 0
    }
    yield byte
    zeros = byte === 0 ? zeros + 1 : 0
  }
}

const polynomial = 0x04c11db7
const table = new Uint32Array(256).map((_, byte) => {
  let value = byte << 24
  for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ polynomial : value << 1
  return value
})

/** The checksum of a page whose field for it is zero (RFC 3533, section 6). */
export function oggChecksum(page: Buffer): number {
  let value = 0
  for (const byte of page) value = (value << 8) ^ (table[(value >>> 24) ^ byte] ?? 0)
  return value >>> 0
}

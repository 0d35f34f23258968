/** A check sum whose highest bits come first, from 0, as FLAC and Ogg have it. */
export function checksum(bytes: Uint8Array, width: 8 | 16 | 32, polynomial: number): number {
  let sum = 0
  for (const byte of bytes) {
    sum ^= byte << (width - 8)
    for (let bit = 0; bit < 8; bit += 1) {
      const isSet = ((sum >>> (width - 1)) & 1) === 1
      sum = (sum << 1) ^ (isSet ? polynomial : 0)
    }
  }
  return width === 32 ? sum >>> 0 : sum & (2 ** width - 1)
}

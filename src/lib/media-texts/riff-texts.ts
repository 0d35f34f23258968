import { exifTexts } from './exif-texts.ts'
import type { MediaText } from './media-text.ts'

export function isWebp(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'RIFF' && bytes.toString('latin1', 8, 12) === 'WEBP'
}

/** The Exif texts of a WebP file (RFC 9649, section 2.7.1.5). */
export function webpTexts(bytes: Buffer): MediaText[] {
  let at = 12
  while (at + 8 <= bytes.length) {
    const size = bytes.readUInt32LE(at + 4)
    const data = bytes.subarray(at + 8, at + 8 + size)
    if (bytes.toString('latin1', at, at + 4) === 'EXIF') return exifTexts(data)
    at += 8 + size + (size % 2)
  }
  return []
}

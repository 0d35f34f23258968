import { exifTexts } from './exif-texts.ts'
import type { MediaText } from './media-text.ts'

export function isJpeg(bytes: Buffer): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
}

/** The Exif texts and comments before the picture (ITU T.81, annex B; Exif 2.32, section 4.5). */
export function jpegTexts(bytes: Buffer): MediaText[] {
  const texts: MediaText[] = []
  let at = 2
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const marker = bytes[at + 1]
    if (marker === 0xda || marker === 0xd9) break
    const data = bytes.subarray(at + 4, at + 2 + bytes.readUInt16BE(at + 2))
    if (marker === 0xe1 && data.toString('latin1', 0, 4) === 'Exif') texts.push(...exifTexts(data))
    if (marker === 0xfe) texts.push({ name: '', text: data.toString('utf8') })
    at += 2 + bytes.readUInt16BE(at + 2)
  }
  return texts
}

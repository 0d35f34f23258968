import { isTechnicalText } from './technical-names.ts'
import { splitNamed } from './media-text.ts'

/**
 * Comments, as FLAC, Opus and Vorbis have them, but for the technical ones. The name of the encoder stays. What cannot be
 * read is left out.
 */
export function technicalComments(data: Buffer): Buffer {
  const vendorEnd = data.length < 4 ? Infinity : 4 + data.readUInt32LE(0)
  if (vendorEnd + 4 > data.length) return Buffer.alloc(8)
  const kept: Buffer[] = []
  const count = data.readUInt32LE(vendorEnd)
  let at = vendorEnd + 4
  for (let index = 0; index < count && at + 4 <= data.length; index += 1) {
    const end = at + 4 + data.readUInt32LE(at)
    if (end > data.length) break
    const { name, text } = splitNamed(data.toString('utf8', at + 4, end), '=')
    if (isTechnicalText(name, text.length)) kept.push(data.subarray(at, end))
    at = end
  }
  const keptCount = Buffer.alloc(4)
  keptCount.writeUInt32LE(kept.length)
  return Buffer.concat([data.subarray(0, vendorEnd), keptCount, ...kept])
}

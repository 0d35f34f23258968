import { inflateSync } from 'node:zlib'
import type { MediaText } from './media-text.ts'

const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
/** A compressed text that becomes longer than this is left out. */
const maxInflatedBytes = 64 * 1024 * 1024

export function isPng(bytes: Buffer): boolean {
  return bytes.subarray(0, signature.length).equals(signature)
}

/**
 * The texts of `tEXt`, `zTXt` and `iTXt` chunks (PNG specification, 11.3.3), and of the private chunk `comf`, which
 * animated files carry behind their pictures.
 */
export function pngTexts(bytes: Buffer): MediaText[] {
  const texts: MediaText[] = []
  let at = signature.length
  while (at + 12 <= bytes.length) {
    const end = at + 8 + bytes.readUInt32BE(at)
    if (end + 4 > bytes.length) break
    const text = chunkText(bytes.toString('latin1', at + 4, at + 8), bytes.subarray(at + 8, end))
    if (text !== undefined) texts.push(text)
    at = end + 4
  }
  return texts
}

function chunkText(type: string, data: Buffer): MediaText | undefined {
  const nameEnd = data.indexOf(0)
  if (nameEnd < 0) return undefined
  const name = data.toString('latin1', 0, nameEnd)
  const rest = data.subarray(nameEnd + 1)
  switch (type) {
    case 'tEXt':
      return { name, text: rest.toString('latin1') }
    case 'comf':
      return { name, text: rest.toString('utf8') }
    case 'zTXt':
      return inflated(name, rest.subarray(1), 'latin1')
    case 'iTXt':
      return internationalText(name, rest)
    default:
      return undefined
  }
}

/** Whether it is compressed, by which method, its language, its translated name, the text. */
function internationalText(name: string, rest: Buffer): MediaText | undefined {
  const languageEnd = rest.indexOf(0, 2)
  const translatedEnd = languageEnd < 0 ? -1 : rest.indexOf(0, languageEnd + 1)
  if (translatedEnd < 0) return undefined
  const text = rest.subarray(translatedEnd + 1)
  return rest[0] === 1 ? inflated(name, text, 'utf8') : { name, text: text.toString('utf8') }
}

function inflated(name: string, data: Buffer, encoding: 'latin1' | 'utf8'): MediaText | undefined {
  try {
    return { name, text: inflateSync(data, { maxOutputLength: maxInflatedBytes }).toString(encoding) }
  } catch {
    // A text that cannot be unpacked is none; the others are still worth having.
    return undefined
  }
}

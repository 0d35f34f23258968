import { isRecord } from '../json-record.ts'
import type { MediaText } from './media-text.ts'

const maxHeaderBytes = 100 * 1024 * 1024
const jsonChunk = 0x4e4f534a

export function isSafetensors(bytes: Buffer): boolean {
  if (bytes.length < 10 || bytes[8] !== 0x7b) return false
  const size = bytes.readBigUInt64LE(0)
  return size <= BigInt(Math.min(maxHeaderBytes, bytes.length - 8))
}

/** The metadata of a file in the safetensors format, as latents are. */
export function safetensorsTexts(bytes: Buffer): MediaText[] {
  const header = parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))))
  return isRecord(header) ? stringsOf(header['__metadata__']) : []
}

export function isGlb(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 4) === 'glTF'
}

/** What `asset.extras` of a binary glTF file holds (glTF 2.0, section 4.4). */
export function glbTexts(bytes: Buffer): MediaText[] {
  if (bytes.length < 20 || bytes.readUInt32LE(16) !== jsonChunk) return []
  const document = parse(bytes.subarray(20, 20 + bytes.readUInt32LE(12)))
  const asset = isRecord(document) ? document['asset'] : undefined
  return isRecord(asset) ? stringsOf(asset['extras']) : []
}

/** Members that are texts, and others as the JSON that they are. */
function stringsOf(members: unknown): MediaText[] {
  if (!isRecord(members)) return []
  return Object.entries(members).map(([name, value]) => ({
    name,
    text: typeof value === 'string' ? value : JSON.stringify(value),
  }))
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}

import { constants, gunzipSync } from 'node:zlib'
import type { ByteReader } from './byte-reader.ts'

export interface ModelFormat {
  readonly contentType: string
  /** Without a dot. */
  readonly extension: string
}

/** How far texts are looked into. */
const headBytes = 64 * 1024

const formats: readonly (ModelFormat & { readonly matches: (bytes: ByteReader) => boolean })[] = [
  { contentType: 'model/gltf-binary', extension: 'glb', matches: isGlb },
  { contentType: 'model/gltf+json', extension: 'gltf', matches: isGltf },
  { contentType: 'application/octet-stream', extension: 'fbx', matches: isFbx },
  { contentType: 'application/octet-stream', extension: 'ply', matches: isPly },
  { contentType: 'model/stl', extension: 'stl', matches: isBinaryStl },
  { contentType: 'model/stl', extension: 'stl', matches: isTextStl },
  { contentType: 'application/octet-stream', extension: 'spz', matches: isSpz },
  { contentType: 'model/obj', extension: 'obj', matches: isObj },
]

/** Which 3D model the bytes are; `undefined` for none that can be told by its bytes. */
export function modelFormatOf(bytes: ByteReader): ModelFormat | undefined {
  const found = formats.find(({ matches }) => {
    try {
      return matches(bytes)
    } catch (error) {
      if (error instanceof RangeError) return false
      throw error
    }
  })
  return found && { contentType: found.contentType, extension: found.extension }
}

/** glTF 2.0, 4.4: the header says how long the file is, and the first chunk is JSON. */
function isGlb(bytes: ByteReader): boolean {
  if (!bytes.startsWith('glTF')) return false
  const [version, length, jsonLength] = [4, 8, 12].map((offset) => bytes.readUInt32LE(offset))
  if (version === undefined || length === undefined || jsonLength === undefined) return false
  const hasJson = version === 1 || bytes.text(16, 4) === 'JSON'
  return (version === 1 || version === 2) && length <= bytes.length && hasJson && 20 + jsonLength <= length
}

function isFbx(bytes: ByteReader): boolean {
  return bytes.startsWith('Kaydara FBX Binary  \0') || bytes.startsWith('; FBX ')
}

/** A header in lines, which ends with one that says so. */
function isPly(bytes: ByteReader): boolean {
  if (!/^ply\r?\n/.test(bytes.head(5).toString('latin1'))) return false
  const head = bytes.head(headBytes).toString('latin1')
  return (
    /^format (ascii|binary_little_endian|binary_big_endian) 1\.0[ \t\r]*$/m.test(head) &&
    /^end_header[ \t\r]*$/m.test(head)
  )
}

const stlHeadBytes = 84
const stlFacetBytes = 50

/** No signature, but the number of facets says to the byte how long the file is. */
function isBinaryStl(bytes: ByteReader): boolean {
  const facets = bytes.readUInt32LE(80)
  return facets > 0 && stlHeadBytes + facets * stlFacetBytes === bytes.length
}

function isTextStl(bytes: ByteReader): boolean {
  if (!bytes.startsWith('solid')) return false
  return /^solid[^\n]*\r?\n\s*facet\s+normal\s/.test(bytes.head(4096).toString('latin1'))
}

/** Gaussian splats: packed as a whole up to version 3, in parts from version 4. */
function isSpz(bytes: ByteReader): boolean {
  if (bytes.startsWith('NGSP')) return true
  if (!bytes.startsWith('\x1f\x8b\x08')) return false
  try {
    // What this little becomes at most is bounded by the format.
    return gunzipSync(bytes.head(512), { finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1', 0, 4) === 'NGSP'
  } catch {
    return false
  }
}

const objLine =
  /^(?:\s*|\s*#.*|\s*(?:v|vt|vn|vp|f|l|p|o|g|s|mg|mtllib|usemtl|usemap|maplib|cstype|deg|surf|parm|curv2?|trim|hole|end|bmat|step|lod|shadow_obj|trace_obj|bevel|c_interp|d_interp)\s.*)$/
const objVertex = /^[ \t]*v(?:[ \t]+-?\d+(?:\.\d*)?(?:e[+-]?\d+)?){3,7}[ \t\r]*$/im
const objShape = /^[ \t]*[flp][ \t]+-?\d/m

/** Text without a signature: nothing but its statements, and among them points and shapes. */
function isObj(bytes: ByteReader): boolean {
  const head = bytes.head(headBytes).toString('latin1')
  const lines = head.split(/\r?\n/)
  // The last one may be cut off.
  if (bytes.length > headBytes) lines.pop()
  if (!lines.every((line) => line.length < 4096 && objLine.test(line)) || !objVertex.test(head)) return false
  return bytes.length > headBytes || objShape.test(head)
}

const maxGltfBytes = 64 * 1024 * 1024
const maxDepth = 64
const lookAhead = 64
const code = { quote: 0x22, backslash: 0x5c, openBrace: 0x7b, openBracket: 0x5b, closeBrace: 0x7d, closeBracket: 0x5d }

/** glTF 2.0, 3.2: a JSON object with an object `asset`, which has a text `version`. Looked through, not parsed. */
function isGltf(bytes: ByteReader): boolean {
  const start = /^(?:\xef\xbb\xbf)?\s*\{/.exec(bytes.head(1024).toString('latin1'))
  if (start === null || bytes.length > maxGltfBytes) return false
  return scanGltf(bytes, start[0].length - 1)
}

function scanGltf(bytes: ByteReader, start: number): boolean {
  let depth = 0
  let isInAsset = false
  let hasVersion = false
  for (let offset = start; offset < bytes.length;) {
    const window = bytes.bytes(offset, Math.min(headBytes, bytes.length - offset))
    const text = window.toString('latin1')
    let at = 0
    for (; at < window.length; at += 1) {
      const byte = window[at]
      if (byte === code.openBrace || byte === code.openBracket) {
        depth += 1
        if (depth > maxDepth) return false
      } else if (byte === code.closeBrace || byte === code.closeBracket) {
        depth -= 1
        if (depth === 1) isInAsset = false
        if (depth === 0)
          return hasVersion && /^\s*$/.test(text.slice(at + 1)) && offset + window.length === bytes.length
      } else if (byte === code.quote) {
        const end = stringEnd(window, at + 1)
        // What comes behind it is looked at as well.
        if (at > 0 && end !== -1 && end + lookAhead > window.length && offset + window.length < bytes.length) break
        if (end === -1) {
          // It goes on in the next window, or is longer than one, as embedded data are.
          if (at > 0) break
          const far = farStringEnd(bytes, offset + 1)
          if (far === -1) return false
          at = far - offset
          break
        }
        const name = text.slice(at + 1, end)
        const rest = text.slice(end + 1, end + lookAhead)
        if (depth === 1 && name === 'asset') isInAsset = /^\s*:\s*\{/.test(rest)
        if (depth === 2 && isInAsset && name === 'version') hasVersion = /^\s*:\s*"\d/.test(rest)
        at = end
      }
    }
    offset += Math.max(at, 1)
  }
  return false
}

/** Where a string ends, -1 when it does not. */
function stringEnd(window: Buffer, start: number): number {
  for (let end = window.indexOf(code.quote, start); end !== -1; end = window.indexOf(code.quote, end + 1)) {
    let slashes = 0
    while (window[end - 1 - slashes] === code.backslash) slashes += 1
    if (slashes % 2 === 0) return end
  }
  return -1
}

/** The offset behind a string that is longer than a window, -1 when it has no end. */
function farStringEnd(bytes: ByteReader, start: number): number {
  for (let offset = start; offset < bytes.length;) {
    const window = bytes.bytes(offset, Math.min(headBytes, bytes.length - offset))
    const end = window.indexOf(code.quote)
    // Base64 has no escapes, and no other string is as long.
    if (end !== -1) return end > 0 && window[end - 1] === code.backslash ? -1 : offset + end + 1
    offset += window.length
  }
  return -1
}

import { crc32, deflateSync } from 'node:zlib'

/* Media files with texts in them, as small as a reader of texts takes them: no pictures, no sounds. */

export type NamedText = readonly [name: string, text: string]

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

function sized(write: 'writeUInt32BE' | 'writeUInt32LE', value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes[write](value)
  return bytes
}

const be32 = (value: number): Buffer => sized('writeUInt32BE', value)
const le32 = (value: number): Buffer => sized('writeUInt32LE', value)
const be16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255])

export function pngChunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([latin1(type), data])
  return Buffer.concat([be32(data.length), body, be32(crc32(body))])
}

export function pngOf(...chunks: readonly Buffer[]): Buffer {
  return Buffer.concat([latin1('\x89PNG\r\n\x1a\n'), ...chunks, pngChunk('IEND', Buffer.alloc(0))])
}

export const pngText = {
  plain: ([name, text]: NamedText): Buffer => pngChunk('tEXt', latin1(`${name}\0${text}`)),
  compressed: ([name, text]: NamedText): Buffer =>
    pngChunk('zTXt', Buffer.concat([latin1(`${name}\0\0`), deflateSync(latin1(text))])),
  international: ([name, text]: NamedText): Buffer =>
    pngChunk('iTXt', Buffer.concat([latin1(`${name}\0\0\0de\0`), Buffer.from('Übersetzt\0'), Buffer.from(text)])),
  internationalCompressed: ([name, text]: NamedText): Buffer =>
    pngChunk('iTXt', Buffer.concat([latin1(`${name}\0\x01\0\0\0`), deflateSync(Buffer.from(text))])),
  behindPictures: ([name, text]: NamedText): Buffer => pngChunk('comf', Buffer.from(`${name}\0${text}`)),
}

/** Exif data with one ASCII value for each text. */
export function exifOf(texts: readonly string[], order: 'II' | 'MM'): Buffer {
  const u16 = (value: number): Buffer => (order === 'II' ? Buffer.from([value & 255, value >> 8]) : be16(value))
  const u32 = order === 'II' ? le32 : be32
  const values = texts.map((text) => Buffer.from(`${text}\0`))
  let valueAt = 8 + 2 + values.length * 12 + 4
  const entries = values.map((value, index) => {
    const isInline = value.length <= 4
    const place = isInline ? Buffer.concat([value, Buffer.alloc(4 - value.length)]) : u32(valueAt)
    if (!isInline) valueAt += value.length
    return Buffer.concat([u16(0x010f + index), u16(2), u32(value.length), place])
  })
  const outside = values.filter(({ length }) => length > 4)
  return Buffer.concat([latin1(order), u16(42), u32(8), u16(values.length), ...entries, u32(0), ...outside])
}

export function webpOf(exif: Buffer): Buffer {
  const chunk = (type: string, data: Buffer): Buffer =>
    Buffer.concat([latin1(type), le32(data.length), data, Buffer.alloc(data.length % 2)])
  const body = Buffer.concat([latin1('WEBP'), chunk('VP8L', Buffer.alloc(5)), chunk('EXIF', exif)])
  return Buffer.concat([latin1('RIFF'), le32(body.length), body])
}

export function jpegOf(exif: Buffer, comment: string): Buffer {
  const segment = (marker: number, data: Buffer): Buffer =>
    Buffer.concat([Buffer.from([0xff, marker]), be16(data.length + 2), data])
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    segment(0xe1, Buffer.concat([latin1('Exif\0\0'), exif])),
    segment(0xfe, Buffer.from(comment)),
    Buffer.from([0xff, 0xd9]),
  ])
}

function vorbisComments(texts: readonly NamedText[]): Buffer {
  const field = (text: string): Buffer => Buffer.concat([le32(Buffer.byteLength(text)), Buffer.from(text)])
  return Buffer.concat([field('a test'), le32(texts.length), ...texts.map(([name, text]) => field(`${name}=${text}`))])
}

export function flacOf(texts: readonly NamedText[]): Buffer {
  const block = (type: number, data: Buffer, isLast: boolean): Buffer =>
    Buffer.concat([Buffer.from([type | (isLast ? 0x80 : 0)]), be32(data.length).subarray(1), data])
  return Buffer.concat([latin1('fLaC'), block(0, Buffer.alloc(34), false), block(4, vorbisComments(texts), true)])
}

/** By its definition: bit for bit (RFC 3533, section 6). */
export function oggChecksumOf(page: Buffer): number {
  let value = 0
  for (const byte of page) {
    value ^= byte << 24
    for (let bit = 0; bit < 8; bit += 1) value = value < 0 ? (value << 1) ^ 0x04c11db7 : value << 1
  }
  return value >>> 0
}

const oggHeads = {
  opus: { first: 'OpusHead', comments: 'OpusTags', end: '' },
  // What sets up the decoder follows in the page in which the comments end.
  vorbis: { first: '\x01vorbis', comments: '\x03vorbis', end: '\x01' },
} as const

/** With sounds behind the texts; long texts go on over several pages. */
export function oggOf(texts: readonly NamedText[], codec: keyof typeof oggHeads = 'opus'): Buffer {
  const heads = oggHeads[codec]
  let number = 0
  const page = (segments: readonly Buffer[], flags: number, granule = 0): Buffer => {
    const bytes = Buffer.concat([
      latin1('OggS'),
      Buffer.from([0, flags]),
      granule < 0 ? Buffer.alloc(8, 0xff) : Buffer.concat([le32(granule), le32(0)]),
      le32(0x51e1a),
      le32(number),
      le32(0),
      Buffer.from([segments.length]),
      Buffer.from(segments.map(({ length }) => length)),
      ...segments,
    ])
    number += 1
    bytes.writeUInt32LE(oggChecksumOf(bytes), 22)
    return bytes
  }
  const segmentsOf = (packet: Buffer): Buffer[] =>
    Array.from({ length: Math.floor(packet.length / 255) + 1 }, (_, index) =>
      packet.subarray(index * 255, (index + 1) * 255),
    )
  const segments = segmentsOf(Buffer.concat([latin1(heads.comments), vorbisComments(texts), latin1(heads.end)]))
  if (codec === 'vorbis') segments.push(...segmentsOf(Buffer.alloc(600, 'set up')))
  const pages = [page([latin1(heads.first)], 2)]
  for (let first = 0; first < segments.length; first += 200) {
    const isLast = first + 200 >= segments.length
    pages.push(page(segments.slice(first, first + 200), first === 0 ? 0 : 1, isLast ? 0 : -1))
  }
  const sounds = [960, 1920, 2880].map((granule) =>
    page([Buffer.alloc(7, granule & 255)], granule === 2880 ? 4 : 0, granule),
  )
  return Buffer.concat([...pages, ...sounds])
}

export interface Id3Writing {
  readonly version: 3 | 4
  /** 0: Latin-1, 1: UTF-16 with a mark, 2: UTF-16 big-endian, 3: UTF-8. */
  readonly encoding: 0 | 1 | 2 | 3
  /** Put a zero behind every byte 0xff, as an old way to hide them from decoders. */
  readonly isUnsynchronised?: boolean
}

export function mp3Of(
  texts: readonly NamedText[],
  { version, encoding, isUnsynchronised = false }: Id3Writing,
): Buffer {
  const syncSafe = (value: number): Buffer =>
    Buffer.from([21, 14, 7, 0].map((shift) => Math.floor(value / 2 ** shift) & 0x7f))
  const encode = (text: string): Buffer => {
    if (encoding === 0) return latin1(text)
    if (encoding === 1) return Buffer.from(`\uFEFF${text}`, 'utf16le')
    return encoding === 2 ? Buffer.from(text, 'utf16le').swap16() : Buffer.from(text)
  }
  const hide = (data: Buffer): Buffer =>
    isUnsynchronised ? latin1(data.toString('latin1').replaceAll('\xff', '\xff\0')) : data
  const end = encoding === 1 || encoding === 2 ? latin1('\0\0') : latin1('\0')
  const frames = texts.map(([name, text]) => {
    const plain = Buffer.concat([Buffer.from([encoding]), encode(name), end, encode(text)])
    const data = version === 4 ? hide(plain) : plain
    const flags = Buffer.from([0, version === 4 && isUnsynchronised ? 2 : 0])
    return Buffer.concat([latin1('TXXX'), version === 4 ? syncSafe(data.length) : be32(data.length), flags, data])
  })
  const title = Buffer.concat([latin1('TIT2'), Buffer.from([0, 0, 0, 2, 0, 0]), latin1('\x00x')])
  const tag = Buffer.concat([title, ...frames])
  const written = version === 3 ? hide(tag) : tag
  const flags = Buffer.from([version, 0, isUnsynchronised ? 0x80 : 0])
  return Buffer.concat([latin1('ID3'), flags, syncSafe(written.length), written, Buffer.from([0xff, 0xfb, 0x90, 0])])
}

export function webmOf(texts: readonly NamedText[], { hasUnknownSize = false } = {}): Buffer {
  const element = (id: number, data: Buffer): Buffer => {
    const idBytes = Buffer.from(id.toString(16).padStart(id > 0xffff ? 8 : 4, '0'), 'hex')
    const size = be32(data.length)
    size.writeUInt8(size.readUInt8(0) | 0x10, 0)
    return Buffer.concat([id > 0xff ? idBytes : idBytes.subarray(1), size, data])
  }
  const tags = texts.map(([name, text]) =>
    element(
      0x7373,
      element(0x67c8, Buffer.concat([element(0x45a3, Buffer.from(name)), element(0x4487, Buffer.from(text))])),
    ),
  )
  const body = Buffer.concat([element(0x1549a966, Buffer.alloc(3)), element(0x1254c367, Buffer.concat(tags))])
  const segment = hasUnknownSize
    ? Buffer.concat([be32(0x18538067), Buffer.from('01ffffffffffffff', 'hex'), body])
    : element(0x18538067, body)
  return Buffer.concat([element(0x1a45dfa3, Buffer.alloc(4)), segment])
}

export function isoBox(type: string | Buffer, ...data: readonly Buffer[]): Buffer {
  const body = Buffer.concat([typeof type === 'string' ? latin1(type) : type, ...data])
  return Buffer.concat([be32(body.length + 4), body])
}

export function mp4Of(texts: readonly NamedText[], style: 'iso' | 'quicktime'): Buffer {
  const keys = isoBox('keys', be32(0), be32(texts.length), ...texts.map(([name]) => isoBox('mdta', Buffer.from(name))))
  const items = texts.map(([, text], index) =>
    isoBox(be32(index + 1), isoBox('data', be32(1), be32(0), Buffer.from(text))),
  )
  const handler = isoBox('hdlr', Buffer.alloc(25))
  const meta = isoBox('meta', ...(style === 'iso' ? [be32(0)] : []), handler, keys, isoBox('ilst', ...items))
  return Buffer.concat([isoBox('ftyp', latin1('isom')), isoBox('moov', isoBox('udta', meta)), isoBox('mdat')])
}

export function avifOf(exif: Buffer): Buffer {
  const head = isoBox('ftyp', latin1('avif'))
  const entry = isoBox('infe', Buffer.from([2, 0, 0, 0]), be16(7), be16(0), latin1('Exif'), latin1('\0'))
  const metaOf = (at: number): Buffer =>
    isoBox(
      'meta',
      be32(0),
      isoBox('hdlr', Buffer.alloc(25)),
      isoBox('iinf', be32(0), be16(1), entry),
      isoBox('iloc', be32(0), be16(0x4400), be16(1), be16(7), be16(0), be16(1), be32(at), be32(exif.length + 4)),
    )
  const data = Buffer.concat([be32(0), exif])
  return Buffer.concat([head, metaOf(head.length + metaOf(0).length + 8), isoBox('mdat', data)])
}

export function safetensorsOf(texts: readonly NamedText[]): Buffer {
  const header = Buffer.from(JSON.stringify({ __metadata__: Object.fromEntries(texts) }))
  return Buffer.concat([le32(header.length), be32(0), header, Buffer.alloc(16)])
}

export function glbOf(extras: unknown): Buffer {
  const json = Buffer.from(JSON.stringify({ asset: { version: '2.0', extras } }))
  return Buffer.concat([latin1('glTF'), le32(2), le32(20 + json.length), le32(json.length), latin1('JSON'), json])
}

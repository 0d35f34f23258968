/* Short sounds in the formats in which ComfyUI saves them, each with a comment that says what it is. */

export type AudioFormat = 'flac' | 'mp3' | 'opus'

export function writeAudio(format: AudioFormat, title: string): Buffer {
  switch (format) {
    case 'flac':
      return writeFlac(title)
    case 'mp3':
      return writeMp3(title)
    case 'opus':
      return writeOpus(title)
  }
}

const flacRate = 8000
const flacBlock = 4000
const toneHertz = 440
const loudness = 3000

/** A second of a tone, not compressed (RFC 9639). */
function writeFlac(title: string): Buffer {
  const blocks = flacRate / flacBlock
  const stream = Buffer.alloc(34)
  stream.writeUInt16BE(flacBlock, 0)
  stream.writeUInt16BE(flacBlock, 2)
  // 20 bits of the rate, 3 of channels less 1, 5 of bits less 1, 36 of the number of samples.
  stream.writeBigUInt64BE((BigInt(flacRate) << 44n) | (15n << 36n) | BigInt(flacBlock * blocks), 10)
  const comment = vorbisComment(title)
  const frames = Array.from({ length: blocks }, (_, index) => flacFrame(index))
  return Buffer.concat([
    Buffer.from('fLaC'),
    Buffer.from([0, 0, 0, stream.length]),
    stream,
    Buffer.from([0x84, 0, comment.length >> 8, comment.length & 255]),
    comment,
    ...frames,
  ])
}

function flacFrame(index: number): Buffer {
  // A block of the length that follows, 8 kHz, one channel, 16 bits, the number of the frame.
  const header = Buffer.from([0xff, 0xf8, 0x74, 0x08, index, (flacBlock - 1) >> 8, (flacBlock - 1) & 255])
  const samples = Buffer.alloc(flacBlock * 2)
  for (let at = 0; at < flacBlock; at += 1) {
    const seconds = (index * flacBlock + at) / flacRate
    samples.writeInt16BE(Math.round(loudness * Math.sin(2 * Math.PI * toneHertz * seconds)), at * 2)
  }
  const uncompressed = 0x02
  const frame = Buffer.concat([header, Buffer.from([crc(header, 8, 0x07), uncompressed]), samples])
  const sum = crc(frame, 16, 0x8005)
  return Buffer.concat([frame, Buffer.from([sum >> 8, sum & 255])])
}

const mp3Frames = 39
const mp3FrameBytes = 104

/** A second of silence: frames without any coefficient (ISO/IEC 11172-3, layer III, 32 kbit/s, 44.1 kHz, one channel). */
function writeMp3(title: string): Buffer {
  const frame = Buffer.alloc(mp3FrameBytes)
  frame.set([0xff, 0xfb, 0x10, 0xc0])
  return Buffer.concat([id3Title(title), ...Array.from({ length: mp3Frames }, () => frame)])
}

/** ID3 2.3 with one text. Sizes have 7 bits a byte. */
function id3Title(title: string): Buffer {
  const content = Buffer.concat([Buffer.from([0]), Buffer.from(title, 'latin1')])
  const frame = Buffer.concat([Buffer.from('TIT2'), Buffer.from([0, 0, 0, content.length, 0, 0]), content])
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([3, 0, 0, 0, 0, 0, frame.length]), frame])
}

const opusPackets = 50
const opusPacketSamples = 960
const opusSerial = 0x51d
/** 20 ms of silence (RFC 6716, CELT only, one channel). */
const silentPacket = Buffer.from([0xf8, 0xff, 0xfe])

/** A second of silence (RFC 7845). */
function writeOpus(title: string): Buffer {
  const head = Buffer.from('OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0', 'latin1')
  const tags = Buffer.concat([Buffer.from('OpusTags'), vorbisComment(title)])
  const packets = Array.from({ length: opusPackets }, () => silentPacket)
  const isFirst = 2
  const isLast = 4
  return Buffer.concat([
    oggPage([head], 0, isFirst, 0),
    oggPage([tags], 1, 0, 0),
    oggPage(packets, 2, isLast, opusPackets * opusPacketSamples),
  ])
}

/** A page of packets that are shorter than 255 bytes (RFC 3533). */
function oggPage(packets: readonly Buffer[], number: number, flags: number, position: number): Buffer {
  const header = Buffer.alloc(27)
  header.write('OggS')
  header.writeUInt8(flags, 5)
  header.writeBigUInt64LE(BigInt(position), 6)
  header.writeUInt32LE(opusSerial, 14)
  header.writeUInt32LE(number, 18)
  header.writeUInt8(packets.length, 26)
  const page = Buffer.concat([header, Buffer.from(packets.map(({ length }) => length)), ...packets])
  page.writeUInt32LE(crc(page, 32, 0x04c11db7), 22)
  return page
}

function vorbisComment(title: string): Buffer {
  const vendor = Buffer.from('comfyui-api simulator')
  const comment = Buffer.from(`TITLE=${title}`)
  return Buffer.concat([u32(vendor.length), vendor, u32(1), u32(comment.length), comment])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

/** A check sum whose highest bits come first, from 0, as FLAC and Ogg have it. */
function crc(bytes: Uint8Array, width: 8 | 16 | 32, polynomial: number): number {
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

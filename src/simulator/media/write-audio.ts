import { checksum } from './checksum.ts'
import type { Sound } from './sound.ts'
import { vorbisComment } from './vorbis-comment.ts'
import { writeFlac } from './write-flac.ts'

/* Short sounds in the formats in which ComfyUI saves them, each with a comment that says what it is. */

export type AudioFormat = 'flac' | 'mp3' | 'opus'

export function writeAudio(format: AudioFormat, title: string): Buffer {
  switch (format) {
    case 'flac':
      return writeFlac(tone(), title)
    case 'mp3':
      return writeMp3(title)
    case 'opus':
      return writeOpus(title)
  }
}

const toneRate = 8000
const toneHertz = 440
const loudness = 3000

/** A second of a tone. */
function tone(): Sound {
  const samples = Int16Array.from({ length: toneRate }, (_, at) =>
    Math.round(loudness * Math.sin((2 * Math.PI * toneHertz * at) / toneRate)),
  )
  return { sampleRate: toneRate, channelCount: 1, samples }
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
  page.writeUInt32LE(checksum(page, 32, 0x04c11db7), 22)
  return page
}

import { createHash } from 'node:crypto'
import { checksum } from './checksum.ts'
import type { Sound } from './sound.ts'
import { vorbisComment } from './vorbis-comment.ts'

const blockSamples = 4096

/** A FLAC file of a sound, not compressed (RFC 9639). */
export function writeFlac(sound: Sound, title: string): Buffer {
  const { sampleRate, channelCount, samples } = sound
  const sampleCount = samples.length / channelCount
  const stream = Buffer.alloc(34)
  stream.writeUInt16BE(blockSamples, 0)
  stream.writeUInt16BE(blockSamples, 2)
  // 20 bits of the rate, 3 of channels less 1, 5 of bits less 1, 36 of the number of samples.
  const counts = (BigInt(sampleRate) << 44n) | (BigInt(channelCount - 1) << 41n) | (15n << 36n) | BigInt(sampleCount)
  stream.writeBigUInt64BE(counts, 10)
  stream.set(createHash('md5').update(littleEndian(samples)).digest(), 18)
  const comment = vorbisComment(title)
  const blocks = Array.from({ length: Math.ceil(sampleCount / blockSamples) }, (_, index) => writeFrame(sound, index))
  return Buffer.concat([
    Buffer.from('fLaC'),
    Buffer.from([0, 0, 0, stream.length]),
    stream,
    Buffer.from([0x84, 0, comment.length >> 8, comment.length & 255]),
    comment,
    ...blocks,
  ])
}

function writeFrame({ channelCount, samples }: Sound, index: number): Buffer {
  const first = index * blockSamples
  const count = Math.min(blockSamples, samples.length / channelCount - first)
  // A block of the length that follows, the rate of the stream, so many channels, 16 bits; the number of the frame is
  // written as UTF-8 writes that of a character.
  const header = Buffer.concat([
    Buffer.from([0xff, 0xf8, 0x70, ((channelCount - 1) << 4) | 0x08]),
    Buffer.from(String.fromCodePoint(index)),
    Buffer.from([(count - 1) >> 8, (count - 1) & 255]),
  ])
  const parts = [header, Buffer.from([checksum(header, 8, 0x07)])]
  for (let channel = 0; channel < channelCount; channel += 1) {
    const uncompressed = 0x02
    const part = Buffer.alloc(1 + count * 2, uncompressed)
    for (let at = 0; at < count; at += 1) {
      part.writeInt16BE(samples[(first + at) * channelCount + channel] ?? 0, 1 + at * 2)
    }
    parts.push(part)
  }
  const frame = Buffer.concat(parts)
  const sum = checksum(frame, 16, 0x8005)
  return Buffer.concat([frame, Buffer.from([sum >> 8, sum & 255])])
}

function littleEndian(samples: Int16Array): Buffer {
  const bytes = Buffer.alloc(samples.length * 2)
  for (const [index, sample] of samples.entries()) bytes.writeInt16LE(sample, index * 2)
  return bytes
}

import type { VideoStream } from './encode-video.ts'

/* An MP4 file (ISO/IEC 14496-12 and 14496-15) with one track. */

const timescale = 1000
const trackId = 1
/** A matrix that changes nothing, in 16.16 and 2.30 fixed point. */
const identity = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000].map((value) => u32(value))

export function writeMp4(stream: VideoStream, framesPerSecond: number): Buffer {
  const frameTime = Math.max(1, Math.round(timescale / framesPerSecond))
  const samples = stream.frames.map((frame) => Buffer.concat([u32(frame.length), frame]))
  const type = box('ftyp', text('isom'), u32(0x200), text('isomiso2avc1mp41'))
  const place = type.length + movie(stream, samples, frameTime, 0).length + 8
  return Buffer.concat([type, movie(stream, samples, frameTime, place), box('mdat', ...samples)])
}

/** @param place of the first frame in the file */
function movie(stream: VideoStream, samples: readonly Buffer[], frameTime: number, place: number): Buffer {
  const duration = u32(samples.length * frameTime)
  const { width, height } = stream
  const header = full(
    'mvhd',
    0,
    u32(0, 0, timescale),
    duration,
    u32(0x10000),
    u16(0x100, 0),
    u32(0, 0),
    ...identity,
    u32(0, 0, 0, 0, 0, 0, trackId + 1),
  )
  const trackHeader = full(
    'tkhd',
    3,
    u32(0, 0, trackId, 0),
    duration,
    u32(0, 0),
    u16(0, 0, 0, 0),
    ...identity,
    u32(width * 0x10000, height * 0x10000),
  )
  const english = 0x55c4
  const mediaHeader = full('mdhd', 0, u32(0, 0, timescale), duration, u16(english, 0))
  const handler = full('hdlr', 0, u32(0), text('vide'), u32(0, 0, 0), text('SIMULATED\0'))
  const reference = box('dinf', full('dref', 0, u32(1), full('url ', 1)))
  const information = box('minf', full('vmhd', 1, u16(0, 0, 0, 0)), reference, table(stream, samples, frameTime, place))
  return box('moov', header, box('trak', trackHeader, box('mdia', mediaHeader, handler, information)))
}

function table(stream: VideoStream, samples: readonly Buffer[], frameTime: number, place: number): Buffer {
  return box(
    'stbl',
    full('stsd', 0, u32(1), sampleEntry(stream)),
    full('stts', 0, u32(1, samples.length, frameTime)),
    full('stss', 0, u32(1, 1)),
    full('stsc', 0, u32(1, 1, samples.length, 1)),
    full('stsz', 0, u32(0, samples.length, ...samples.map(({ length }) => length))),
    full('stco', 0, u32(1, place)),
  )
}

function sampleEntry({ width, height, sequenceSet, pictureSet }: VideoStream): Buffer {
  const dotsPerInch = 72 * 0x10000
  const configuration = box(
    'avcC',
    Buffer.from([1, ...sequenceSet.subarray(1, 4), 0xff, 0xe1]),
    u16(sequenceSet.length),
    sequenceSet,
    Buffer.from([1]),
    u16(pictureSet.length),
    pictureSet,
  )
  return box(
    'avc1',
    u16(0, 0, 0, 1),
    u32(0, 0, 0, 0),
    u16(width, height),
    u32(dotsPerInch, dotsPerInch, 0),
    u16(1),
    Buffer.alloc(32),
    u16(24, 0xffff),
    configuration,
  )
}

function box(name: string, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([u32(content.length + 8), text(name), content])
}

function full(name: string, flags: number, ...parts: readonly Buffer[]): Buffer {
  return box(name, u32(flags), ...parts)
}

function text(value: string): Buffer {
  return Buffer.from(value, 'latin1')
}

function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2)
  for (const [index, value] of values.entries()) bytes.writeUInt16BE(value, index * 2)
  return bytes
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4)
  return bytes
}

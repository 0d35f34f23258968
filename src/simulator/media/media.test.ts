import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readMediaTexts } from '../../lib/media-texts/read-media-texts.ts'
import { filledPicture } from '../drawing/picture.ts'
import { encodeVideo } from './encode-video.ts'
import { createNalWriter } from './nal-writer.ts'
import { writeAudio } from './write-audio.ts'
import { writeFlac } from './write-flac.ts'
import { writeGlb, writeLatent, writePly, writeSvg } from './write-model.ts'
import { writeMp4 } from './write-mp4.ts'

const title = 'SIMULATED, in place of a class'

interface Box {
  readonly name: string
  readonly content: Buffer
  readonly at: number
}

/** The boxes of an MP4 file, one after the other. Throws where their lengths do not fit. */
function boxesIn(bytes: Buffer, from = 0): Box[] {
  const boxes: Box[] = []
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at)
    if (length < 8 || at + length > bytes.length) throw new Error(`a box of ${length} bytes at ${at}`)
    const content = bytes.subarray(at + 8, at + length)
    boxes.push({ name: bytes.toString('latin1', at + 4, at + 8), content, at: from + at + 8 })
    at += length
  }
  return boxes
}

function boxAt(bytes: Buffer, ...path: readonly string[]): Buffer {
  return path.reduce((inner, name) => {
    const found = boxesIn(inner).find((box) => box.name === name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found.content
  }, bytes)
}

describe('a film', () => {
  const film = encodeVideo(filledPicture(300, 200, 0xff8800), 4)
  const file = writeMp4(film, 8)

  test('has whole blocks, and the size of its picture as far as it is not larger than needed', () => {
    expect(film).toMatchObject({ width: 304, height: 208 })
    expect(encodeVideo(filledPicture(1280, 720, 0), 1)).toMatchObject({ width: 320, height: 176 })
    expect(encodeVideo(filledPicture(1, 1, 0), 1)).toMatchObject({ width: 16, height: 16 })
  })

  test('holds its frames where its tables say', () => {
    expect(boxesIn(file).map(({ name }) => name)).toEqual(['ftyp', 'moov', 'mdat'])
    const data = boxesIn(file).find(({ name }) => name === 'mdat')
    const table = ['moov', 'trak', 'mdia', 'minf', 'stbl']
    expect(boxAt(file, ...table, 'stco').readUInt32BE(8)).toBe(data?.at)
    const sizes = boxAt(file, ...table, 'stsz')
    expect(sizes.readUInt32BE(8)).toBe(4)
    let at = data?.at ?? 0
    for (const [index, frame] of film.frames.entries()) {
      const size = sizes.readUInt32BE(12 + index * 4)
      expect(file.readUInt32BE(at)).toBe(size - 4)
      expect(file.subarray(at + 4, at + size).equals(frame)).toBe(true)
      at += size
    }
    expect(at).toBe(file.length)
  })

  test('is longer the slower it is', () => {
    expect(boxAt(writeMp4(film, 2), 'moov', 'mvhd').readUInt32BE(16)).toBe(2000)
    expect(boxAt(file, 'moov', 'mvhd').readUInt32BE(16)).toBe(500)
  })

  test('has no start code inside of a unit, whatever is in it', () => {
    const small = fc.uint8Array({ minLength: 1, maxLength: 40, max: 4 })
    fc.assert(
      fc.property(small, (bytes) => {
        const writer = createNalWriter(0x65)
        writer.bytes(bytes)
        const unit = writer.finish()
        for (const code of [0, 1, 2]) expect(unit.includes(Buffer.from([0, 0, code]))).toBe(false)
        const plain = unit.toString('latin1', 1).replaceAll('\0\0\x03', '\0\0')
        expect(plain).toBe(`${Buffer.from(bytes).toString('latin1')}\x80`)
      }),
    )
  })

  test('writes numbers in the codes of the standard', () => {
    // ITU-T H.264, table 9-2: 0 is 1, 1 is 010, 2 is 011, 3 is 00100, 7 is 0001000; then a 1 ends the unit.
    const writer = createNalWriter(0)
    for (const number of [0, 1, 2, 3, 7]) writer.unsigned(number)
    const bits = [...writer.finish().subarray(1)].map((byte) => byte.toString(2).padStart(8, '0')).join('')
    expect(bits).toBe(['1', '010', '011', '00100', '0001000', '1', '0000'].join(''))
  })
})

describe('a sound', () => {
  test.each(['flac', 'mp3', 'opus'] as const)('says what it is (%s)', (format) => {
    const names = { flac: 'FLAC', mp3: 'MP3', opus: 'Ogg' }
    const read = readMediaTexts(writeAudio(format, title))
    expect(read?.format).toBe(names[format])
    expect(read?.texts.map(({ text }) => text)).toEqual(format === 'mp3' ? [] : [title])
  })

  test('has frames with right check sums (FLAC)', () => {
    const file = writeAudio('flac', title)
    const frames = file.subarray(file.indexOf(Buffer.from([0xff, 0xf8, 0x70])))
    // The head, its sum and the kind of what follows, 2 bytes a sample, the sum of it all.
    const length = 8 + 1 + 2 * (frames.readUInt16BE(5) + 1) + 2
    const last = frames.subarray(length)
    expect(last.length).toBe(8 + 1 + 2 * (last.readUInt16BE(5) + 1) + 2)
    for (const frame of [frames.subarray(0, length), last]) {
      expect(frame.readUInt16BE(0)).toBe(0xfff8)
      // A check sum over data and its check sum is 0.
      expect(remainder(frame.subarray(0, 8), 8, 0x07)).toBe(0)
      expect(remainder(frame, 16, 0x8005)).toBe(0)
    }
  })

  test('of several channels is told apart by the sum of its samples (FLAC)', () => {
    const samples = Int16Array.from({ length: 2 * 5000 }, (_, index) => (index * 7919) % 30_000)
    const file = writeFlac({ sampleRate: 44_100, channelCount: 2, samples }, title)
    const counts = file.readBigUInt64BE(8 + 10)
    expect([counts >> 44n, (counts >> 41n) & 7n, counts & 0xf_ffff_ffffn]).toEqual([44_100n, 1n, 5000n])
    const pcm = Buffer.alloc(samples.length * 2)
    for (const [index, sample] of samples.entries()) pcm.writeInt16LE(sample, index * 2)
    expect(file.subarray(8 + 18, 8 + 34)).toEqual(createHash('md5').update(pcm).digest())
  })

  test('has whole frames (MP3)', () => {
    const file = writeAudio('mp3', title)
    const first = file.indexOf(Buffer.from([0xff, 0xfb]))
    expect((file.length - first) % 104).toBe(0)
    for (let at = first; at < file.length; at += 104) expect(file.readUInt16BE(at)).toBe(0xfffb)
  })
})

/** Of a division of polynomials, bit by bit. */
function remainder(bytes: Uint8Array, width: number, polynomial: number): number {
  let rest = 0
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit -= 1) {
      const top = (rest >> (width - 1)) & 1
      rest = ((rest << 1) & (2 ** width - 1)) ^ (((byte >> bit) & 1) !== top ? polynomial : 0)
    }
  }
  return rest
}

describe('forms', () => {
  test('are whole glTF files', () => {
    const file = writeGlb(title)
    expect(file.readUInt32LE(8)).toBe(file.length)
    const json: unknown = JSON.parse(file.toString('utf8', 20, 20 + file.readUInt32LE(12)))
    expect(json).toMatchObject({ asset: { version: '2.0' }, nodes: [{ name: title }], buffers: [{ byteLength: 36 }] })
    expect(file.readUInt32LE(12) % 4).toBe(0)
  })

  test('say what they are in every format', () => {
    expect(writeSvg('<&>').toString()).toContain('&lt;&amp;>')
    expect(writePly(title).toString()).toContain(`comment ${title}\n`)
    expect(readMediaTexts(writeLatent(title))).toMatchObject({ format: 'safetensors' })
  })
})

import jpeg from 'jpeg-js'
import { PNG } from 'pngjs'

export function makePng(width = 4, height = 3): Buffer {
  const png = new PNG({ width, height })
  png.data.fill(0x7f)
  return PNG.sync.write(png)
}

export function makeJpeg(width = 4, height = 3): Buffer {
  return jpeg.encode({ width, height, data: Buffer.alloc(width * height * 4, 0x7f) }, 80).data
}

export function pngChunk(type: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(data.length)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, data, Buffer.alloc(4)])
}

/** An image whose header claims a size, and that has next to no data. */
export function makePngHeader(width: number, height: number, extra: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([8, 6], 8)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    extra,
    pngChunk('IDAT', Buffer.alloc(9)),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

/** An animated PNG of so many frames, by its own account. */
export function makeApngHeader(width: number, height: number, frames: number): Buffer {
  const control = Buffer.alloc(8)
  control.writeUInt32BE(frames)
  return makePngHeader(width, height, pngChunk('acTL', control))
}

export function makeGif(width: number, height: number, frames = 1, frameSize = { width, height }): Buffer {
  const screen = Buffer.alloc(13)
  screen.write('GIF89a', 'latin1')
  screen.writeUInt16LE(width, 6)
  screen.writeUInt16LE(height, 8)
  screen.writeUInt8(0x80, 10)
  const frame = Buffer.alloc(10)
  frame.writeUInt8(0x2c)
  frame.writeUInt16LE(frameSize.width, 5)
  frame.writeUInt16LE(frameSize.height, 7)
  const control = Buffer.from([0x21, 0xf9, 4, 0, 1, 0, 0, 0])
  const data = Buffer.from([2, 2, 0x4c, 1, 0])
  const images = Array.from({ length: frames }, () => Buffer.concat([control, frame, data]))
  return Buffer.concat([screen, Buffer.alloc(6), ...images, Buffer.from([0x3b])])
}

function riff(...chunks: readonly (readonly [string, Buffer])[]): Buffer {
  const body = Buffer.concat(
    chunks.map(([type, data]) => {
      const head = Buffer.alloc(8)
      head.write(type, 'latin1')
      head.writeUInt32LE(data.length, 4)
      return Buffer.concat([head, data, Buffer.alloc(data.length % 2)])
    }),
  )
  const head = Buffer.alloc(12)
  head.write('RIFF', 'latin1')
  head.writeUInt32LE(body.length + 4, 4)
  head.write('WEBP', 8, 'latin1')
  return Buffer.concat([head, body])
}

export function makeLossyWebp(width: number, height: number): Buffer {
  const data = Buffer.alloc(20)
  data.set([0, 0, 0, 0x9d, 0x01, 0x2a])
  data.writeUInt16LE(width, 6)
  data.writeUInt16LE(height, 8)
  return riff(['VP8 ', data])
}

export function makeLosslessWebp(width: number, height: number): Buffer {
  const data = Buffer.alloc(21)
  data.writeUInt8(0x2f)
  data.writeUInt32LE((((height - 1) << 14) | (width - 1)) >>> 0, 1)
  return riff(['VP8L', data])
}

export function makeAnimatedWebp(width: number, height: number, frames: number): Buffer {
  const canvas = Buffer.alloc(10)
  canvas.writeUIntLE(width - 1, 4, 3)
  canvas.writeUIntLE(height - 1, 7, 3)
  return riff(
    ['VP8X', canvas],
    ['ANIM', Buffer.alloc(6)],
    ...Array.from({ length: frames }, () => ['ANMF', Buffer.alloc(17)] as const),
  )
}

export function makeBmp(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(58)
  bytes.write('BM', 'latin1')
  bytes.writeUInt32LE(54, 10)
  bytes.writeUInt32LE(40, 14)
  bytes.writeInt32LE(width, 18)
  bytes.writeInt32LE(height, 22)
  return bytes
}

export function makeOldBmp(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(30)
  bytes.write('BM', 'latin1')
  bytes.writeUInt32LE(26, 10)
  bytes.writeUInt32LE(12, 14)
  bytes.writeUInt16LE(width, 18)
  bytes.writeUInt16LE(height, 20)
  return bytes
}

export function makeTiff(width: number, height: number, order: 'II' | 'MM', pages = 1): Buffer {
  const little = order === 'II'
  const pageBytes = 2 + 2 * 12 + 4
  const bytes = Buffer.alloc(8 + pages * pageBytes)
  const write16 = (value: number, offset: number): number =>
    little ? bytes.writeUInt16LE(value, offset) : bytes.writeUInt16BE(value, offset)
  const write32 = (value: number, offset: number): number =>
    little ? bytes.writeUInt32LE(value, offset) : bytes.writeUInt32BE(value, offset)
  bytes.write(order, 'latin1')
  write16(42, 2)
  write32(8, 4)
  for (let page = 0; page < pages; page += 1) {
    const start = 8 + page * pageBytes
    write16(2, start)
    write16(256, start + 2)
    write16(3, start + 4)
    write32(1, start + 6)
    write16(width, start + 10)
    write16(257, start + 14)
    write16(4, start + 16)
    write32(1, start + 18)
    write32(height, start + 22)
    write32(page + 1 < pages ? start + pageBytes : 0, start + 26)
  }
  return bytes
}

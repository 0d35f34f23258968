import { PNG } from 'pngjs'

const side = 16

/** A picture in one colour. */
export function pictureOf(number: number): Buffer {
  const png = new PNG({ width: side, height: side })
  for (let at = 0; at < png.data.length; at += 4) png.data.writeUInt32BE(((number << 8) | 0xff) >>> 0, at)
  return PNG.sync.write(png)
}

/** The colour of a picture in one colour. @throws when it cannot be decoded, or is of several colours */
export function numberOf(bytes: Buffer): number {
  const { data } = PNG.sync.read(bytes)
  const first = data.readUInt32BE(0)
  for (let at = 4; at < data.length; at += 4) {
    if (data.readUInt32BE(at) !== first) throw new Error('the picture has more than one colour')
  }
  return first >>> 8
}

import { encode } from 'jpeg-js'
import type { Picture } from './picture.ts'

/** A JPEG file of a picture without alpha. @param quality 1 to 100 */
export function encodeJpeg({ width, height, channels, data }: Picture, quality: number): Buffer {
  const pixels = Buffer.allocUnsafe(width * height * 4)
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 4) {
    pixels[to] = data[from] ?? 0
    pixels[to + 1] = data[from + 1] ?? 0
    pixels[to + 2] = data[from + 2] ?? 0
    pixels[to + 3] = 255
  }
  return Buffer.from(encode({ width, height, data: pixels }, quality).data)
}

import { decode as decodeJpeg } from 'jpeg-js'
import { PNG } from 'pngjs'
import { withoutAlpha, type Picture } from './picture.ts'

const maxMemoryMb = 512
const maxMegapixels = 100

/** The pixels of a PNG or JPEG file, with alpha where the file has it. @throws Error for anything else */
export function decodeImage(bytes: Buffer): Picture {
  if (bytes.readUInt32BE(0) === 0x89504e47) return decodePng(bytes)
  if (bytes.readUInt16BE(0) === 0xffd8) {
    const { width, height, data } = decodeJpeg(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      maxMemoryUsageInMB: maxMemoryMb,
      maxResolutionInMP: maxMegapixels,
    })
    return { width, height, channels: 3, data }
  }
  throw new Error('only PNG and JPEG files can be read')
}

function decodePng(bytes: Buffer): Picture {
  const { width, height, data, alpha } = PNG.sync.read(bytes)
  const picture: Picture = { width, height, channels: 4, data }
  return alpha ? picture : withoutAlpha(picture)
}

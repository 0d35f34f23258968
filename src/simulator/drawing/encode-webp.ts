import { createBitWriter, type BitWriter } from './bit-writer.ts'
import type { Picture } from './picture.ts'
import { prefixCode, type PrefixCode } from './prefix-code.ts'

const signature = 0x2f
const predictorTransform = 0
/** Blocks of 512 pixels a side. */
const predictorBlockBits = 9
const predictFromAbove = 2
const greenAlphabet = 256 + 24
const channelAlphabet = 256
const distanceAlphabet = 40
const maxCodeLength = 15
const maxLengthCodeLength = 7
const lengthCodeOrder = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]

/**
 * A lossless WebP file of a picture, without the parts of the format that make files smaller at the price of much work:
 * one predictor for the whole picture, one set of prefix codes, no references to earlier pixels.
 */
export function encodeWebp(picture: Picture): Buffer {
  const { width, height, channels } = picture
  const bits = createBitWriter()
  bits.write(signature, 8)
  bits.write(width - 1, 14)
  bits.write(height - 1, 14)
  bits.write(channels === 4 ? 1 : 0, 1)
  bits.write(0, 3)
  bits.write(1, 1)
  bits.write(predictorTransform, 2)
  bits.write(predictorBlockBits - 2, 3)
  bits.write(0, 1)
  for (const symbol of [predictFromAbove, 0, 0, 0, 0]) writeSimpleCode(bits, [symbol])
  bits.write(0, 1)
  bits.write(0, 1)
  bits.write(0, 1)
  writePixels(bits, picture)
  return container(bits.finish())
}

function writePixels(bits: BitWriter, picture: Picture): void {
  const residuals = channelResiduals(picture)
  const [red, green, blue, alpha] = residuals
  const codes = residuals.map((values) => prefixCode(countValues(values), maxCodeLength))
  const [redCode, greenCode, blueCode, alphaCode] = codes
  if (!red || !green || !blue || !alpha || !redCode || !greenCode || !blueCode || !alphaCode) return
  writeCode(bits, greenCode, greenAlphabet)
  writeCode(bits, redCode, channelAlphabet)
  writeCode(bits, blueCode, channelAlphabet)
  writeCode(bits, alphaCode, channelAlphabet)
  writeCode(bits, prefixCode(new Uint32Array(distanceAlphabet), maxCodeLength), distanceAlphabet)
  const channels: [Uint8Array, PrefixCode][] = [
    [green, greenCode],
    [red, redCode],
    [blue, blueCode],
    [alpha, alphaCode],
  ]
  const coded = channels.filter(([, { symbols }]) => symbols.length > 1)
  for (let at = 0; at < green.length; at += 1) {
    for (const [values, code] of coded) {
      const value = values[at] ?? 0
      bits.write(code.codes[value] ?? 0, code.lengths[value] ?? 0)
    }
  }
}

/** Red, green, blue and alpha, each pixel as its difference from the one above; in the first row from the one before. */
function channelResiduals({ width, height, channels, data }: Picture): Uint8Array[] {
  return [0, 1, 2, 3].map((channel) => {
    const values = new Uint8Array(width * height)
    if (channel >= channels) return values
    for (let at = 0; at < values.length; at += 1) {
      const before = at >= width ? at - width : at - 1
      const first = channel === 3 ? 255 : 0
      const predicted = before < 0 ? first : (data[before * channels + channel] ?? 0)
      values[at] = (data[at * channels + channel] ?? 0) - predicted
    }
    return values
  })
}

function countValues(values: Uint8Array): Uint32Array {
  const counts = new Uint32Array(channelAlphabet)
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1
  return counts
}

function writeSimpleCode(bits: BitWriter, symbols: readonly number[]): void {
  bits.write(1, 1)
  bits.write(symbols.length - 1, 1)
  const [first = 0, second] = symbols
  const isShort = first <= 1
  bits.write(isShort ? 0 : 1, 1)
  bits.write(first, isShort ? 1 : 8)
  if (second !== undefined) bits.write(second, 8)
}

function writeCode(bits: BitWriter, code: PrefixCode, alphabetSize: number): void {
  if (code.symbols.length <= 2) {
    writeSimpleCode(bits, code.symbols.length === 0 ? [0] : code.symbols)
    return
  }
  const lengths = Array.from({ length: alphabetSize }, (_, symbol) => code.lengths[symbol] ?? 0)
  const counts = new Uint32Array(lengthCodeOrder.length)
  for (const length of lengths) counts[length] = (counts[length] ?? 0) + 1
  const lengthCode = prefixCode(counts, maxLengthCodeLength)
  bits.write(0, 1)
  bits.write(lengthCodeOrder.length - 4, 4)
  for (const symbol of lengthCodeOrder) bits.write(lengthCode.lengths[symbol] ?? 0, 3)
  bits.write(0, 1)
  if (lengthCode.symbols.length < 2) return
  for (const length of lengths) bits.write(lengthCode.codes[length] ?? 0, lengthCode.lengths[length] ?? 0)
}

function container(content: Buffer): Buffer {
  const padding = content.length % 2
  const head = Buffer.alloc(20)
  head.write('RIFF', 0, 'latin1')
  head.writeUInt32LE(12 + content.length + padding, 4)
  head.write('WEBPVP8L', 8, 'latin1')
  head.writeUInt32LE(content.length, 16)
  return Buffer.concat([head, content, Buffer.alloc(padding)])
}

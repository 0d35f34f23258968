import { resizePicture, type Picture } from '../drawing/picture.ts'
import { createNalWriter, type NalWriter } from './nal-writer.ts'

/** An H.264 stream as an MP4 file holds it. */
export interface VideoStream {
  readonly width: number
  readonly height: number
  readonly sequenceSet: Buffer
  readonly pictureSet: Buffer
  /** One for each frame; only the first is a picture of its own. */
  readonly frames: readonly Buffer[]
}

const macroblockSide = 16
const maxSide = 320
const frameNumberBits = 4

/* Slices and macroblocks of ITU-T H.264, table 7-6 and tables 7-11 and 7-13. */
const allIntra = 7
const allPredicted = 5
const rawMacroblock = 25

/**
 * A still picture as a film (ITU-T H.264, constrained baseline profile): the first frame is not compressed at all, and
 * the others say that nothing has changed.
 */
export function encodeVideo(picture: Picture, frameCount: number): VideoStream {
  const { width, height } = sizeOf(picture)
  const frame = resizePicture(picture, width, height, true)
  const columns = width / macroblockSide
  const rows = height / macroblockSide
  const still = Array.from({ length: frameCount - 1 }, (_, index) => unchangedFrame(index + 1, columns * rows))
  return {
    width,
    height,
    sequenceSet: sequenceSet(columns, rows),
    pictureSet: pictureSet(),
    frames: [rawFrame(frame, columns, rows), ...still],
  }
}

/** The nearest whole number of macroblocks, not larger than needed to see what it is. */
function sizeOf({ width, height }: Picture): { width: number; height: number } {
  const scale = Math.min(1, maxSide / Math.max(width, height))
  const whole = (side: number): number =>
    Math.max(macroblockSide, Math.round((side * scale) / macroblockSide) * macroblockSide)
  return { width: whole(width), height: whole(height) }
}

function sequenceSet(columns: number, rows: number): Buffer {
  const nal = createNalWriter(0x67)
  const baseline = 66
  const constrained = 0xc0
  const level = 31
  for (const byte of [baseline, constrained, level]) nal.bits(byte, 8)
  nal.unsigned(0)
  nal.unsigned(frameNumberBits - 4)
  // Frames are shown in the order in which they come.
  nal.unsigned(2)
  nal.unsigned(1)
  nal.bits(0, 1)
  nal.unsigned(columns - 1)
  nal.unsigned(rows - 1)
  // Whole frames, direct inference, no cropping, no more about their use.
  nal.bits(0b1100, 4)
  return nal.finish()
}

function pictureSet(): Buffer {
  const nal = createNalWriter(0x68)
  nal.unsigned(0)
  nal.unsigned(0)
  // Codes of variable length, one field order, one group of slices, one reference, no weights, quantisers as they are.
  nal.bits(0, 2)
  for (let count = 0; count < 3; count += 1) nal.unsigned(0)
  nal.bits(0, 3)
  for (let count = 0; count < 3; count += 1) nal.unsigned(0)
  // Slices say whether edges are smoothed.
  nal.bits(0b100, 3)
  return nal.finish()
}

function sliceHeader(nal: NalWriter, sliceType: number, frameNumber: number): void {
  nal.unsigned(0)
  nal.unsigned(sliceType)
  nal.unsigned(0)
  nal.bits(frameNumber % 2 ** frameNumberBits, frameNumberBits)
}

function endOfHeader(nal: NalWriter): void {
  nal.unsigned(0)
  const edgesAsTheyAre = 1
  nal.unsigned(edgesAsTheyAre)
}

function rawFrame(frame: Picture, columns: number, rows: number): Buffer {
  const nal = createNalWriter(0x65)
  sliceHeader(nal, allIntra, 0)
  nal.unsigned(0)
  nal.bits(0, 2)
  endOfHeader(nal)
  const planes = toPlanes(frame)
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      nal.unsigned(rawMacroblock)
      nal.align()
      writeBlock(nal, planes.luma, frame.width, column, row, macroblockSide)
      writeBlock(nal, planes.blue, frame.width / 2, column, row, macroblockSide / 2)
      writeBlock(nal, planes.red, frame.width / 2, column, row, macroblockSide / 2)
    }
  }
  return nal.finish()
}

function unchangedFrame(frameNumber: number, macroblocks: number): Buffer {
  const nal = createNalWriter(0x41)
  sliceHeader(nal, allPredicted, frameNumber)
  nal.bits(0, 3)
  endOfHeader(nal)
  nal.unsigned(macroblocks)
  return nal.finish()
}

function writeBlock(
  nal: NalWriter,
  plane: Uint8Array,
  stride: number,
  column: number,
  row: number,
  side: number,
): void {
  for (let line = 0; line < side; line += 1) {
    const from = (row * side + line) * stride + column * side
    nal.bytes(plane.subarray(from, from + side))
  }
}

/** Brightness for each pixel, and colour for each four (ITU-R BT.601, with room at both ends). */
function toPlanes({ width, height, channels, data }: Picture): Record<'luma' | 'blue' | 'red', Uint8Array> {
  const luma = new Uint8Array(width * height)
  const blue = new Uint8Array(luma.length / 4)
  const red = new Uint8Array(luma.length / 4)
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const at = (y * width + x) * channels
      const [r, g, b] = [data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0]
      luma[y * width + x] = 16 + 0.257 * r + 0.504 * g + 0.098 * b
      if (x % 2 === 1 || y % 2 === 1) continue
      const half = (y / 2) * (width / 2) + x / 2
      blue[half] = 128 - 0.148 * r - 0.291 * g + 0.439 * b
      red[half] = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    }
  }
  return { luma, blue, red }
}

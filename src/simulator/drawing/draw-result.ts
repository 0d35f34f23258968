import { drawCaption } from './draw-caption.ts'
import { drawLandscape } from './draw-landscape.ts'
import { createRandom } from './random.ts'
import { resizePicture, type Picture } from './picture.ts'

export interface ResultRequest {
  width: number
  height: number
  /** What was asked for: decides the colours, and is written into the picture. */
  text: string
  /** Everything that changes the result: decides the shapes. */
  identity: string
  /** Written under the text: seed, steps and the like. */
  note: string
  label: string
  /** What the result is derived from, and how much of it shows (0 to 1). */
  base?: { picture: Picture; share: number }
}

const madeBy = 'comfyui-api simulator, no GPU'

/** What a sampler gives: a landscape, or the base seen through one, with a caption that says what it is. */
export function drawResult(request: ResultRequest): Picture {
  const { width, height, label, text, note } = request
  const picture = drawScene(request, width, height)
  drawCaption(picture, `${label} ${madeBy}`, [text, note])
  return picture
}

const previewSide = 256
const noiseBlock = 8
const noiseStrength = 0.8

/** Small looks at the result, all of one size, clearer as `done` goes from 0 to 1. */
export function createPreviews(request: ResultRequest): (done: number) => Picture {
  const scale = previewSide / Math.max(request.width, request.height)
  const width = Math.max(1, Math.round(request.width * scale))
  const height = Math.max(1, Math.round(request.height * scale))
  const scene = drawScene(request, width, height)
  return (done) => ({ ...scene, data: withNoise(scene, (1 - done) * noiseStrength, createRandom(String(done))) })
}

/** Blocks of gray over a picture: cheap to make, and to compress. */
function withNoise({ width, height, data }: Picture, share: number, random: () => number): Uint8Array {
  const noisy = new Uint8Array(data.length)
  const perRow = Math.ceil(width / noiseBlock)
  const grays = Uint8Array.from({ length: perRow * Math.ceil(height / noiseBlock) }, () => random() * 255)
  for (let y = 0, at = 0; y < height; y += 1) {
    const blockRow = Math.floor(y / noiseBlock) * perRow
    for (let x = 0; x < width; x += 1) {
      const gray = (grays[blockRow + Math.floor(x / noiseBlock)] ?? 0) * share
      for (let channel = 0; channel < 3; channel += 1, at += 1) noisy[at] = (data[at] ?? 0) * (1 - share) + gray
    }
  }
  return noisy
}

function drawScene({ text, identity, base }: ResultRequest, width: number, height: number): Picture {
  const scene = drawLandscape(width, height, text, identity)
  if (base === undefined) return scene
  const under = resizePicture(base.picture, width, height, false).data
  const { data } = scene
  for (let index = 0; index < data.length; index += 1) {
    const value = data[index] ?? 0
    data[index] = value + ((under[index] ?? 0) - value) * base.share
  }
  return scene
}

import { drawCaption } from './draw-caption.ts'
import { drawLandscape } from './draw-landscape.ts'
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

/** A small, noisy look at the result, clearer as `done` goes from 0 to 1. */
export function drawPreview(request: ResultRequest, done: number): Picture {
  const scale = previewSide / Math.max(request.width, request.height)
  const [width, height] = [request.width, request.height].map((side) => Math.max(1, Math.round(side * scale)))
  const picture = drawScene(request, width ?? 1, height ?? 1)
  const strength = 1 - done
  let state = 1 + Math.floor(done * 1000)
  for (let index = 0; index < picture.data.length; index += 1) {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff
    const value = picture.data[index] ?? 0
    picture.data[index] = value + (((state >> 16) & 255) - value) * strength * 0.8
  }
  return picture
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

import { decodeImage } from '../drawing/decode-image.ts'
import {
  cropPicture,
  filledPicture,
  invertPicture,
  resizePicture,
  withoutAlpha,
  type MaskPicture,
  type Picture,
} from '../drawing/picture.ts'
import { loadFile } from './load-file.ts'
import {
  imageOf,
  linkedInput,
  NodeFailure,
  numberInput,
  textInput,
  type NodeImplementation,
  type NodeResult,
  type NodeRun,
} from './node-run.ts'
import type { MaskValue } from './node-values.ts'

export const imageNodes: Readonly<Record<string, NodeImplementation>> = {
  EmptyImage(run) {
    const picture = filledPicture(numberInput(run, 'width'), numberInput(run, 'height'), numberInput(run, 'color'))
    return { outputs: [imageOf(...Array.from({ length: numberInput(run, 'batch_size', 1) }, () => picture))] }
  },
  LoadImage: loadImage,
  LoadImageOutput: loadImage,
  LoadImageMask(run) {
    const picture = loadPicture(run)
    const channel = { alpha: 3, red: 0, green: 1, blue: 2 }[textInput(run, 'channel')] ?? 3
    return { outputs: [maskOf(channelMask(picture, channel))] }
  },
  ImageScale(run) {
    const [width, height] = [numberInput(run, 'width'), numberInput(run, 'height')]
    const crops = textInput(run, 'crop') === 'center'
    return mapImage(run, 'image', (picture) => {
      const newWidth = width || Math.max(1, Math.round((picture.width * height) / picture.height))
      const newHeight = height || Math.max(1, Math.round((picture.height * width) / picture.width))
      const source = crops ? cropToRatio(picture, newWidth / newHeight) : picture
      return resizePicture(source, newWidth, newHeight, isSmooth(run))
    })
  },
  ImageScaleBy: (run) => mapImage(run, 'image', (picture) => scaled(picture, numberInput(run, 'scale_by', 1), run)),
  ImageScaleToTotalPixels(run) {
    const total = numberInput(run, 'megapixels', 1) * 1024 * 1024
    const step = Math.max(1, numberInput(run, 'resolution_steps', 1))
    const toStep = (side: number): number => Math.max(step, Math.round(side / step) * step)
    return mapImage(run, 'image', (picture) => {
      const factor = Math.sqrt(total / (picture.width * picture.height))
      return resizePicture(picture, toStep(picture.width * factor), toStep(picture.height * factor), isSmooth(run))
    })
  },
  ImageScaleToMaxDimension(run) {
    const largest = numberInput(run, 'largest_size', 512)
    return mapImage(run, 'image', (picture) => scaled(picture, largest / Math.max(picture.width, picture.height), run))
  },
  ImageUpscaleWithModel(run) {
    const { parts } = linkedInput(run, 'upscale_model', 'token')
    const factor = Number(/(?:^|\D)([1-8])x|x([1-8])(?:\D|$)/i.exec(parts.join(' '))?.slice(1).find(Boolean) ?? 4)
    return mapImage(run, 'image', (picture) => scaled(picture, factor, run))
  },
  ImageInvert: (run) => mapImage(run, 'image', invertPicture),
  ImageBatch(run) {
    const [first, second] = [linkedInput(run, 'image1', 'image'), linkedInput(run, 'image2', 'image')]
    const size = first.pictures[0]
    if (size === undefined) return { outputs: [second] }
    const fitted = second.pictures.map((picture) => resizePicture(picture, size.width, size.height, true))
    return { outputs: [imageOf(...first.pictures, ...fitted)] }
  },
  ImageCrop(run) {
    return mapImage(run, 'image', (picture) => {
      const left = Math.min(numberInput(run, 'x'), picture.width - 1)
      const top = Math.min(numberInput(run, 'y'), picture.height - 1)
      const width = Math.min(numberInput(run, 'width'), picture.width - left)
      const height = Math.min(numberInput(run, 'height'), picture.height - top)
      return cropPicture(picture, left, top, width, height)
    })
  },
  GetImageSize(run) {
    const { pictures } = linkedInput(run, 'image', 'image')
    const [width, height] = [pictures[0]?.width ?? 0, pictures[0]?.height ?? 0]
    run.showText(`width: ${width}, height: ${height}\n batch size: ${pictures.length}`)
    return { outputs: [width, height, pictures.length] }
  },
  MaskToImage(run) {
    const { masks } = linkedInput(run, 'mask', 'mask')
    return { outputs: [imageOf(...masks.map(maskPicture))] }
  },
  InvertMask(run) {
    const { masks } = linkedInput(run, 'mask', 'mask')
    return { outputs: [maskOf(...masks.map((mask) => ({ ...mask, data: mask.data.map((value) => 255 - value) })))] }
  },
}

function mapImage(run: NodeRun, name: string, map: (picture: Picture) => Picture): NodeResult {
  return { outputs: [imageOf(...linkedInput(run, name, 'image').pictures.map(map))] }
}

function isSmooth(run: NodeRun): boolean {
  return !textInput(run, 'upscale_method').startsWith('nearest')
}

function scaled(picture: Picture, factor: number, run: NodeRun): Picture {
  const side = (length: number): number => Math.max(1, Math.round(length * factor))
  return resizePicture(picture, side(picture.width), side(picture.height), isSmooth(run))
}

function cropToRatio(picture: Picture, ratio: number): Picture {
  const width = Math.min(picture.width, Math.max(1, Math.round(picture.height * ratio)))
  const height = Math.min(picture.height, Math.max(1, Math.round(picture.width / ratio)))
  const [left, top] = [Math.floor((picture.width - width) / 2), Math.floor((picture.height - height) / 2)]
  return cropPicture(picture, left, top, width, height)
}

const emptyMaskSide = 64

function loadImage(run: NodeRun): NodeResult {
  const picture = loadPicture(run)
  const mask =
    picture.channels === 4
      ? channelMask(picture, 3)
      : { width: emptyMaskSide, height: emptyMaskSide, data: new Uint8Array(emptyMaskSide ** 2) }
  return { outputs: [imageOf(withoutAlpha(picture)), maskOf(mask)] }
}

/** @throws NodeFailure when there is no such file, or none that can be read */
function loadPicture(run: NodeRun): Picture {
  const name = textInput(run, 'image')
  const bytes = loadFile(run, 'image')
  try {
    return decodeImage(bytes)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new NodeFailure('PIL.UnidentifiedImageError', `cannot identify image file '${name}' (simulator: ${reason})`)
  }
}

/** Alpha is inverted: what is transparent is masked. */
function channelMask(picture: Picture, channel: number): MaskPicture {
  const { width, height, channels, data } = picture
  const mask = new Uint8Array(width * height)
  if (channel < channels) {
    for (let at = 0; at < mask.length; at += 1) {
      const value = data[at * channels + channel] ?? 0
      mask[at] = channel === 3 ? 255 - value : value
    }
  }
  return { width, height, data: mask }
}

function maskOf(...masks: MaskPicture[]): MaskValue {
  return { kind: 'mask', masks }
}

function maskPicture({ width, height, data }: MaskPicture): Picture {
  const pixels = new Uint8Array(width * height * 3)
  for (let at = 0; at < data.length; at += 1) pixels.fill(data[at] ?? 0, at * 3, at * 3 + 3)
  return { width, height, channels: 3, data: pixels }
}

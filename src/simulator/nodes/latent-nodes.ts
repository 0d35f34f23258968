import { cropPicture, resizePicture } from '../drawing/picture.ts'
import {
  imageOf,
  linkedInput,
  numberInput,
  NodeFailure,
  textInput,
  type NodeImplementation,
  type NodeRun,
} from './node-run.ts'
import type { LatentValue } from './node-values.ts'

const cell = 8

/** Latents: pictures in whole cells of 8 by 8 pixels. */
export const latentNodes: Readonly<Record<string, NodeImplementation>> = {
  EmptyLatentImage: emptyLatent,
  EmptySD3LatentImage: emptyLatent,
  EmptyFlux2LatentImage: emptyLatent,
  EmptyHunyuanImageLatent: emptyLatent,
  VAEEncode: encodeLatent,
  VAEEncodeTiled: encodeLatent,
  VAEDecode: decodeLatent,
  VAEDecodeTiled: decodeLatent,
  LatentUpscale: (run) => resized(run, numberInput(run, 'width'), numberInput(run, 'height')),
  LatentUpscaleBy(run) {
    const { width, height } = linkedInput(run, 'samples', 'latent')
    const factor = numberInput(run, 'scale_by', 1)
    return resized(run, width * factor, height * factor)
  },
  RepeatLatentBatch(run) {
    const latent = linkedInput(run, 'samples', 'latent')
    const times = numberInput(run, 'amount', 1)
    const pictures = Array.from({ length: times }, () => latent.pictures).flat()
    return { outputs: [{ ...latent, batchSize: latent.batchSize * times, pictures }] }
  },
}

function emptyLatent(run: NodeRun): { outputs: LatentValue[] } {
  const width = wholeCells(numberInput(run, 'width', 512))
  const height = wholeCells(numberInput(run, 'height', 512))
  return { outputs: [{ kind: 'latent', width, height, batchSize: numberInput(run, 'batch_size', 1), pictures: [] }] }
}

function encodeLatent(run: NodeRun): { outputs: LatentValue[] } {
  const { pictures } = linkedInput(run, 'pixels', 'image')
  const [first] = pictures
  if (first === undefined) throw new NodeFailure('RuntimeError', 'There is no picture to encode.')
  const [width, height] = [wholeCells(first.width), wholeCells(first.height)]
  if (first.width < cell || first.height < cell) {
    throw new NodeFailure('RuntimeError', `A picture of ${first.width}x${first.height} is too small to be encoded.`)
  }
  const [left, top] = [Math.floor((first.width - width) / 2), Math.floor((first.height - height) / 2)]
  const cropped = pictures.map((picture) => cropPicture(picture, left, top, width, height))
  return { outputs: [{ kind: 'latent', width, height, batchSize: pictures.length, pictures: cropped }] }
}

async function decodeLatent(run: NodeRun): Promise<{ outputs: unknown[] }> {
  const latent = linkedInput(run, 'samples', 'latent')
  if (latent.pictures.length > 0) return { outputs: [imageOf(...latent.pictures)] }
  const gray = (): Uint8Array => new Uint8Array(latent.width * latent.height * 3).fill(127)
  const { width, height } = latent
  const pictures = Array.from({ length: latent.batchSize }, () => ({
    width,
    height,
    channels: 3 as const,
    data: gray(),
  }))
  return { outputs: [imageOf(...pictures)] }
}

function resized(run: NodeRun, width: number, height: number): { outputs: LatentValue[] } {
  const latent = linkedInput(run, 'samples', 'latent')
  const smooth = !textInput(run, 'upscale_method').startsWith('nearest')
  const [newWidth, newHeight] = [wholeCells(width || latent.width), wholeCells(height || latent.height)]
  const pictures = latent.pictures.map((picture) => resizePicture(picture, newWidth, newHeight, smooth))
  return { outputs: [{ ...latent, width: newWidth, height: newHeight, pictures }] }
}

function wholeCells(side: number): number {
  return Math.max(cell, Math.floor(side / cell) * cell)
}

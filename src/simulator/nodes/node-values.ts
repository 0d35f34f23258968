import type { MaskPicture, Picture } from '../drawing/picture.ts'
import type { Sound } from '../media/sound.ts'

/* What links carry in the simulator. */

export interface ImageValue {
  kind: 'image'
  /** One or more, all of one size, without alpha. */
  pictures: readonly Picture[]
}

export interface MaskValue {
  kind: 'mask'
  masks: readonly MaskPicture[]
}

export interface LatentValue {
  kind: 'latent'
  /** In pixels, not in latent cells. */
  width: number
  height: number
  batchSize: number
  /** What was encoded or sampled; nothing in an empty latent. */
  pictures: readonly Picture[]
}

export interface ConditioningValue {
  kind: 'conditioning'
  texts: readonly string[]
  /** Pictures that the result is to be derived from. */
  pictures: readonly Picture[]
  /** Settings that change the result: guidance and the like. */
  settings: readonly string[]
}

/** A thing that the simulator only hands on: a model, a text encoder, the result of a class that it cannot execute. */
export interface TokenValue {
  kind: 'token'
  type: string
  /** What it was made of; two tokens of the same parts are the same thing. */
  parts: readonly string[]
  /** What people wrote of it. */
  texts?: readonly string[]
  /** What it shows. */
  picture?: Picture
  /** What is heard of it. */
  sound?: Sound
  /** The film that it is, as a file. */
  film?: Buffer
}

export type NodeValue = ImageValue | MaskValue | LatentValue | ConditioningValue | TokenValue

const kinds = new Set(['image', 'mask', 'latent', 'conditioning', 'token'])

export function isNodeValue(value: unknown): value is NodeValue {
  return typeof value === 'object' && value !== null && 'kind' in value && kinds.has(String(value.kind))
}

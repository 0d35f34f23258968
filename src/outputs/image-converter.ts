import { availableParallelism } from 'node:os'
import { fileTypeFromBuffer } from 'file-type'
import type { default as sharpFactory, Sharp } from 'sharp'
import { GatewayError } from '../errors/gateway-error.ts'
import { createTurns } from '../lib/turns.ts'
import type { ImageConversion } from './image-conversion.ts'

export interface ConvertedImage {
  readonly bytes: Buffer
  readonly contentType: string
  /** For the name of the file, without a dot. */
  readonly extension: string
  /** What was lost, beside the metadata, which always is. */
  readonly warning: string | undefined
}

/** Makes images of one format of images of another. */
export interface ImageConverter {
  /** @throws GatewayError `conversion_unavailable` */
  requireAvailable(): Promise<void>
  /**
   * Converts one image, off the event loop and when its turn comes. Text and other metadata in it, such as ComfyUI's
   * graph, are left out. Animations stay where the format has them.
   * @param image or what reads it, called when the turn comes, so that those who wait hold nothing
   * @throws GatewayError `conversion_failed`, `conversion_unavailable`; the reason of the signal, when that is aborted
   * before the turn comes; what `image` throws
   */
  convert(
    image: Buffer | (() => Promise<Buffer>),
    conversion: ImageConversion,
    signal?: AbortSignal,
  ): Promise<ConvertedImage>
}

type Library = typeof sharpFactory

export interface ImageConverterOptions {
  /** Gets the library; it is loaded when the first image is to be converted. */
  readonly load?: () => Promise<{ readonly default: Library }>
  /** Width times height, all frames of an animation together. */
  readonly maxPixels?: number
}

/** Larger files are not converted: all of one has to be in memory. */
export const maxImageBytes = 256 * 1024 * 1024
/** Twice 8192 × 8192: what large upscales make, and an animation of ten seconds. */
const defaultMaxPixels = 2 * 8192 * 8192
const timeoutSeconds = 120
/** Sharp's own, 4, takes eight times as long for files of the same size. */
const avifEffort = 3
/** Node has four threads for such work and for files; these need one. */
const maxAtOnce = Math.min(availableParallelism(), 3)

/** Types that are decoded. SVG and the like, which draw what they name, are not among them. */
const readableTypes: ReadonlySet<string> = new Set([
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'image/avif',
  'image/tiff',
])

/** Whether an image of that type can be converted, as far as its type tells. */
export function isConvertible(contentType: string): boolean {
  return readableTypes.has(contentType)
}

export function createImageConverter(options: ImageConverterOptions = {}): ImageConverter {
  const { load = () => import('sharp'), maxPixels = defaultMaxPixels } = options
  const turns = createTurns(maxAtOnce)
  let loaded: Library | undefined

  const library = async (): Promise<Library> => {
    loaded ??= prepare(await load().catch(refuseUnavailable))
    return loaded
  }

  return {
    async requireAvailable() {
      await library()
    },
    async convert(image, conversion, signal) {
      const open = await library()
      return turns.take(async () => {
        const bytes = Buffer.isBuffer(image) ? image : await image()
        signal?.throwIfAborted()
        const type = (await fileTypeFromBuffer(bytes))?.mime ?? 'something unknown'
        if (!readableTypes.has(type)) throw failure(`It is ${type}, which cannot be read.`)
        return convertOne(open, { image: bytes, type }, conversion, maxPixels)
      }, signal)
    },
  }
}

function prepare({ default: library }: { readonly default: Library }): Library {
  // Several images at once, each on one thread; none of them comes twice.
  library.concurrency(1)
  library.cache(false)
  return library
}

async function convertOne(
  open: Library,
  { image, type }: { image: Buffer; type: string },
  conversion: ImageConversion,
  maxPixels: number,
): Promise<ConvertedImage> {
  try {
    const input = { limitInputPixels: maxPixels, failOn: 'error' as const }
    const { pages = 1, orientation = 1 } = await open(image, input).metadata()
    const isAnimated = type === 'image/apng' || pages > 1
    const keepsAnimation = conversion.format === 'webp' && (type === 'image/gif' || type === 'image/webp') && pages > 1
    const opened = open(image, { ...input, animated: keepsAnimation }).timeout({ seconds: timeoutSeconds })
    const upright = orientation > 1 && !isAnimated ? opened.autoOrient() : opened
    return {
      ...target(conversion),
      bytes: await encode(fit(upright, conversion), conversion).toBuffer(),
      warning: isAnimated && !keepsAnimation ? 'Only the first frame of an animation was kept.' : undefined,
    }
  } catch (cause) {
    throw failure(cause instanceof Error ? `${cause.message.split('\n', 1)[0] ?? ''}.` : 'It cannot be read.', cause)
  }
}

function fit(image: Sharp, { max_side: side }: ImageConversion): Sharp {
  return side === undefined ? image : image.resize(side, side, { fit: 'inside', withoutEnlargement: true })
}

function encode(image: Sharp, conversion: ImageConversion): Sharp {
  const shared = conversion.quality === undefined ? {} : { quality: conversion.quality }
  switch (conversion.format) {
    case 'png':
      return image.png({ ...conversion.options, ...shared })
    case 'webp':
      return image.webp({ ...conversion.options, ...shared })
    case 'avif':
      return image.avif({ effort: avifEffort, ...conversion.options, ...shared })
    case 'jpeg':
    case 'jpg':
      // It knows no transparency. Behind what was transparent would be black.
      return image.flatten({ background: '#ffffff' }).jpeg({ ...conversion.options, ...shared })
  }
}

function target({ format }: ImageConversion): Pick<ConvertedImage, 'contentType' | 'extension'> {
  switch (format) {
    case 'png':
    case 'webp':
    case 'avif':
      return { contentType: `image/${format}`, extension: format }
    case 'jpeg':
    case 'jpg':
      return { contentType: 'image/jpeg', extension: 'jpg' }
  }
}

function failure(why: string, cause?: unknown): GatewayError {
  return new GatewayError('conversion_failed', {
    detail: `An image could not be converted. ${why}`,
    ...(cause !== undefined && { cause }),
  })
}

function refuseUnavailable(cause: unknown): never {
  throw new GatewayError('conversion_unavailable', {
    detail: 'Images cannot be converted here: the package sharp is missing. Install it with: npm install sharp',
    cause,
  })
}

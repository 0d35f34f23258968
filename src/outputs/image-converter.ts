import { availableParallelism } from 'node:os'
import { fileTypeFromBuffer } from 'file-type'
import type { default as sharpFactory, Sharp } from 'sharp'
import { GatewayError } from '../errors/gateway-error.ts'
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
   * @throws GatewayError `conversion_failed`, `conversion_unavailable`
   */
  convert(image: Buffer, conversion: ImageConversion): Promise<ConvertedImage>
}

type Library = typeof sharpFactory

export interface ImageConverterOptions {
  /** Gets the library; it is loaded when the first image is to be converted. */
  readonly load?: () => Promise<{ readonly default: Library }>
  /** Width times height, all frames of an animation together. */
  readonly maxPixels?: number
}

/** Twice 8192 × 8192: what large upscales make, and an animation of ten seconds. */
const defaultMaxPixels = 2 * 8192 * 8192
const timeoutSeconds = 120
/** Node has four threads for such work and for files; these need one. */
const maxAtOnce = Math.min(availableParallelism(), 3)

/** Types that are decoded. SVG and the like, which draw what they name, are not among them. */
const readableTypes = new Set([
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/webp',
  'image/gif',
  'image/avif',
  'image/tiff',
])

export function createImageConverter(options: ImageConverterOptions = {}): ImageConverter {
  const { load = () => import('sharp'), maxPixels = defaultMaxPixels } = options
  const takeTurn = createTurns(maxAtOnce)
  let loaded: Library | undefined

  const library = async (): Promise<Library> => {
    loaded ??= prepare(await load().catch(refuseUnavailable))
    return loaded
  }

  return {
    async requireAvailable() {
      await library()
    },
    async convert(image, conversion) {
      const open = await library()
      const type = (await fileTypeFromBuffer(image))?.mime ?? 'something unknown'
      if (!readableTypes.has(type)) throw failure(`It is ${type}, which cannot be read.`)
      return takeTurn(() => convertOne(open, { image, type }, conversion, maxPixels))
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
      bytes: await encode(upright, conversion).toBuffer(),
      warning: isAnimated && !keepsAnimation ? 'Only the first frame of an animation was kept.' : undefined,
    }
  } catch (cause) {
    throw failure(cause instanceof Error ? `${cause.message.split('\n', 1)[0] ?? ''}.` : 'It cannot be read.', cause)
  }
}

function encode(image: Sharp, conversion: ImageConversion): Sharp {
  switch (conversion.format) {
    case 'png':
      return image.png(conversion.options)
    case 'webp':
      return image.webp(conversion.options)
    case 'jpeg':
    case 'jpg':
      // It knows no transparency. Behind what was transparent would be black.
      return image.flatten({ background: '#ffffff' }).jpeg(conversion.options)
  }
}

function target({ format }: ImageConversion): Pick<ConvertedImage, 'contentType' | 'extension'> {
  switch (format) {
    case 'png':
    case 'webp':
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

/** Lets so many work at the same time, the others in the order in which they came. */
function createTurns(atOnce: number): <Result>(work: () => Promise<Result>) => Promise<Result> {
  const waiting: (() => void)[] = []
  let free = atOnce
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}

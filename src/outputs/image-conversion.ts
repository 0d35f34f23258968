import { z } from 'zod'

const qualitySchema = z.int().min(1).max(100)
/** More than the longest side that any of the formats has. */
const maxSideSchema = z.int().min(1).max(65_535)

/** What all formats have in common. */
const sharedShape = {
  quality: qualitySchema.exactOptional().describe('From 1 to 100; the same as in `options`.'),
  max_side: maxSideSchema.exactOptional().describe('Pixels: where the longer side is longer, it is made that long.'),
}

const jpegSchema = z.strictObject({
  format: z.literal(['jpeg', 'jpg']),
  ...sharedShape,
  options: z
    .strictObject({
      quality: qualitySchema.exactOptional(),
      progressive: z.boolean().exactOptional(),
      chromaSubsampling: z.enum(['4:2:0', '4:4:4']).exactOptional(),
      optimizeCoding: z.boolean().exactOptional(),
      mozjpeg: z.boolean().exactOptional(),
      trellisQuantisation: z.boolean().exactOptional(),
      overshootDeringing: z.boolean().exactOptional(),
      optimizeScans: z.boolean().exactOptional(),
      quantisationTable: z.int().min(0).max(8).exactOptional(),
    })
    .exactOptional(),
})

const webpSchema = z.strictObject({
  format: z.literal('webp'),
  ...sharedShape,
  options: z
    .strictObject({
      quality: qualitySchema.exactOptional(),
      alphaQuality: z.int().min(0).max(100).exactOptional(),
      lossless: z.boolean().exactOptional(),
      nearLossless: z.boolean().exactOptional(),
      smartSubsample: z.boolean().exactOptional(),
      preset: z.enum(['default', 'photo', 'picture', 'drawing', 'icon', 'text']).exactOptional(),
      effort: z.int().min(0).max(6).exactOptional(),
    })
    .exactOptional(),
})

const avifSchema = z.strictObject({
  format: z.literal('avif'),
  ...sharedShape,
  options: z
    .strictObject({
      quality: qualitySchema.exactOptional(),
      lossless: z.boolean().exactOptional(),
      // Beyond that it takes many times as long, and files get no smaller.
      effort: z.int().min(0).max(4).exactOptional(),
      chromaSubsampling: z.enum(['4:2:0', '4:4:4']).exactOptional(),
    })
    .exactOptional(),
})

const pngSchema = z.strictObject({
  format: z.literal('png'),
  ...sharedShape,
  options: z
    .strictObject({
      progressive: z.boolean().exactOptional(),
      compressionLevel: z.int().min(0).max(9).exactOptional(),
      palette: z.boolean().exactOptional(),
      quality: qualitySchema.exactOptional(),
    })
    .exactOptional(),
})

/**
 * What images are to become. Formats and options are those of Salad's comfyui-api, which are those of sharp, and PNG and
 * AVIF.
 */
export const imageConversionSchema = z
  .discriminatedUnion('format', [jpegSchema, webpSchema, avifSchema, pngSchema])
  .refine(({ quality, options }) => quality === undefined || options?.quality === undefined, {
    error: 'has `quality` twice: give it beside `format` or in `options`',
  })

export type ImageConversion = Readonly<z.infer<typeof imageConversionSchema>>

/** For a person who asked for something else. */
export const imageConversionRule =
  'must have a `format`, png, jpeg, webp or avif, and may have `quality` from 1 to 100, `max_side` in pixels, and ' +
  `\`options\`: for jpeg ${namesOf(jpegSchema)}; for webp ${namesOf(webpSchema)}; for avif ${namesOf(avifSchema)}; ` +
  `for png ${namesOf(pngSchema)}`

function namesOf(schema: typeof jpegSchema | typeof webpSchema | typeof avifSchema | typeof pngSchema): string {
  return Object.keys(schema.shape.options.unwrap().shape)
    .filter((name) => name !== 'quality')
    .join(', ')
}

/**
 * Reads a conversion as a header has it, such as `webp; quality=80; max_side=1024`, or as JSON. What cannot be one is
 * given as it is, for the schema to refuse.
 */
export function conversionOfText(text: string): unknown {
  if (text.trimStart().startsWith('{')) return parseObject(text)
  const [format = '', ...parameters] = text.split(';').map((part) => part.trim())
  const given = parameters.map(readParameter)
  if (new Set(given.map(([name]) => name)).size < given.length) return text
  const isShared = ([name]: [string, unknown]) => Object.hasOwn(sharedShape, name)
  const options = given.filter((parameter) => !isShared(parameter))
  return {
    format: format.toLowerCase(),
    ...Object.fromEntries(given.filter(isShared)),
    ...(options.length > 0 && { options: Object.fromEntries(options) }),
  }
}

function parseObject(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function readParameter(parameter: string): [string, unknown] {
  const [name = '', ...rest] = parameter.split('=')
  const value = rest
    .join('=')
    .trim()
    .replace(/^"(.*)"$/, '$1')
  if (value === 'true' || value === 'false') return [name.trim(), value === 'true']
  return [name.trim(), /^\d{1,9}$/.test(value) ? Number(value) : value]
}

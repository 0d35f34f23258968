import { z } from 'zod'

const qualitySchema = z.int().min(1).max(100)

const jpegSchema = z.strictObject({
  format: z.literal(['jpeg', 'jpg']),
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

const pngSchema = z.strictObject({
  format: z.literal('png'),
  options: z
    .strictObject({
      progressive: z.boolean().exactOptional(),
      compressionLevel: z.int().min(0).max(9).exactOptional(),
      palette: z.boolean().exactOptional(),
      quality: qualitySchema.exactOptional(),
    })
    .exactOptional(),
})

/** What images are to become. Formats and options are those of Salad's comfyui-api, which are those of sharp, and PNG. */
export const imageConversionSchema = z.discriminatedUnion('format', [jpegSchema, webpSchema, pngSchema])

export type ImageConversion = Readonly<z.infer<typeof imageConversionSchema>>

/** For a person who asked for something else. */
export const imageConversionRule =
  'must have a `format`, png, jpeg or webp, and may have `options`: for all of them quality from 1 to 100; for jpeg ' +
  `${namesOf(jpegSchema)}; for webp ${namesOf(webpSchema)}; for png ${namesOf(pngSchema)}`

function namesOf(schema: typeof jpegSchema | typeof webpSchema | typeof pngSchema): string {
  return Object.keys(schema.shape.options.unwrap().shape)
    .filter((name) => name !== 'quality')
    .join(', ')
}

/**
 * Reads a conversion as a header has it, such as `webp; quality=80`, or as JSON. What cannot be one is given as it is, for
 * the schema to refuse.
 */
export function conversionOfText(text: string): unknown {
  if (text.trimStart().startsWith('{')) return parseObject(text)
  const [format = '', ...parameters] = text.split(';').map((part) => part.trim())
  if (parameters.length === 0) return { format: format.toLowerCase() }
  const options = parameters.map(readParameter)
  if (new Set(options.map(([name]) => name)).size < options.length) return text
  return { format: format.toLowerCase(), options: Object.fromEntries(options) }
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

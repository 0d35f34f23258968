import { isConvertible } from '../../outputs/image-converter.ts'
import type { ImageConversion } from '../../outputs/image-conversion.ts'
import { isOfForm, parseAccept, qualityFor, type AnswerForm, type MediaRange } from '../negotiation/accept.ts'

export type ImageFormat = Exclude<ImageConversion['format'], 'jpg'>

/** What a caller is answered with: the result as JSON, or the bytes of one output, as they are or converted. */
export type ChosenForm<Output> =
  | { readonly kind: 'json' }
  | { readonly kind: 'output'; readonly output: Output }
  | { readonly kind: 'converted'; readonly output: Output; readonly format: ImageFormat }

const imageFormats = ['png', 'jpeg', 'webp', 'avif'] as const satisfies readonly ImageFormat[]

/** The format that images can be converted to for a range. It has to name the type: any image is one as it is. */
export function formatOfRange({ type, subtype }: Pick<MediaRange, 'type' | 'subtype'>): ImageFormat | undefined {
  return type === 'image' ? imageFormats.find((format) => format === subtype) : undefined
}

/**
 * The acceptable forms, best first, among outputs that the job has. What is acceptable as it is comes before what has to
 * be converted for the same quality.
 */
export function rankForms<Output extends { readonly contentType: string }>(
  forms: readonly AnswerForm[],
  outputs: readonly Output[],
): ChosenForm<Output>[] {
  const ranked: ChosenForm<Output>[] = []
  /** Stand behind all outputs of their quality. */
  let converted: { readonly quality: number; readonly chosen: ChosenForm<Output> }[] = []
  const image = outputs.find(({ contentType }) => isConvertible(contentType))

  const flush = () => {
    ranked.push(...converted.map(({ chosen }) => chosen))
    converted = []
  }

  for (const form of forms) {
    if (form.kind === 'events') continue
    if (form.kind === 'json') {
      flush()
      ranked.push(form)
      continue
    }
    const { quality } = form.range
    if (converted.some((other) => other.quality !== quality)) flush()
    const output = outputs.find(({ contentType }) => isOfForm(form, contentType))
    const format = formatOfRange(form.range)
    if (output !== undefined) ranked.push({ kind: 'output', output })
    else if (format !== undefined && image !== undefined)
      converted.push({ quality, chosen: { kind: 'converted', output: image, format } })
  }
  flush()
  return ranked
}

/** The best of them. `undefined` when no form is acceptable. */
export function chooseForm<Output extends { readonly contentType: string }>(
  forms: readonly AnswerForm[],
  outputs: readonly Output[],
): ChosenForm<Output> | undefined {
  return rankForms(forms, outputs)[0]
}

/**
 * The format that an image of that type is to be converted to, where an `Accept` header names one and has no room at all
 * for the image as it is.
 */
export function formatInstead(accept: string | undefined, contentType: string): ImageFormat | undefined {
  if (accept === undefined || !isConvertible(contentType)) return undefined
  const ranges = parseAccept(accept)
  if (qualityFor(ranges, contentType) > 0) return undefined
  return ranges
    .filter(({ quality }) => quality > 0)
    .map(formatOfRange)
    .find((format) => format !== undefined)
}

/** Whether an output can be the answer: JSON, which always can, is not preferred to all of them. */
export function mayBeOutput(forms: readonly AnswerForm[]): boolean {
  return forms.find(({ kind }) => kind !== 'events')?.kind === 'output'
}

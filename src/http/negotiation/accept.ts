/** A media range of an `Accept` header. */
export interface MediaRange {
  readonly type: string
  readonly subtype: string
  /** 0 means: not this one. */
  readonly quality: number
}

/** How a caller wants the result, best first. */
export type AnswerForm =
  | { readonly kind: 'json' }
  | { readonly kind: 'events' }
  /** The first output that the range covers, and none of the narrower ones. */
  | { readonly kind: 'output'; readonly range: MediaRange; readonly except: readonly MediaRange[] }

const anything: readonly MediaRange[] = [{ type: '*', subtype: '*', quality: 1 }]
const rangePattern = /^([!#$%&'*+.^_`|~0-9a-z-]+)\/([!#$%&'*+.^_`|~0-9a-z-]+)$/

/** Media ranges of an `Accept` header (RFC 9110 §12.5.1), best first. What is no range is left out; nothing means anything. */
export function parseAccept(header: string | undefined): readonly MediaRange[] {
  if (header === undefined || header.trim() === '' || header === '*/*') return anything
  const ranges: MediaRange[] = []
  for (const element of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = element.split(';')
    const [, type, subtype] = rangePattern.exec(name.trim()) ?? []
    if (type === undefined || subtype === undefined) continue
    ranges.push({ type, subtype, quality: qualityOf(parameters) })
  }
  return ranges.length === 0 ? anything : ranges.sort(byPreference)
}

/** The forms that a list of ranges asks for, best first. Empty when nothing this server could ever make is among them. */
export function answerForms(ranges: readonly MediaRange[]): readonly AnswerForm[] {
  const forms: AnswerForm[] = []
  for (const range of ranges) {
    if (range.quality === 0) continue
    if (coversJson(range)) {
      if (!isRefused(ranges, 'application', 'json')) forms.push({ kind: 'json' })
    } else if (range.type === 'text' && range.subtype === 'event-stream') {
      forms.push({ kind: 'events' })
    } else if (couldBeOutput(range)) {
      forms.push({ kind: 'output', range, except: ranges.filter((other) => isNarrower(other, range)) })
    }
  }
  return forms
}

/** Whether an output of that type is one of the form: a narrower range has the last word (RFC 9110 §12.5.1). */
export function isOfForm(form: Extract<AnswerForm, { kind: 'output' }>, contentType: string): boolean {
  return covers(form.range, contentType) && !form.except.some((narrower) => covers(narrower, contentType))
}

/** The quality that a list of ranges gives to a content type; 0 when none of them covers it. */
export function qualityFor(ranges: readonly MediaRange[], contentType: string): number {
  const covering = ranges.filter((range) => covers(range, contentType))
  const precise = Math.max(...covering.map(precision))
  return covering.find((range) => precision(range) === precise)?.quality ?? 0
}

/** Whether a content type lies in a range. Parameters of the content type do not matter. */
export function covers(range: MediaRange, contentType: string): boolean {
  const [type, subtype] = (contentType.split(';')[0] ?? '').trim().toLowerCase().split('/')
  return (range.type === '*' || range.type === type) && (range.subtype === '*' || range.subtype === subtype)
}

function qualityOf(parameters: readonly string[]): number {
  for (const parameter of parameters) {
    const [name, value] = parameter.split('=')
    if (name?.trim() !== 'q') continue
    const quality = Number(value?.trim())
    return quality >= 0 && quality <= 1 ? quality : 1
  }
  return 1
}

function byPreference(a: MediaRange, b: MediaRange): number {
  return b.quality - a.quality || precision(b) - precision(a)
}

function precision(range: MediaRange): number {
  return range.type === '*' ? 0 : range.subtype === '*' ? 1 : 2
}

function isNarrower(range: MediaRange, than: MediaRange): boolean {
  return precision(range) > precision(than) && (than.type === '*' || than.type === range.type)
}

function coversJson(range: MediaRange): boolean {
  return covers(range, 'application/json') || covers(range, 'application/problem+json')
}

function isRefused(ranges: readonly MediaRange[], type: string, subtype: string): boolean {
  return ranges.some((range) => range.quality === 0 && range.type === type && range.subtype === subtype)
}

function couldBeOutput(range: MediaRange): boolean {
  switch (range.type) {
    case 'image':
    case 'video':
    case 'audio':
    case 'model':
      return true
    case 'text':
      return range.subtype === 'plain' || range.subtype === '*'
    case 'application':
      return range.subtype === 'octet-stream'
    default:
      return false
  }
}

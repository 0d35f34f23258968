/** What a caller says of the bytes that it knows, or expects. */
export interface PreconditionHeaders {
  readonly 'if-match'?: string | undefined
  readonly 'if-none-match'?: string | undefined
  readonly 'if-modified-since'?: string | undefined
  readonly 'if-unmodified-since'?: string | undefined
}

/** What lies at an address now. The tag is a strong one, quoted. */
export interface Validators {
  readonly etag: string
  /** Milliseconds since the epoch; undefined where nobody knows. */
  readonly modifiedAtMs?: number | undefined
}

/**
 * What the conditions of a GET or HEAD come to, in the order of RFC 9110 §13.2.2: `failed` is 412, `unchanged` is 304.
 * Dates that are none count as not sent.
 */
export function decidePreconditions(headers: PreconditionHeaders, now: Validators): 'failed' | 'unchanged' | 'go on' {
  const { etag, modifiedAtMs } = now
  const modifiedAt = modifiedAtMs === undefined ? undefined : wholeSeconds(modifiedAtMs)
  const unmodifiedSince = parseDate(headers['if-unmodified-since'])
  if (headers['if-match'] !== undefined) {
    if (!listOf(headers['if-match']).some((tag) => tag === '*' || tag === etag)) return 'failed'
  } else if (unmodifiedSince !== undefined && modifiedAt !== undefined && modifiedAt > unmodifiedSince) return 'failed'
  if (headers['if-none-match'] !== undefined) return matchesEtag(headers['if-none-match'], etag) ? 'unchanged' : 'go on'
  const modifiedSince = parseDate(headers['if-modified-since'])
  return modifiedSince !== undefined && modifiedAt !== undefined && modifiedAt <= modifiedSince ? 'unchanged' : 'go on'
}

/** Whether `If-Range` names what lies there now, so that the range counts: by its tag, or by its very date. */
export function isSameRange(condition: string, { etag, modifiedAtMs }: Validators): boolean {
  if (condition.trim() === etag) return true
  const date = parseDate(condition)
  return date !== undefined && modifiedAtMs !== undefined && date === wholeSeconds(modifiedAtMs)
}

/** Whether a list of entity tags, as in `If-None-Match`, has this one, weakly compared. */
export function matchesEtag(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false
  return listOf(header).some((tag) => tag === '*' || tag === etag || tag === `W/${etag}`)
}

/** For `Last-Modified`. */
export function httpDate(timeMs: number): string {
  return new Date(timeMs).toUTCString()
}

function listOf(header: string): string[] {
  return header.split(',').map((element) => element.trim())
}

/** The one form that may be sent today; the older ones are read by nobody here. */
const imfDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

function parseDate(header: string | undefined): number | undefined {
  const text = header?.trim() ?? ''
  const time = imfDate.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

function wholeSeconds(timeMs: number): number {
  return Math.floor(timeMs / 1000) * 1000
}

import type { ByteRange } from '../../outputs/output-store.ts'

export type RangeDecision =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly range: ByteRange }
  /** No byte of the range exists. */
  | { readonly kind: 'outside' }

/**
 * Which bytes a `Range` header asks for (RFC 9110 §14.2). Several ranges, other units and malformed values are answered
 * with the whole, which the standard allows.
 */
export function decideRange(header: string | undefined, sizeBytes: number): RangeDecision {
  const [, first, last] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return { kind: 'whole' }
  if (first === '') {
    const length = Math.min(Number(last), sizeBytes)
    return length === 0
      ? { kind: 'outside' }
      : { kind: 'part', range: { start: sizeBytes - length, end: sizeBytes - 1 } }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return { kind: 'whole' }
  if (start >= sizeBytes) return { kind: 'outside' }
  return { kind: 'part', range: { start, end: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) } }
}

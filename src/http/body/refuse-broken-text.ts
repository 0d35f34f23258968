import { isRecord } from '../../lib/json-record.ts'
import { fieldRefusal } from './refuse-fields.ts'
import { pointerTo } from '../../lib/json-pointer.ts'

/**
 * Refuses texts with half a character in them, as is left when a program cuts a text within an emoji: no tokenizer takes
 * them. Call it on what `refuseComplexity` let pass; costs next to nothing where the raw body has no such escape.
 * @throws GatewayError `validation_error`
 */
export function refuseBrokenText(value: unknown, raw: Buffer | string): void {
  if (!raw.includes('\\ud') && !raw.includes('\\uD')) return
  const pointer = findBrokenText(value, [])
  if (pointer === undefined) return
  const message = 'has half a character (a lone surrogate), as is left when a text is cut within an emoji'
  throw fieldRefusal({ pointer, code: 'broken_text', message })
}

/**
 * Refuses a part of a form whose bytes were no text: its parser puts U+FFFD in their place.
 * @throws GatewayError `validation_error`
 */
export function refuseBrokenPart(name: string, text: string): void {
  const message = 'has bytes that are no text in UTF-8'
  if (text.includes('\ufffd')) throw fieldRefusal({ pointer: pointerTo(name), code: 'broken_text', message })
}

function findBrokenText(value: unknown, path: readonly (string | number)[]): string | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : pointerTo(...path)
  const members = Array.isArray(value) ? value.entries() : isRecord(value) ? Object.entries(value) : []
  for (const [key, member] of members) {
    if (typeof key === 'string' && !key.isWellFormed()) return pointerTo(...path, key.toWellFormed())
    const found = findBrokenText(member, [...path, key])
    if (found !== undefined) return found
  }
  return undefined
}

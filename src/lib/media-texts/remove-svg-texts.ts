import { drop, maxHeldBytes, peek, write, type Removal } from './removal-steps.ts'

const opening = /^<metadata[\s>]/
const closing = '</metadata>'
const literalStart = '<![CDATA['
const literalEnd = ']]>'

/** Whether the begin of a file is that of an SVG file. */
export function isSvg(head: Buffer): boolean {
  const text = head.toString('latin1')
  return /^(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!)/i.test(text) && text.includes('<svg')
}

/** Removes the `metadata` elements of an SVG file (SVG 2, 5.8). */
export function* removeSvgTexts(): Removal {
  const bytes = yield* peek(maxHeldBytes + 1)
  if (bytes.length > maxHeldBytes) return 'broken'
  const kept: Buffer[] = []
  let at = 0
  for (let from = bytes.indexOf('<metadata'); from >= 0; from = bytes.indexOf('<metadata', from + 1)) {
    if (from < at || !opening.test(bytes.toString('latin1', from, from + 10))) continue
    const end = endOf(bytes, from)
    if (end === undefined) return 'broken'
    kept.push(bytes.subarray(at, from))
    at = end
  }
  yield* drop(bytes.length)
  for (const part of [...kept, bytes.subarray(at)]) yield* write(part)
  return 'removed'
}

/** Behind the end of the element; what stands in `CDATA` is no markup. */
function endOf(bytes: Buffer, from: number): number | undefined {
  let at = from
  for (;;) {
    const end = bytes.indexOf(closing, at)
    if (end < 0) return undefined
    const literal = bytes.indexOf(literalStart, at)
    if (literal < 0 || literal > end) return end + closing.length
    at = bytes.indexOf(literalEnd, literal)
    if (at < 0) return undefined
  }
}

import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ByteRange } from '../../outputs/output-store.ts'
import { decideRange, type RangeDecision } from '../negotiation/byte-range.ts'
import { decidePreconditions, httpDate, isSameRange } from '../negotiation/preconditions.ts'
import { answerUnchanged } from './answer-unchanged.ts'

/** Headers by which a caller asks for a part of something, or for it only when it is another one. */
export const partHeadersSchema = z.looseObject({
  range: z.string().optional().describe('One range of bytes, such as `bytes=0-1023`.'),
  'if-range': z
    .string()
    .optional()
    .describe('An `ETag`, or a `Last-Modified`: the range counts while the bytes are those.'),
  'if-match': z.string().optional().describe('An `ETag`: 412 unless the bytes are those.'),
  'if-none-match': z.string().optional().describe('An `ETag`: 304 while the bytes are those.'),
  'if-modified-since': z.string().optional().describe('A `Last-Modified`: 304 while the bytes are not newer.'),
  'if-unmodified-since': z.string().optional().describe('A `Last-Modified`: 412 if the bytes are newer.'),
})

type PartHeaders = z.infer<typeof partHeadersSchema>

/** What lies at an address, as far as it matters for what of it is sent. */
export interface WholeFile {
  readonly etag: string
  readonly sizeBytes: number
  /** Milliseconds since the epoch; it is not told where it is not known. */
  readonly modifiedAtMs?: number | undefined
  /** Begins the sentence that says how large it is: `The output`. */
  readonly what: string
}

export type ChosenPart =
  /** It was answered that the caller has it already. */
  { readonly kind: 'unchanged' } | { readonly kind: 'whole' } | { readonly kind: 'part'; readonly range: ByteRange }

/**
 * What of a file a request asks for (RFC 9110 §13 and §14). Status and headers of the answer are set; the bytes are not
 * sent, unless there are none to send.
 * @throws GatewayError `precondition_failed`, `range_not_satisfiable`
 */
export function choosePart(
  { method, headers }: { readonly method: string; readonly headers: PartHeaders },
  reply: FastifyReply,
  file: WholeFile,
): ChosenPart {
  const { etag, sizeBytes, modifiedAtMs, what } = file
  reply.header('accept-ranges', 'bytes')
  if (modifiedAtMs !== undefined) reply.header('last-modified', httpDate(modifiedAtMs))
  const outcome = decidePreconditions(headers, file)
  if (outcome === 'failed') throw new GatewayError('precondition_failed', { detail: `${what} is another one.` })
  if (outcome === 'unchanged') {
    answerUnchanged(reply, etag)
    return { kind: 'unchanged' }
  }
  const decision = rangeOf(method, headers, file)
  if (decision.kind === 'outside') {
    throw new GatewayError('range_not_satisfiable', {
      detail: `${what} has ${sizeBytes} bytes.`,
      headers: { 'content-range': `bytes */${sizeBytes}` },
    })
  }
  if (decision.kind === 'part') {
    const { start, end } = decision.range
    reply.code(206).header('content-range', `bytes ${start}-${end}/${sizeBytes}`)
  }
  return decision
}

/** A range counts for GET only, and with `If-Range` only while the file is the one the caller has a part of. */
function rangeOf(method: string, headers: PartHeaders, file: WholeFile): RangeDecision {
  const condition = headers['if-range']
  if (method !== 'GET' || (condition !== undefined && !isSameRange(condition, file))) return { kind: 'whole' }
  return decideRange(headers.range, file.sizeBytes)
}

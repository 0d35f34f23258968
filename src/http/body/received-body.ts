import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { ReceivedFile } from '../../inputs/received-file.ts'
import { isRecord } from '../../lib/json-record.ts'

/** A part of a multipart body. */
export interface BodyPart {
  readonly name: string
  readonly content:
    { readonly kind: 'text'; readonly text: string } | { readonly kind: 'file'; readonly file: ReceivedFile }
}

export type BodyContent =
  | { readonly kind: 'json'; readonly value: unknown; readonly raw: Buffer }
  | { readonly kind: 'parts'; readonly parts: readonly BodyPart[] }

/** A request body as it came, read but not understood yet. */
export class ReceivedBody {
  readonly content: BodyContent
  /** Of what is held in memory: without what files of a form hold. */
  readonly sizeBytes: number

  constructor(content: BodyContent, sizeBytes: number) {
    this.content = content
    this.sizeBytes = sizeBytes
  }

  /** What came as files of a form. Whoever took the body in releases them when the request has ended. */
  get files(): readonly ReceivedFile[] {
    if (this.content.kind === 'json') return []
    return this.content.parts.flatMap(({ content }) => (content.kind === 'file' ? [content.file] : []))
  }

  /**
   * Tells one body from another, before any default is filled in. Multipart bodies count by their parts, because
   * clients draw a new boundary each time they send the same thing.
   */
  fingerprint(): string {
    const hash = createHash('sha256').update(`${this.content.kind}\n`)
    switch (this.content.kind) {
      case 'json':
        return hash.update(this.content.raw).digest('hex')
      case 'parts':
        for (const { name, content } of this.content.parts) {
          const bytes = content.kind === 'text' ? Buffer.from(content.text) : Buffer.from(content.file.sha256)
          hash.update(`${JSON.stringify(name)} ${content.kind} ${bytes.length}\n`).update(bytes)
        }
        return hash.digest('hex')
    }
  }
}

/** As if this value had come as JSON: for what is made here. */
export function bodyOf(value: unknown): ReceivedBody {
  return new ReceivedBody({ kind: 'json', value, raw: Buffer.alloc(0) }, 0)
}

export const emptyBody = bodyOf({})

/** The body of a request, which is empty where none came. */
export function receivedBody({ body }: { readonly body?: unknown }): ReceivedBody {
  return body instanceof ReceivedBody ? body : emptyBody
}

/** @throws GatewayError `malformed_body` */
export function requireObject(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value
  throw new GatewayError('malformed_body', { detail: 'The body must be a JSON object.' })
}

/**
 * The object in a body that must be JSON.
 * @param advice for one who sent a form
 * @throws GatewayError `unsupported_media_type`, `malformed_body`
 */
export function requireJsonObject({ content }: ReceivedBody, advice: string): Record<string, unknown> {
  if (content.kind === 'json') return requireObject(content.value)
  throw new GatewayError('unsupported_media_type', { detail: advice })
}

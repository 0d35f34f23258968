import { Busboy } from '@fastify/busboy'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { BodyPart } from './received-body.ts'

const maxParts = 128
const maxNameBytes = 200
const maxHeaderBytes = 8192

/**
 * Takes a complete multipart body apart. A part with a file name, or of type `application/octet-stream`, is a file; one
 * that is empty and has no file name is a field of a form in which nothing was chosen, and is left out.
 * @throws GatewayError `malformed_body`, `too_complex`
 */
export async function parseMultipart(contentType: string, body: Buffer): Promise<BodyPart[]> {
  const parts: (BodyPart | undefined)[] = []
  const { promise: finished, resolve, reject } = Promise.withResolvers<undefined>()
  const fail = (detail: string, cause?: unknown) => reject(new GatewayError('malformed_body', { detail, cause }))
  const refuse = () => reject(new GatewayError('too_complex', { detail: `The body has more than ${maxParts} parts.` }))

  const parser = openParser(contentType, body.length)
  parser.on('field', (name, text, isNameCut) => {
    if (isNameCut) fail('A part has a name longer than 200 bytes.')
    else parts.push({ name, content: { kind: 'text', text } })
  })
  parser.on('file', (name, stream, filename) => {
    const chunks: Buffer[] = []
    const index = parts.push({ name, content: { kind: 'text', text: '' } }) - 1
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const bytes = Buffer.concat(chunks)
      const isNothing = bytes.length === 0 && !filename
      parts[index] = isNothing ? undefined : { name, content: { kind: 'file', bytes } }
    })
    stream.on('error', (cause) => fail('The multipart body ends inside a part.', cause))
  })
  parser.on('partsLimit', refuse)
  parser.on('finish', () => resolve(undefined))
  parser.on('error', (cause: unknown) => fail('The body is not valid multipart/form-data.', cause))
  parser.end(body)
  await finished
  return parts.filter((part) => part !== undefined)
}

function openParser(contentType: string, bodyBytes: number) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      limits: {
        fieldNameSize: maxNameBytes,
        fieldSize: bodyBytes + 1,
        fileSize: bodyBytes + 1,
        parts: maxParts,
        headerPairs: 32,
        headerSize: maxHeaderBytes,
      },
    })
  } catch (cause) {
    throw new GatewayError('malformed_body', { detail: 'The multipart content type names no boundary.', cause })
  }
}

import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { Busboy } from '@fastify/busboy'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import { ReceivedFile } from '../../inputs/received-file.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import type { BodyPart } from './received-body.ts'

const maxParts = 128
const maxNameBytes = 200
const maxHeaderBytes = 8192

export interface MultipartOptions {
  /** Largest body in bytes, without what its files hold. */
  readonly maxTextBytes: number
  /** Which parts may be files of any size. Other files count as text, and what they hold is forgotten. */
  readonly takesFile: (name: string) => boolean
  /** Which parts are text, also when they come as files. */
  readonly isText: (name: string) => boolean
  readonly files: Pick<InputStore, 'receive' | 'release'>
}

export interface MultipartBody {
  readonly parts: readonly BodyPart[]
  /** Without what the files hold. */
  readonly textBytes: number
  /** Of the whole body. */
  readonly sizeBytes: number
}

/**
 * Takes a multipart body apart as it comes; no file of it is whole in memory. A part with a file name, or of type
 * `application/octet-stream`, is a file; one that is empty and has no file name is a field of a form in which nothing
 * was chosen, and is left out. When this throws, nothing that was received is left, and the body is not read to its end.
 * @throws GatewayError `malformed_body`, `too_complex`, `body_too_large`, and what `receive` and the body throw
 */
export async function parseMultipart(
  contentType: string,
  body: Readable,
  { maxTextBytes, takesFile, isText, files }: MultipartOptions,
): Promise<MultipartBody> {
  const parts: (BodyPart | undefined)[] = []
  const streams: FileStream[] = []
  const storedStreams: FileStream[] = []
  const forgotten: { readonly name: string; readonly stream: FileStream }[] = []
  const received: ReceivedFile[] = []
  const receiving: Promise<void>[] = []
  const { promise: finished, resolve } = Promise.withResolvers<undefined>()
  let sizeBytes = 0
  let failure: { readonly error: unknown } | undefined
  /** Wakes the one who waits for the parser. */
  let wake = () => {}

  function fail(error: unknown): void {
    failure ??= { error }
    wake()
  }
  const refuse = (detail: string, cause?: unknown) => fail(new GatewayError('malformed_body', { detail, cause }))
  const refuseParts = () =>
    fail(new GatewayError('too_complex', { detail: `The body has more than ${maxParts} parts.` }))

  function receive(name: string, stream: FileStream): Promise<ReceivedFile> {
    const content = contentOf(stream)
    if (!takesFile(name)) {
      forgotten.push({ name, stream })
      return forget(content)
    }
    storedStreams.push(stream)
    return files.receive(content, pointerTo(name))
  }

  /** Never rejects. */
  async function receiveFile(index: number, name: string, stream: FileStream, hasFilename: boolean): Promise<void> {
    try {
      const file = await receive(name, stream)
      received.push(file)
      if (file.sizeBytes > 0 || hasFilename) parts[index] = { name, content: { kind: 'file', file } }
    } catch (error) {
      fail(error)
    }
  }

  const parser = openParser(contentType, maxTextBytes, isText)
  parser.on('field', (name, text, isNameCut) => {
    if (isNameCut) refuse('A part has a name longer than 200 bytes.')
    else parts.push({ name: nameOf(name), content: { kind: 'text', text } })
  })
  parser.on('file', (name, stream, filename) => {
    // Whoever reads it is told, and others need not be.
    stream.on('error', () => {})
    streams.push(stream)
    const index = parts.push(undefined) - 1
    receiving.push(receiveFile(index, nameOf(name), stream, Boolean(filename)))
  })
  parser.on('partsLimit', refuseParts)
  parser.on('finish', () => resolve(undefined))
  parser.on('error', (cause: unknown) => refuse('The body is not valid multipart/form-data.', cause))

  /** Resolves when the parser wants more, or never will. */
  async function feed(chunk: Buffer): Promise<void> {
    sizeBytes += chunk.length
    await new Promise<void>((proceed) => {
      wake = proceed
      parser.write(chunk, () => proceed())
    })
    // What was just fed to a file may not be counted yet.
    if (textBytes() > maxTextBytes) await setImmediate()
    if (textBytes() > maxTextBytes) fail(refuseTexts(maxTextBytes, largestOf(forgotten, maxTextBytes / 2)))
    if (failure !== undefined) throw failure.error
  }

  async function end(): Promise<void> {
    await new Promise<void>((proceed) => {
      wake = proceed
      void finished.then(proceed)
      parser.end()
    })
    if (failure === undefined) await Promise.all(receiving)
    if (failure !== undefined) throw failure.error
  }

  const textBytes = () => storedStreams.reduce((rest, { bytesRead }) => rest - bytesRead, sizeBytes)
  try {
    for await (const chunk of body.iterator({ destroyOnReturn: false })) if (Buffer.isBuffer(chunk)) await feed(chunk)
    await end()
  } catch (error) {
    for (const stream of streams) stream.destroy(new Error('The body is given up'))
    parser.destroy()
    await Promise.all(receiving)
    await Promise.all(received.map((file) => files.release(file)))
    throw error
  }
  const kept = parts.filter((part) => part !== undefined)
  const named = new Set(kept.map(({ content }) => (content.kind === 'file' ? content.file : undefined)))
  await Promise.all(received.filter((file) => !named.has(file)).map((file) => files.release(file)))
  return { parts: kept, textBytes: textBytes(), sizeBytes }
}

type FileStream = Readable & { readonly bytesRead: number }

/** A part may have none, whatever the parser promises. */
function nameOf(name: unknown): string {
  return typeof name === 'string' ? name : ''
}

async function* contentOf(stream: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of stream) yield chunk
  } catch (cause) {
    throw new GatewayError('malformed_body', { detail: 'The multipart body ends inside a part.', cause })
  }
}

/** What a file is, where nobody will read it. */
async function forget(content: AsyncIterable<Uint8Array>): Promise<ReceivedFile> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of content) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return new ReceivedFile({ sha256: hash.digest('hex'), sizeBytes })
}

/** The name of the file that alone is more than half of what may come, if there is one. */
function largestOf(files: readonly { name: string; stream: FileStream }[], halfBytes: number): string | undefined {
  return files.find(({ stream }) => stream.bytesRead > halfBytes)?.name
}

/** @param file the name of one that is not taken as a file, and counts for that reason */
function refuseTexts(maxTextBytes: number, file: string | undefined): GatewayError {
  const limit = `What is no file in the body may have ${maxTextBytes} bytes (--max-body-mb).`
  const detail =
    file === undefined ? limit : `${JSON.stringify(file)} takes no file, so that what it holds counts. ${limit}`
  return new GatewayError('body_too_large', { detail })
}

function openParser(contentType: string, maxTextBytes: number, isText: MultipartOptions['isText']) {
  try {
    return new Busboy({
      headers: { 'content-type': contentType },
      isPartAFile: (name, type, filename) =>
        (type === 'application/octet-stream' || filename !== undefined) && !isText(nameOf(name)),
      limits: {
        fieldNameSize: maxNameBytes,
        // Reached only when the whole is too large, which is told first.
        fieldSize: maxTextBytes + 1,
        parts: maxParts,
        headerPairs: 32,
        headerSize: maxHeaderBytes,
      },
    })
  } catch (cause) {
    throw new GatewayError('malformed_body', { detail: 'The multipart content type names no boundary.', cause })
  }
}

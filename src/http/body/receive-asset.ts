import { createHash, type Hash } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import type { ReceivedFile } from '../../inputs/received-file.ts'
import { readContentDigests, requireDigests } from '../negotiation/content-digest.ts'
import { parseMultipart } from './parse-multipart.ts'

/** A file that came as a body, or as the one file of a form. */
export interface ReceivedAsset {
  readonly file: ReceivedFile
  /** What the file came as. */
  readonly pointer: string
}

/** Largest form without what its file holds, in bytes: there is nothing else to say. */
const maxTextBytes = 65_536

/**
 * Takes in the file that a request brings, whatever type it claims. `release` is to be called for the result. When this
 * throws, nothing of what came is left.
 * @throws GatewayError `malformed_body`, `invalid_header`, `digest_mismatch`, `client_closed_request`, and what `receive`
 * throws
 */
export async function receiveAsset(
  stream: IncomingMessage,
  files: Pick<InputStore, 'receive' | 'release'>,
): Promise<ReceivedAsset> {
  const digests = readContentDigests(stream.headers)
  try {
    return isForm(stream.headers)
      ? await receiveForm(stream, files, digests)
      : await receiveWhole(stream, files, digests)
  } catch (error) {
    throw stream.destroyed && !stream.complete ? new GatewayError('client_closed_request', { cause: error }) : error
  }
}

function isForm(headers: IncomingHttpHeaders): boolean {
  return headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase() === 'multipart/form-data'
}

type Files = Pick<InputStore, 'receive' | 'release'>

async function receiveWhole(stream: IncomingMessage, files: Files, digests: readonly string[]): Promise<ReceivedAsset> {
  const file = await files.receive(chunksOf(stream), '', Number(stream.headers['content-length'] ?? 0))
  return releasedUnless(files, [file], () => {
    requireDigests(digests, file.sha256)
    if (file.sizeBytes > 0) return { file, pointer: '' }
    throw new GatewayError('malformed_body', {
      detail:
        'The body is empty. Send the bytes of one file, as the body or as the file of a form. With curl: --data-binary @FILE, or -F file=@FILE.',
    })
  })
}

async function receiveForm(stream: IncomingMessage, files: Files, digests: readonly string[]): Promise<ReceivedAsset> {
  const hash = createHash('sha256')
  const body = digests.length === 0 ? stream : Readable.from(hashed(stream, hash))
  const { parts } = await parseMultipart(stream.headers['content-type'] ?? '', body, {
    maxTextBytes,
    takesFile: () => true,
    isText: () => false,
    files,
  })
  const came = parts.flatMap(({ content }) => (content.kind === 'file' ? [content.file] : []))
  return releasedUnless(files, came, () => {
    if (digests.length > 0) requireDigests(digests, hash.digest('hex'))
    const [file] = came
    if (file !== undefined && parts.length === 1) return { file, pointer: '' }
    throw new GatewayError('malformed_body', {
      detail: `A form for an asset has one part, which is a file with its name; this one has ${describe(parts.length, came.length)}. With curl: -F file=@FILE.`,
    })
  })
}

function describe(partCount: number, fileCount: number): string {
  if (fileCount === 0) return 'no file'
  return fileCount > 1 ? `${fileCount} files` : `${partCount - fileCount} other parts`
}

/** What was received is released when it cannot be taken. */
async function releasedUnless(
  files: Files,
  received: readonly ReceivedFile[],
  take: () => ReceivedAsset,
): Promise<ReceivedAsset> {
  try {
    return take()
  } catch (error) {
    for (const file of received) await files.release(file)
    throw error
  }
}

/** The rest of a body that is given up is read by whoever answers: destroyed, the answer could not be seen. */
async function* chunksOf(stream: IncomingMessage): AsyncGenerator<Buffer> {
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) if (Buffer.isBuffer(chunk)) yield chunk
}

async function* hashed(stream: IncomingMessage, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunksOf(stream)) {
    hash.update(chunk)
    yield chunk
  }
}

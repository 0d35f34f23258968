import { hash } from 'node:crypto'
import { readerOfBytes, readFileBytes } from './formats/byte-reader.ts'
import type { InputFile } from './input-file.ts'
import { inputNameOf } from './input-name.ts'
import { refuseTooLarge } from './refuse-input.ts'
import type { ReceivedBytes } from './receive-files.ts'
import type { ReceivedFile } from './received-file.ts'
import { sniffMedia, type InputKind, type TakenKind } from './formats/sniff-media.ts'

/**
 * What the bytes of a media parameter are as a file. Nothing is stored.
 * @throws GatewayError `unsupported_input` when they are no supported media of this kind, or too many
 */
export async function checkInput(
  bytes: Buffer,
  pointer: string,
  maxBytes: number,
  kind: InputKind = 'image',
): Promise<InputFile> {
  if (bytes.length > maxBytes) throw refuseTooLarge(pointer, maxBytes)
  const { contentType, extension } = await sniffMedia(readerOfBytes(bytes), pointer, kind)
  const sha256 = hash('sha256', bytes)
  return { name: inputNameOf(`${sha256}.${extension}`), sha256, contentType, sizeBytes: bytes.length }
}

/**
 * The same of received bytes.
 * @throws GatewayError `unsupported_input` when they are no supported media of this kind
 */
export async function checkReceived(
  { sha256, sizeBytes }: ReceivedFile,
  received: ReceivedBytes,
  pointer: string,
  kind: TakenKind = 'image',
): Promise<InputFile> {
  const { contentType, extension } =
    received.kind === 'memory'
      ? await sniffMedia(readerOfBytes(received.bytes), pointer, kind)
      : await readFileBytes(received.path, (bytes) => sniffMedia(bytes, pointer, kind))
  return { name: inputNameOf(`${sha256}.${extension}`), sha256, contentType, sizeBytes }
}

import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { InputFile } from './input-file.ts'
import { inputNameOf } from './input-name.ts'
import { refuseTooLarge } from './refuse-input.ts'
import type { ReceivedBytes } from './receive-files.ts'
import type { ReceivedFile } from './received-file.ts'
import { sniffMedia, type InputKind, type TakenKind } from './sniff-media.ts'

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
  const { contentType, extension } = await sniffMedia(bytes, pointer, kind)
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
  const bytes = received.kind === 'memory' ? received.bytes : await readFile(received.path)
  const { contentType, extension } = await sniffMedia(bytes, pointer, kind)
  return { name: inputNameOf(`${sha256}.${extension}`), sha256, contentType, sizeBytes }
}

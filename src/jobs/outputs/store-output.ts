import type { BodyStream } from '../../comfyui/body-stream.ts'
import type { OpenedFile } from '../../comfyui/comfyui-client.ts'
import { ComfyuiError } from '../../comfyui/comfyui-error.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { RemovalOutcome } from '../../lib/media-texts/removal-steps.ts'
import { removeMediaTexts, withoutMediaTexts } from '../../lib/media-texts/remove-media-texts.ts'
import type { FoundMedium, FoundOutput } from '../../outputs/collect-outputs.ts'
import { maxImageBytes, type ConvertedImage } from '../../outputs/image-converter.ts'
import type { OutputStore } from '../../outputs/output-store.ts'
import { refuseWrongFile } from '../../outputs/refuse-wrong-file.ts'
import type { OutputReader } from './output-tap.ts'
import { passAll, passOn } from './pass-on.ts'

export interface StoreOutputOptions {
  readonly jobId: string
  readonly openFile: (found: FoundMedium) => Promise<OpenedFile>
  /** Makes the image that is to be stored in place of the one that ComfyUI made. */
  readonly convertImage?: (image: Buffer) => Promise<ConvertedImage>
  /** The texts that ComfyUI writes into files are removed, so that every way out is without them. */
  readonly stripsMetadata?: boolean
  readonly store: OutputStore
}

/** Where the bytes of one output go besides. */
export interface TappedOutput {
  /** False: they go nowhere else when the reader takes them all. */
  readonly isStored: boolean
  hold(bytes: Buffer): void
  open(sizeBytes: number | undefined): OutputReader | undefined
  fail(): void
}

/** What became of an output. */
export interface StoredOutput {
  readonly sizeBytes: number
  readonly converted?: ConvertedImage
  readonly removal?: RemovalOutcome
  /** It is not stored: this reader has all of it but for its end, and may yet go. */
  readonly reader?: OutputReader
}

const tries = 3
const retryPauseMs = 500

/**
 * Copies one output into the store, and to whoever waits for it. Resolves when it is complete there.
 *
 * @throws ComfyuiError when it cannot be had from the instance, GatewayError `storage_unavailable`, `conversion_failed`,
 * `conversion_unavailable`
 */
export async function storeOutput(
  found: FoundOutput,
  index: number,
  options: StoreOutputOptions,
  tap?: TappedOutput,
): Promise<StoredOutput> {
  if (found.kind === 'text') return keepBytes(Buffer.from(found.text), index, options, tap)
  for (let attempt = 1; ; attempt++) {
    try {
      return await storeFile(found, index, options, tap)
    } catch (error) {
      tap?.fail()
      if (!(error instanceof ComfyuiError) || attempt === tries) throw error
      await new Promise((resolve) => setTimeout(resolve, retryPauseMs * attempt))
    }
  }
}

async function storeFile(
  found: FoundMedium,
  index: number,
  options: StoreOutputOptions,
  tap: TappedOutput | undefined,
): Promise<StoredOutput> {
  const { openFile, convertImage, stripsMetadata = false, store, jobId } = options
  const { body, contentType, sizeBytes } = await openFile(found)
  if (found.outputKind === 'image' && convertImage !== undefined) {
    const image = Buffer.isBuffer(body) ? body : await readImage(body, found)
    refuseWrong(found, contentType, image)
    const converted = await convertImage(image)
    return { ...(await store.write(jobId, index, converted.bytes)), converted }
  }
  const isStripped = stripsMetadata && found.outputKind !== 'text'
  if (Buffer.isBuffer(body)) {
    refuseWrong(found, contentType, body)
    if (!isStripped) return keepBytes(body, index, options, tap)
    const { bytes, outcome } = removeMediaTexts(body)
    return { ...(await keepBytes(bytes, index, options, tap)), removal: outcome }
  }
  let removal: RemovalOutcome = 'broken'
  const source = isStripped ? withoutMediaTexts(body, (outcome) => (removal = outcome)) : body
  const open = (first: Buffer) => {
    refuseWrongFile(found, contentType, first)
    return tap?.open(isStripped ? undefined : sizeBytes)
  }
  const stored = await keepStream(source, index, options, open, tap)
  if (stored === undefined) return storeFile(found, index, options, undefined)
  return isStripped ? { ...stored, removal } : stored
}

async function keepBytes(
  bytes: Buffer,
  index: number,
  { jobId, store }: StoreOutputOptions,
  tap: TappedOutput | undefined,
): Promise<StoredOutput> {
  if (tap?.isStored === false) {
    const reader = tap.open(bytes.length)
    if (reader) {
      await reader.write(bytes)
      return { sizeBytes: bytes.length, reader }
    }
  }
  const stored = await store.write(jobId, index, bytes)
  tap?.hold(bytes)
  return stored
}

/** `undefined`: the reader for whom it was is gone, so that it has to be fetched again. */
async function keepStream(
  source: AsyncIterable<Buffer> & Pick<BodyStream, 'release'>,
  index: number,
  { jobId, store }: StoreOutputOptions,
  open: (first: Buffer) => OutputReader | undefined,
  tap: TappedOutput | undefined,
): Promise<StoredOutput | undefined> {
  if (tap?.isStored === false) return passAll(source, open)
  return store.write(jobId, index, passOn(source, open))
}

function refuseWrong(found: FoundMedium, contentType: string | undefined, bytes: Buffer): void {
  if (bytes.length === 0 && !mayBeEmpty(found)) {
    throw new ComfyuiError('bad_answer', `GET /view of ${found.filename} answered with nothing`)
  }
  refuseWrongFile(found, contentType, bytes)
}

/** Decoding needs all of it at once. */
async function readImage(body: BodyStream, { filename }: FoundMedium): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of body) {
    sizeBytes += chunk.length
    if (sizeBytes > maxImageBytes) {
      throw new GatewayError('conversion_failed', {
        detail: `${filename} has more than the ${maxImageBytes} bytes that are converted.`,
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Only what is no medium can be whole without a single byte. */
function mayBeEmpty({ outputKind }: FoundMedium): boolean {
  return outputKind === 'text' || outputKind === 'file'
}

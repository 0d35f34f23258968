import type { Readable } from 'node:stream'
import { ComfyuiError } from '../comfyui/comfyui-error.ts'
import type { ComfyuiFile } from '../comfyui/comfyui-client.ts'
import type { NodeOutput } from '../comfyui/wire/messages.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { collectOutputs, type FoundOutput } from '../outputs/collect-outputs.ts'
import { removeMediaTexts, withoutMediaTexts } from '../lib/media-texts/remove-media-texts.ts'
import type { RemovalOutcome } from '../lib/media-texts/removal-steps.ts'
import type { JobOutput } from '../outputs/job-output.ts'
import type { ConvertedImage } from '../outputs/image-converter.ts'
import type { OutputStore } from '../outputs/output-store.ts'

export interface StoreOutputsOptions {
  readonly jobId: string
  readonly outputs: Readonly<Record<string, NodeOutput>>
  /** The workflow's names for output nodes: name → node id. */
  readonly outputNames: Readonly<Record<string, string>>
  readonly openFile: (file: ComfyuiFile) => Promise<{ body: Buffer | Readable }>
  /** Makes the image that is to be stored in place of the one that ComfyUI made. */
  readonly convertImage?: (image: Buffer) => Promise<ConvertedImage>
  /** The texts that ComfyUI writes into files are removed, so that every way out is without them. */
  readonly stripsMetadata?: boolean
  readonly store: OutputStore
  readonly onStored: (output: JobOutput) => void
  /** Why a job that went well has nothing to show, or texts in a file that were to be removed. */
  readonly onWarning: (text: string) => void
}

const tries = 3
const maxImageBytes = 256 * 1024 * 1024
const retryPauseMs = 500

/**
 * Copies everything a prompt produced into the output store, in order. Resolves when all of it is complete there. When
 * one cannot be stored those before it are removed again: no job would ever name them, and on a full disk their place is
 * what the end of the job can be written into.
 *
 * @throws ComfyuiError when a file cannot be had from the instance, GatewayError `storage_unavailable`,
 * `conversion_failed`, `conversion_unavailable`
 */
export async function storeOutputs(options: StoreOutputsOptions): Promise<JobOutput[]> {
  const stored: JobOutput[] = []
  try {
    await storeInto(stored, options)
  } catch (error) {
    await options.store.remove(options.jobId, stored.length)
    throw error
  }
  return stored
}

async function storeInto(stored: JobOutput[], options: StoreOutputsOptions): Promise<void> {
  const names = new Map(Object.entries(options.outputNames).map(([name, nodeId]) => [nodeId, name]))
  const unhandled = new Set<string>()
  const wanted = collectOutputs(options.outputs, ({ nodeId, key }) => unhandled.add(`\`${key}\` of node ${nodeId}`))
  for (const [index, found] of wanted.entries()) {
    const { sizeBytes, converted, removal } = await storeOne(found, index, options)
    const output: JobOutput = {
      index,
      nodeId: found.nodeId,
      name: names.get(found.nodeId),
      kind: found.outputKind,
      contentType: converted?.contentType ?? found.contentType,
      sizeBytes,
      filename: converted === undefined ? found.filename : withExtension(found.filename, converted.extension),
      ...((converted !== undefined || removal === 'removed') && { isStripped: true }),
    }
    const textsLeft = removal === undefined ? undefined : whyTextsAreLeft(removal)
    if (textsLeft !== undefined)
      options.onWarning(`${found.filename}: its metadata could not be removed, because ${textsLeft}.`)
    if (converted?.warning !== undefined) options.onWarning(`${found.filename}: ${converted.warning}`)
    stored.push(output)
    options.onStored(output)
  }
  if (stored.length > 0) return
  const left =
    unhandled.size === 0 ? '' : ` What it told of is neither a file nor a text: ${[...unhandled].join(', ')}.`
  options.onWarning(`ComfyUI ran the workflow and gave no output that can be kept.${left}`)
}

async function storeOne(
  found: FoundOutput,
  index: number,
  { jobId, openFile, convertImage, stripsMetadata = false, store }: StoreOutputsOptions,
): Promise<{ sizeBytes: number; converted?: ConvertedImage; removal?: RemovalOutcome }> {
  if (found.kind === 'text') return store.write(jobId, index, Buffer.from(found.text))
  for (let attempt = 1; ; attempt++) {
    try {
      const { body } = await openFile(found)
      if (Buffer.isBuffer(body) && body.length === 0 && !mayBeEmpty(found)) {
        throw new ComfyuiError('bad_answer', `GET /view of ${found.filename} answered with nothing`)
      }
      if (found.outputKind !== 'image' || convertImage === undefined) {
        if (!stripsMetadata || found.outputKind === 'text') return await store.write(jobId, index, body)
        return await storeStripped(body, (source) => store.write(jobId, index, source))
      }
      const converted = await convertImage(Buffer.isBuffer(body) ? body : await readImage(body, found))
      return { ...(await store.write(jobId, index, converted.bytes)), converted }
    } catch (error) {
      if (!(error instanceof ComfyuiError) || attempt === tries) throw error
      await new Promise((resolve) => setTimeout(resolve, retryPauseMs * attempt))
    }
  }
}

async function storeStripped(
  body: Buffer | Readable,
  write: (source: Buffer | AsyncIterable<Uint8Array>) => Promise<{ sizeBytes: number }>,
): Promise<{ sizeBytes: number; removal: RemovalOutcome }> {
  if (Buffer.isBuffer(body)) {
    const { bytes, outcome } = removeMediaTexts(body)
    return { ...(await write(bytes)), removal: outcome }
  }
  let removal: RemovalOutcome = 'broken'
  const { sizeBytes } = await write(withoutMediaTexts(body, (outcome) => (removal = outcome)))
  return { sizeBytes, removal }
}

function whyTextsAreLeft(removal: RemovalOutcome): string | undefined {
  switch (removal) {
    case 'removed':
      return undefined
    case 'unknown':
      return 'its format is not known'
    case 'broken':
      return 'a part of it cannot be read'
    default:
      return removal satisfies never
  }
}

/** Decoding needs all of it at once. */
async function readImage(body: Readable, { filename }: FoundOutput): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  const stream: AsyncIterable<Buffer> = body
  for await (const chunk of stream) {
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

function withExtension(filename: string, extension: string): string {
  return `${filename.slice(0, filename.lastIndexOf('.'))}.${extension}`
}

/** Only what is no medium can be whole without a single byte. */
function mayBeEmpty({ outputKind }: FoundOutput): boolean {
  return outputKind === 'text' || outputKind === 'file'
}

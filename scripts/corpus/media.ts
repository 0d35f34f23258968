import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { promisify } from 'node:util'
import { fileTypeFromBuffer } from 'file-type'
import sharp from 'sharp'
import { readMediaTexts } from '../../src/lib/media-texts/read-media-texts.ts'
import { removeMediaTexts, withoutMediaTexts } from '../../src/lib/media-texts/remove-media-texts.ts'
import type { RemovalOutcome } from '../../src/lib/media-texts/removal-steps.ts'
import { isTechnicalText } from '../../src/lib/media-texts/technical-names.ts'
import { type MediaGateway, startMediaGateway } from './serve-media.ts'

const pictures = new Set(['.png', '.apng', '.webp', '.jpg', '.jpeg', '.gif', '.avif'])
const media = new Set([
  ...pictures,
  '.flac',
  '.mp3',
  '.opus',
  '.ogg',
  '.oga',
  '.wav',
  '.m4a',
  '.mp4',
  '.mov',
  '.m4v',
  '.webm',
  '.mkv',
])
const others = new Set(['.latent', '.safetensors', '.glb'])
const pieceBytes = 32
const stepBytes = 8
const streamChunkBytes = 1021

/**
 * Removes the texts from every media file in `media` of the corpus: no piece of a graph may be left, and decoders must see
 * and hear the same. Sound and video are decoded where ffmpeg is installed. Then the gateway serves each: as it is, and
 * without texts, and as the type that it is by its bytes.
 */
export async function compareMedia(folder: string): Promise<boolean> {
  const files = readdirSync(join(folder, 'media'), { recursive: true, encoding: 'utf8' }).filter((name) => {
    const extension = extname(name).toLowerCase()
    return media.has(extension) || others.has(extension)
  })
  const canDecode = await hasFfmpeg()
  const gateway = await startMediaGateway(join(folder, 'media'))
  let good = 0
  try {
    for (const name of files.toSorted()) {
      const path = join(folder, 'media', name)
      const faults = [...(await faultsOf(path, canDecode)), ...(await servedWrong(path, gateway))]
      for (const fault of faults) console.log(`${name}: ${fault}`)
      if (faults.length === 0) good += 1
    }
  } finally {
    await gateway.close()
  }
  const how = canDecode ? '' : ' Sound and video were not decoded: ffmpeg is not installed.'
  console.log(
    `${String(good)} of ${String(files.length)} files are served as what they are, carry no text where none is wanted, and are whole.${how}`,
  )
  return good === files.length && files.length > 0
}

async function faultsOf(path: string, canDecode: boolean): Promise<string[]> {
  const bytes = readFileSync(path)
  const before = Buffer.from(bytes)
  const removed = removeMediaTexts(bytes)
  const faults: string[] = []
  if (!bytes.equals(before)) faults.push('the bytes that were given were changed')
  if (removed.outcome !== 'removed') faults.push(`outcome: ${removed.outcome}`)
  if (removed.bytes.length > bytes.length) faults.push('it became larger')
  if (!(await streamed(bytes)).equals(removed.bytes)) faults.push('in pieces it becomes something else')
  const texts = readMediaTexts(bytes)?.texts ?? []
  for (const { name, text } of texts.filter((each) => !isTechnicalText(each.name, each.text.length))) {
    if (isLeft(Buffer.from(text), removed.bytes)) faults.push(`a part of ${name} is left`)
  }
  for (const { name, text } of readMediaTexts(removed.bytes)?.texts ?? []) {
    if (!isTechnicalText(name, text.length) && text !== '') faults.push(`${name} is left`)
  }
  const extension = extname(path).toLowerCase()
  if (pictures.has(extension) && !(await pixels(bytes)).equals(await pixels(removed.bytes))) {
    faults.push('the picture is another')
  }
  if (canDecode && media.has(extension) && !pictures.has(extension)) {
    const [first, second] = [await decoded(bytes, extension), await decoded(removed.bytes, extension)]
    if (first !== second) faults.push('it decodes to something else')
  }
  return faults
}

/** Types that are told in more detail by the bytes, or have an older name. */
const sameTypes: Readonly<Record<string, string>> = { 'image/apng': 'image/png', 'audio/x-flac': 'audio/flac' }

async function servedWrong(path: string, gateway: MediaGateway): Promise<string[]> {
  const bytes = readFileSync(path)
  const kept = await gateway.ask(path, 'keep')
  const stripped = await gateway.ask(path, 'strip')
  const told = (await fileTypeFromBuffer(bytes))?.mime.split(';')[0] ?? 'application/octet-stream'
  const type = sameTypes[told] ?? told
  return [
    ...(kept.bytes.equals(bytes) ? [] : ['it is not served as it is']),
    ...(stripped.bytes.equals(removeMediaTexts(bytes).bytes) ? [] : ['what is served without texts is something else']),
    ...[kept, stripped].flatMap(({ contentType }) =>
      contentType === type ? [] : [`served as ${contentType}, not ${type}`],
    ),
  ]
}

async function streamed(bytes: Buffer): Promise<Buffer> {
  const outcomes: RemovalOutcome[] = []
  const pieces: Buffer[] = []
  for await (const piece of withoutMediaTexts(chunks(bytes), (outcome) => outcomes.push(outcome))) pieces.push(piece)
  return outcomes.at(-1) === 'removed' ? Buffer.concat(pieces) : Buffer.alloc(0)
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += streamChunkBytes) yield bytes.subarray(at, at + streamChunkBytes)
}

function isLeft(text: Buffer, bytes: Buffer): boolean {
  for (let at = 0; at + pieceBytes <= text.length; at += stepBytes) {
    if (bytes.includes(text.subarray(at, at + pieceBytes))) return true
  }
  return text.length < pieceBytes && text.length > stepBytes && bytes.includes(text)
}

/** Of all frames, and how they are to be shown. */
async function pixels(bytes: Buffer): Promise<Buffer> {
  const { orientation = 1, icc = Buffer.alloc(0), delay, loop } = await sharp(bytes, { animated: true }).metadata()
  const shown = Buffer.from(JSON.stringify({ orientation, delay, loop }))
  return Buffer.concat([await sharp(bytes, { animated: true }).raw().toBuffer(), icc, shown])
}

async function hasFfmpeg(): Promise<boolean> {
  return promisify(execFile)('ffmpeg', ['-version']).then(
    () => true,
    () => false,
  )
}

/** Checksums of all frames and what the decoder complained about. */
async function decoded(bytes: Buffer, extension: string): Promise<string> {
  const format = extension === '.m4a' || extension === '.mp4' || extension === '.mov' ? ['-f', 'mov'] : []
  const running = promisify(execFile)('ffmpeg', ['-v', 'warning', ...format, '-i', 'pipe:0', '-f', 'framemd5', '-'], {
    maxBuffer: 2 ** 28,
  })
  running.child.stdin?.end(bytes)
  const { stdout, stderr } = await running
  return `${stdout}\n${stderr.replaceAll(/0x[0-9a-f]+/g, '')}`
}

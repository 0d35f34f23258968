import { createHash } from 'node:crypto'
import { open, type FileHandle } from 'node:fs/promises'
import { ConversionRefusedError } from '../../converter/conversion.ts'
import { parseExportFile } from '../../converter/parse-export-file.ts'
import { readExport } from '../../converter/read-export.ts'
import { isRecord } from '../../lib/json-record.ts'
import { parsePythonJson } from '../../lib/parse-python-json.ts'

/** What a file of a workflow folder is. */
export type ExportContent =
  /** Nothing of ComfyUI: data, settings, a picture. */
  | { readonly kind: 'other' }
  /** `exported` is what a converter takes. `version` is another one whenever the content is. */
  | { readonly kind: 'graph'; readonly exported: unknown; readonly version: string }
  /** `isMeant`: that it should be a graph can be seen. */
  | { readonly kind: 'broken'; readonly reason: string; readonly isMeant: boolean; readonly version: string }

/** The largest official template has less than one MB. */
const maxTextBytes = 32 * 1024 * 1024
const headBytes = 64 * 1024
const pngSignature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')

/**
 * Reads a JSON file, or the texts of a PNG file: of a large picture no more than those.
 * @throws when the file cannot be read
 */
export async function readExportFile(path: string): Promise<ExportContent> {
  await using file = await open(path)
  return /\.png$/i.test(path) ? await readPicture(file) : await readJson(file)
}

async function readJson(file: FileHandle): Promise<ExportContent> {
  const { size } = await file.stat()
  if (size > maxTextBytes) {
    const head = await readAt(file, 0, headBytes)
    if (!looksLikeGraph(head.toString('utf8'))) return { kind: 'other' }
    const reason = `is larger than ${maxTextBytes / 1024 / 1024} MB`
    return { kind: 'broken', reason, isMeant: true, version: `size ${size}` }
  }
  const text = (await readAt(file, 0, size)).toString('utf8').replace(/^\uFEFF/, '')
  const version = versionOf(text)
  let value: unknown
  try {
    value = parsePythonJson(text)
  } catch (error) {
    const reason = `is no JSON: ${error instanceof Error ? error.message : String(error)}`
    return { kind: 'broken', reason, isMeant: looksLikeGraph(text), version }
  }
  return isMeantAsGraph(value, 0) ? graphOf(value, version) : { kind: 'other' }
}

async function readPicture(file: FileHandle): Promise<ExportContent> {
  const texts = await readPngTexts(file)
  const version = versionOf(texts)
  let exported: unknown
  try {
    exported = parseExportFile(texts)
  } catch (error) {
    if (error instanceof ConversionRefusedError) return { kind: 'other' }
    throw error
  }
  // Other programs keep a text there that is called `prompt`, too.
  const isMeant = isMeantAsGraph(exported, 0) || looksLikeGraph(texts.toString('latin1'))
  return isMeant ? graphOf(exported, version) : { kind: 'other' }
}

function graphOf(exported: unknown, version: string): ExportContent {
  try {
    readExport(exported)
    return { kind: 'graph', exported, version }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
    return { kind: 'broken', reason: error.message.replaceAll('\n', ' '), isMeant: true, version }
  }
}

/** The chunks of a PNG file without its picture. */
async function readPngTexts(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat()
  const start = await readAt(file, 0, pngSignature.length)
  if (!start.equals(pngSignature)) return Buffer.alloc(0)
  const kept: Buffer[] = [start]
  let keptBytes = 0
  for (let at = pngSignature.length; at + 12 <= size;) {
    const head = await readAt(file, at, 8)
    if (head.length < 8) break
    const chunkBytes = head.readUInt32BE(0) + 12
    if (/^(?:tEXt|zTXt|iTXt|comf)$/.test(head.toString('latin1', 4)) && keptBytes + chunkBytes <= maxTextBytes) {
      kept.push(await readAt(file, at, chunkBytes))
      keptBytes += chunkBytes
    }
    at += chunkBytes
  }
  return Buffer.concat(kept)
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, position + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

/** Text that cannot be parsed, or is too large for it. */
function looksLikeGraph(text: string): boolean {
  return /"(?:class_type|last_node_id|widgets_values)"\s*:/.test(text)
}

const deepestWrapping = 4

/** A node at least shows what the rest should be: other programs have files with `nodes`, or with `prompt`, too. */
function isMeantAsGraph(value: unknown, depth: number): boolean {
  if (!isRecord(value) || depth > deepestWrapping) return false
  const { nodes, prompt, workflow } = value
  if (Array.isArray(nodes)) return 'last_node_id' in value || nodes.some(isEditorNode)
  if (Object.values(value).some((node) => isRecord(node) && typeof node['class_type'] === 'string')) return true
  const inner = [Array.isArray(prompt) ? prompt[2] : prompt, workflow]
  return inner.some((each) => isMeantAsGraph(typeof each === 'string' ? parse(each) : each, depth + 1))
}

function isEditorNode(node: unknown): boolean {
  if (!isRecord(node) || typeof node['type'] !== 'string' || !('id' in node)) return false
  return ['widgets_values', 'inputs', 'outputs', 'properties'].some((key) => key in node)
}

function parse(text: string): unknown {
  try {
    return parsePythonJson(text)
  } catch {
    return undefined
  }
}

function versionOf(text: string | Buffer): string {
  return createHash('sha1').update(text).digest('base64')
}

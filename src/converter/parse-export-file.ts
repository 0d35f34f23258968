import { isRecord } from '../lib/json-record.ts'
import { readMediaTexts, type MediaTexts } from '../lib/media-texts/read-media-texts.ts'
import { parsePythonJson } from '../lib/parse-python-json.ts'
import { ConversionRefusedError } from './conversion.ts'

/** Under these names ComfyUI puts what it ran into what it saves; some formats write them in capitals. */
const graphNames = ['workflow', 'prompt'] as const
/** Under these some packs put both, as one object. */
const commentNames = new Set(['comment', '\u00a9cmt'])

/**
 * What a file with an export holds, for `readExport`: the JSON that it is, or the graphs that ComfyUI put into a picture,
 * video or sound that it saved.
 * @throws ConversionRefusedError when it is neither JSON nor a media file with a graph
 */
export function parseExportFile(bytes: Buffer): unknown {
  const media = readMediaTexts(bytes)
  return media === undefined ? parseDocument(bytes) : graphsIn(media)
}

function parseDocument(bytes: Buffer): unknown {
  const text = bytes.toString('utf8').replace(/^\uFEFF/, '')
  try {
    return parsePythonJson(text)
  } catch (error) {
    throw refusal(whyNoDocument(text, error), 'Give a workflow that ComfyUI has exported, or a file that it has saved.')
  }
}

function whyNoDocument(text: string, error: unknown): string {
  if (text.trim() === '') return 'The file is empty.'
  if (/^\s*[{[]/.test(text)) return `The file is no JSON: ${error instanceof Error ? error.message : String(error)}.`
  return 'The file is neither JSON nor a picture, video or sound that is known.'
}

function graphsIn({ format, texts }: MediaTexts): unknown {
  const found: Record<string, unknown> = {}
  for (const { name, text } of texts) {
    const known = graphNames.find((each) => each === name.toLowerCase())
    if (known !== undefined) found[known] ??= parsed(text)
  }
  if (Object.keys(found).length > 0) return found
  for (const { name, text } of texts) {
    const both = commentNames.has(name.toLowerCase()) ? parsed(text) : undefined
    if (isRecord(both) && graphNames.some((each) => each in both)) return both
  }
  const settings = texts.find(({ name }) => name.toLowerCase() === 'parameters')
  if (settings !== undefined) return { parameters: settings.text }
  throw refusal(
    `The ${format} file carries no graph.`,
    'ComfyUI puts it into what it saves unless it runs with --disable-metadata, and many programs and sites take it out.',
  )
}

function parsed(text: string): unknown {
  try {
    return parsePythonJson(text)
  } catch {
    return undefined
  }
}

function refusal(message: string, fix: string): ConversionRefusedError {
  return new ConversionRefusedError([{ code: 'not_an_export', message, fix }])
}

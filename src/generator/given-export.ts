import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { buffer as readToEnd } from 'node:stream/consumers'
import { isDeepStrictEqual } from 'node:util'
import type { AskedInstance } from '../comfyui/ask-once.ts'
import { parseExportFile } from '../converter/parse-export-file.ts'
import { readExport } from '../converter/read-export.ts'
import { isRecord } from '../lib/json-record.ts'
import { unreadable } from './unreadable.ts'

/** Where an export is. */
export type ExportPlace =
  /** Any file with a graph; `-` is the standard input. */
  | { readonly kind: 'file'; readonly file: string }
  /** What a ComfyUI has run: by its prompt id, or the newest. */
  | {
      readonly kind: 'history'
      readonly promptId: string | undefined
      readonly instance: AskedInstance
      readonly connectTimeoutMs: number
    }

export interface GivenExport {
  /** For the converter. */
  readonly exported: unknown
  /** For people: the file, or what was asked. */
  readonly label: string
  /** What the workflow is called, where its place says so: the file without its extensions. */
  readonly title: string | undefined
  /** JSON to keep: the file itself where that is a graph, else the graphs in it. */
  readonly copy: string
}

export const standardInput = '-'
const extensions = /(?:\.(?:ui|api))?\.[a-z0-9]{1,11}$/i

/**
 * Reads an export from wherever it is.
 * @throws ConversionRefusedError when the file is none
 * @throws GatewayError when it cannot be read, or a ComfyUI does not give it
 */
export async function readGivenExport(place: ExportPlace): Promise<GivenExport> {
  switch (place.kind) {
    case 'file':
      return readGivenFile(place.file)
    case 'history': {
      // Connections take longer to load than a whole conversion does.
      const { fetchHistoryEntry } = await import('../comfyui/fetch-history-entry.ts')
      const { promptId, entry } = await fetchHistoryEntry(place.instance, place)
      return { exported: entry, label: `prompt ${promptId}`, title: undefined, copy: graphsOf(entry) }
    }
  }
}

async function readGivenFile(file: string): Promise<GivenExport> {
  const isInput = file === standardInput
  const bytes = isInput ? await readToEnd(process.stdin) : await readFile(file).catch(unreadable(file))
  const exported = parseExportFile(bytes)
  return {
    exported,
    label: isInput ? 'the standard input' : file,
    title: isInput ? undefined : basename(file).replace(extensions, ''),
    copy: isBare(exported) ? bytes.toString('utf8') : graphsOf(exported),
  }
}

/** Whether it is a graph itself, with nothing around it. */
function isBare(exported: unknown): boolean {
  const { prompt, workflow } = readExport(exported)
  if (workflow !== undefined) return exported === workflow
  return isRecord(exported) && isDeepStrictEqual(Object.keys(exported), Object.keys(prompt ?? {}))
}

/** The graphs alone: what else is remembered of a run may hold keys of whoever asked for it. */
function graphsOf(exported: unknown): string {
  const { prompt, workflow } = readExport(exported)
  const graphs = { ...(prompt !== undefined && { prompt }), ...(workflow !== undefined && { workflow }) }
  return `${JSON.stringify(graphs, null, 2)}\n`
}

import { stat } from 'node:fs/promises'
import type { ExportFile } from '../modules/scan-folder.ts'
import { exportName, exportRank } from './export-name.ts'
import { ExportError } from './load-export.ts'
import { readExportFile, type ExportContent } from './read-export-file.ts'

/** A file that holds a workflow of ComfyUI, or should. */
export interface ExportRoute {
  /** Route without the leading slash; where it cannot be one, what comes closest. */
  readonly name: string
  /** Path relative to the folder, with `/`. */
  readonly file: string
  /** Absolute path. */
  readonly path: string
  readonly folder: string
  /** As it was found in its folder. */
  readonly origin: ExportFile
  readonly content: { readonly version: string }
  /** Why it cannot be served, whatever is in it. */
  readonly refused: string | undefined
  /**
   * What the file holds now, for a converter.
   * @throws ExportError when that is no workflow
   */
  read(): Promise<unknown>
}

export interface ExportFiles {
  /** Those of the files that hold a workflow or should, the preferred ones first where several have the same route. */
  read(
    files: readonly ExportFile[],
    options: { readonly isServed: (path: string) => boolean; readonly isForced: boolean },
  ): Promise<readonly ExportRoute[]>
}

interface Known {
  /** What the system said of the file; undefined when that would not show the next change. */
  readonly stamp: string | undefined
  readonly content: Exclude<ExportContent, { kind: 'graph' }> | { readonly kind: 'graph'; readonly version: string }
}

/** Some file systems tell times in steps of two seconds. */
const coarsestClockMs = 3000

/** Reads exports, those anew that were written since. */
export function createExportFiles(reservedNames: ReadonlySet<string>): ExportFiles {
  let known = new Map<string, Known>()

  async function look(path: string, isForced: boolean): Promise<Known | undefined> {
    const stamp = await stampOf(path)
    const before = known.get(path)
    if (!isForced && stamp !== undefined && stamp === before?.stamp) return before
    try {
      return { stamp, content: withoutGraph(await readExportFile(path)) }
    } catch {
      // Gone, or not for this process to read: the folder tells when it is there.
      return undefined
    }
  }

  return {
    async read(files, { isServed, isForced }) {
      const next = new Map<string, Known>()
      const routes: ExportRoute[] = []
      // One after the other: a folder may hold hundreds.
      for (const origin of files.toSorted((a, b) => exportRank(a.file) - exportRank(b.file))) {
        const found = await look(origin.path, isForced)
        if (found === undefined) continue
        next.set(origin.path, found)
        const { content } = found
        if (content.kind === 'other' || (content.kind === 'broken' && !content.isMeant && !isServed(origin.path)))
          continue
        const named = origin.name === undefined ? exportName(origin.file, reservedNames) : { name: origin.name }
        routes.push({
          ...origin,
          name: named.name ?? origin.file,
          origin,
          content,
          refused: 'refused' in named ? named.refused : undefined,
          read: () => readGraph(origin.path),
        })
      }
      known = next
      return routes
    },
  }
}

/** Parsed graphs are large, and needed once. */
function withoutGraph(content: ExportContent): Known['content'] {
  return content.kind === 'graph' ? { kind: 'graph', version: content.version } : content
}

async function readGraph(path: string): Promise<unknown> {
  const content = await readExportFile(path)
  switch (content.kind) {
    case 'graph':
      return content.exported
    case 'broken':
      throw new ExportError(content.reason)
    case 'other':
      throw new ExportError('holds no workflow of ComfyUI any more')
  }
}

async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  if (found === undefined || Date.now() - Number(found.mtimeMs) < coarsestClockMs) return undefined
  return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':')
}

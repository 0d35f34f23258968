import { folderSegment, whyReserved } from '../modules/scan-folder.ts'

/** The route of an export, or why it can have none. */
export type ExportName = { readonly name: string } | { readonly name: string | undefined; readonly refused: string }

/** In the order of preference where several files would be the same route: the first says most of a workflow. */
const extensions = ['.json', '.ui.json', '.api.json', '.png']
const longestFirst = extensions.toSorted((a, b) => b.length - a.length)

/**
 * The route of a file by its path in the workflow folder: `sd3.5/draw.ui.json` is `sd3.5/draw`. Dots may be in the names
 * of files, too: those of exports are often named after models, and their extension is known.
 */
export function exportName(file: string, reservedNames: ReadonlySet<string>): ExportName {
  const name = withoutExtension(file)
  const segments = name.split('/')
  const bad = segments.find((segment) => !folderSegment.test(segment))
  if (bad !== undefined) {
    const better = suggestion(bad)
    const rule = 'letters, digits, "_", "-" and single dots, a letter or digit first'
    const hint = better === undefined ? '' : `; call it "${better}"`
    return { name: undefined, refused: `"${bad}" cannot be part of a route: use ${rule}${hint}` }
  }
  const reserved = whyReserved(segments, reservedNames)
  return reserved === undefined ? { name } : { name, refused: reserved }
}

/** The name of a workflow by its file: without folders, and without what says how it is written. */
export function exportTitle(file: string): string {
  return withoutExtension(file.split(/[/\\]/).at(-1) ?? file)
}

/** Smaller is preferred. */
export function exportRank(file: string): number {
  return extensions.indexOf(extensionOf(file))
}

function withoutExtension(file: string): string {
  return file.slice(0, file.length - extensionOf(file).length)
}

function extensionOf(file: string): string {
  const lower = file.toLowerCase()
  return longestFirst.find((extension) => lower.endsWith(extension)) ?? ''
}

function suggestion(segment: string): string | undefined {
  const plain = segment
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/\.{2,}/g, '.')
    .replace(/^[^A-Za-z0-9]+|[._-]+$/g, '')
  return folderSegment.test(plain) ? plain : undefined
}

import type { Dirent, Stats } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, join, resolve, sep } from 'node:path'

/** A file of a workflow folder that should be a route. */
export interface RouteFile {
  /** Route without the leading slash. */
  readonly name: string
  /** Path relative to the folder, with `/`. */
  readonly file: string
  /** Absolute path. */
  readonly path: string
  readonly folder: string
}

/** A file that may hold a workflow of ComfyUI; whether it does, its content tells. */
export interface ExportFile {
  /** Its route, where somebody chose it. Default: the path in the folder. */
  readonly name?: string
  /** Path relative to the folder, with `/`. */
  readonly file: string
  /** Absolute path. */
  readonly path: string
  readonly folder: string
}

export interface RefusedFile {
  readonly file: string
  readonly name: string | undefined
  readonly reason: string
}

export interface ScannedFolder {
  readonly routes: readonly RouteFile[]
  readonly exports: readonly ExportFile[]
  readonly refused: readonly RefusedFile[]
  /** Everything that modules may be made of, routes included: relative paths. */
  readonly files: readonly string[]
  /** Absolute paths of all folders that were read. */
  readonly folders: readonly string[]
}

/** In the order of preference where several files would be the same route. */
export const moduleExtensions = ['.ts', '.mts', '.mjs', '.js']
export const fileSegment = /^[A-Za-z0-9][A-Za-z0-9_-]*$/
/** Folders have no extension to be told from, and model families such as `sd1.5` have a dot. */
export const folderSegment = /^[A-Za-z0-9](?:\.?[A-Za-z0-9_-])*$/
export const exportExtension = /\.(?:json|png)$/i
/** Where the exports lie of which modules were made: the same workflows once more. */
export const copiesFolderName = 'workflow_templates'

/**
 * Reads one workflow folder. Never a route: names that begin with `_` or `.`, `*.d.ts`, `*.test.*`, `node_modules`, and
 * what is in a folder `workflow_templates`. A folder that does not exist is an empty one.
 */
export async function scanFolder(folder: string, reservedNames: ReadonlySet<string>): Promise<ScannedFolder> {
  const root = resolve(folder)
  const realRoot = await realpath(root).catch(() => undefined)
  const routes = new Map<string, RouteFile>()
  const exports: ExportFile[] = []
  const refused: RefusedFile[] = []
  const files: string[] = []
  const folders: string[] = []
  if (realRoot !== undefined) await readFolder('', true, [realRoot])

  async function readFolder(path: string, isRouted: boolean, ancestors: readonly string[]): Promise<void> {
    folders.push(join(root, path))
    const entries = await readdir(join(root, path), { withFileTypes: true }).catch(() => [])
    entries.sort((a, b) => (a.name < b.name ? -1 : 1))
    await Promise.all(entries.map((entry) => readEntry(entry, path, isRouted, ancestors)))
  }

  async function readEntry(
    entry: Dirent,
    parent: string,
    isRouted: boolean,
    ancestors: readonly string[],
  ): Promise<void> {
    if (entry.name === 'node_modules' || entry.name.startsWith('.')) return
    const path = parent === '' ? entry.name : `${parent}/${entry.name}`
    const real = await realPathOf(entry, path, ancestors)
    const kind = await kindOf(entry, real)
    const isPublic = isRouted && !entry.name.startsWith('_')
    if (kind === 'folder' && real !== undefined) {
      // A folder that is linked into itself would never end.
      const isOfCopies = entry.name === copiesFolderName
      if (!ancestors.includes(real)) await readFolder(path, isPublic && !isOfCopies, [...ancestors, real])
      return
    }
    const extension = moduleExtensions.find((each) => entry.name.endsWith(each))
    const isExport = exportExtension.test(entry.name)
    if (extension === undefined && !isExport) return
    // Most pictures are nothing but pictures.
    if (kind !== 'file' && /\.png$/i.test(entry.name)) return
    if (kind === 'outside') {
      if (isPublic) refuse(path, undefined, 'is a symbolic link that leads out of the workflow folder')
      return
    }
    if (kind === 'missing') {
      if (isPublic) refuse(path, undefined, 'is a symbolic link that leads nowhere')
      return
    }
    if (kind === 'other') {
      if (isPublic) refuse(path, undefined, 'is no file that can be read to its end')
      return
    }
    if (extension !== undefined || entry.name.endsWith('.json')) files.push(path)
    if (isPublic && isExport) exports.push({ file: path, path: join(root, path), folder: root })
    if (isPublic && extension !== undefined && !/\.d\.m?ts$|\.test\./.test(entry.name)) addRoute(path, extension)
  }

  function addRoute(path: string, extension: string): void {
    const name = path.slice(0, -extension.length)
    const segments = name.split('/')
    const bad = segments.find((each, index) => !(index < segments.length - 1 ? folderSegment : fileSegment).test(each))
    if (bad !== undefined) {
      refuse(
        path,
        undefined,
        `"${bad}" cannot be part of a route: use letters, digits, "_" and "-", a letter or digit first`,
      )
      return
    }
    const reserved = whyReserved(segments, reservedNames)
    if (reserved !== undefined) {
      refuse(path, name, reserved)
      return
    }
    const route: RouteFile = { name, file: path, path: join(root, path), folder: root }
    const other = routes.get(name)
    if (other === undefined) {
      routes.set(name, route)
      return
    }
    const [kept, dropped] = rank(other.file) < rank(path) ? [other, route] : [route, other]
    routes.set(name, kept)
    refuse(dropped.file, name, `the route /${name} is served from ${kept.file}`)
  }

  function refuse(file: string, name: string | undefined, reason: string): void {
    refused.push({ file, name, reason })
  }

  /** Only links lead elsewhere: to ask for every file of a large folder takes longer than to read it. */
  async function realPathOf(entry: Dirent, path: string, ancestors: readonly string[]): Promise<string | undefined> {
    const parent = ancestors.at(-1)
    if (!entry.isSymbolicLink() && parent !== undefined) return join(parent, entry.name)
    return realpath(join(root, path)).catch(() => undefined)
  }

  async function kindOf(entry: Dirent, real: string | undefined): Promise<EntryKind> {
    if (real === undefined || realRoot === undefined) return 'missing'
    if (!entry.isSymbolicLink()) return plainKindOf(entry)
    if (!real.startsWith(realRoot + sep)) return 'outside'
    return stat(real).then(plainKindOf, () => 'missing')
  }

  return { routes: [...routes.values()], exports, refused, files, folders }
}

/** `other`: pipes and devices, whose reading might never end. */
type EntryKind = 'folder' | 'file' | 'other' | 'outside' | 'missing'

function plainKindOf(entry: Dirent | Stats): 'folder' | 'file' | 'other' {
  if (entry.isDirectory()) return 'folder'
  return entry.isFile() ? 'file' : 'other'
}

/** Why a route belongs to the server; undefined when it does not. */
export function whyReserved(segments: readonly string[], reservedNames: ReadonlySet<string>): string | undefined {
  const [first] = segments
  if (first === undefined || !reservedNames.has(first)) return undefined
  return `/${first} is a route of the server itself: give the ${segments.length > 1 ? 'folder' : 'file'} another name`
}

/** How a folder is called in messages, which never hold absolute paths. */
export function folderLabel(folder: string): string {
  return basename(resolve(folder))
}

function rank(file: string): number {
  return moduleExtensions.findIndex((extension) => file.endsWith(extension))
}

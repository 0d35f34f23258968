import { existsSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { GatewayError } from '../errors/gateway-error.ts'
import { reservedNames } from '../workflows/modules/reserved-names.ts'
import {
  copiesFolderName,
  fileSegment,
  folderSegment,
  moduleExtensions,
  whyReserved,
} from '../workflows/modules/scan-folder.ts'

/** Where a module goes, and what comes of that. */
export interface ModulePlace {
  /** Absolute path of the module. */
  readonly path: string
  /** The folder that is served with it; absolute. */
  readonly folder: string
  /** Route without the leading slash. */
  readonly route: string
  /** Absolute path of the copy of the export. */
  readonly copyPath: string
}

export interface ModulePlaceOptions {
  /** File or folder that somebody named. */
  readonly target: string | undefined
  /** Absolute paths of the workflow folders that somebody has; the first one is for modules without a target. */
  readonly folders: readonly string[]
  /** What the workflow is called, where its export says so. */
  readonly title: string | undefined
}

const moduleExtension = /\.m?[jt]s$/
/** What `init` puts into a workflow folder, and what such a folder is often called. */
const folderMark = '.comfyui-api'
const usualFolder = 'workflows'

/**
 * @throws GatewayError `validation_error` when no workflow can be served from there
 */
export function chooseModulePlace({ target, folders, title }: ModulePlaceOptions): ModulePlace {
  const path = modulePath(target ?? defaultFolder(folders), target === undefined, title)
  const folder = workflowFolderOf(path, folders)
  const file = toPosix(relative(folder, path))
  const route = file.replace(moduleExtension, '')
  refuseBadRoute(file, route)
  refuseTakenRoute(folder, file, route)
  return { path, folder, route, copyPath: join(copiesOf(folder, folders), `${route}.json`) }
}

/** `My Flow (2)` is `my_flow_2`; undefined when nothing is left of it. */
export function moduleName(title: string): string | undefined {
  const name = title
    .normalize('NFKD')
    .replace(/\p{Mark}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9_-]+/g, '_')
    .replace(/_{2,}/g, '_')
    .replace(/^[_-]+|[_-]+$/g, '')
  return name === '' ? undefined : name
}

function modulePath(target: string, isFolder: boolean, title: string | undefined): string {
  if (!isFolder && moduleExtension.test(target) && !isDirectory(target)) return resolve(target)
  if (!isFolder && !/[/\\]$/.test(target) && !isDirectory(target)) {
    throw invalid(
      `${target === '' ? "''" : target} is neither a folder nor a module: the name of a module ends in .ts.`,
    )
  }
  const name = title === undefined ? undefined : moduleName(title)
  if (name === undefined) {
    throw invalid(`Say what the module is called, such as ${join(target, 'draw.ts')}: its export has no name for it.`)
  }
  return resolve(target, `${name}.ts`)
}

function defaultFolder([first]: readonly string[]): string {
  return first ?? (existsSync(folderMark) ? '.' : usualFolder)
}

function workflowFolderOf(path: string, folders: readonly string[]): string {
  const named = folders.filter((folder) => path.startsWith(folder + sep)).toSorted((a, b) => b.length - a.length)
  if (named[0] !== undefined) return named[0]
  for (let folder = dirname(path); folder !== dirname(folder); folder = dirname(folder)) {
    if (isWorkflowFolder(folder, folders)) return folder
  }
  return outermostBelow(process.cwd(), dirname(path)) ?? dirname(path)
}

/** Where nothing tells, `mine/draw/box.ts` is for whoever serves `mine`. */
function outermostBelow(start: string, folder: string): string | undefined {
  const [first, ...others] = relative(start, folder).split(sep)
  return first === undefined || first === '..' || others.length === 0 ? undefined : join(start, first)
}

/**
 * Beside the folder. What is beside one that is only where somebody wants the module may be nothing of theirs: there the
 * copies are in it, under a name that is no route.
 */
function copiesOf(folder: string, folders: readonly string[]): string {
  const parent = dirname(folder)
  const isOwn = isWorkflowFolder(folder, folders) || !relative('', parent).startsWith('..')
  return isOwn ? join(parent, copiesFolderName) : join(folder, `_${copiesFolderName}`)
}

function isWorkflowFolder(folder: string, folders: readonly string[]): boolean {
  return folders.includes(folder) || basename(folder) === usualFolder || existsSync(join(folder, folderMark))
}

function refuseBadRoute(file: string, route: string): void {
  const segments = route.split('/')
  const last = segments.length - 1
  const bad = segments.find((segment, index) => !(index < last ? folderSegment : fileSegment).test(segment))
  if (bad !== undefined || /\.d\.|\.test\./.test(file)) {
    const rule = 'letters, digits, "_" and "-", a letter or digit first; in names of folders also dots'
    throw invalid(
      `Nothing would be served from ${file}: "${bad ?? basename(file)}" cannot be part of a route. Use ${rule}.`,
    )
  }
  const reserved = whyReserved(segments, reservedNames)
  if (reserved !== undefined) throw invalid(`${reserved}.`)
}

/** Of two modules with one route the server takes one, and tells of the other. */
function refuseTakenRoute(folder: string, file: string, route: string): void {
  const others = moduleExtensions.map((extension) => `${route}${extension}`).filter((other) => other !== file)
  const taken = others.find((other) => existsSync(join(folder, other)))
  if (taken !== undefined) throw invalid(`/${route} is the route of ${taken} already: use that file, or another name.`)
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function invalid(detail: string): GatewayError {
  return new GatewayError('validation_error', { detail })
}

function toPosix(path: string): string {
  return path.split(sep).join('/')
}

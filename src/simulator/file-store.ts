import { createHash } from 'node:crypto'

export type FileRoot = 'input' | 'output' | 'temp'

export interface StoredFile {
  bytes: Buffer
  modified: Date
  /** Quoted, as the header has it. */
  etag: string
}

export interface FileStore {
  get(root: FileRoot, path: string): StoredFile | undefined
  put(root: FileRoot, path: string, bytes: Buffer): void
  remove(root: FileRoot, path: string): void
  /** Removes everything below a root. */
  clear(root: FileRoot): void
  /** Whether a file or a folder has this path; the root itself has the path ''. */
  exists(root: FileRoot, path: string): boolean
  isFolder(root: FileRoot, path: string): boolean
  /** Names in a folder, without the folders in it. */
  names(root: FileRoot, folder: string): string[]
  /** Paths, from the root, of all files in a folder and in those in it. */
  pathsBelow(root: FileRoot, folder: string): string[]
  /** One more than the highest counter of the files `prefix_00001_.ext` that were put into a folder. */
  nextCounter(root: FileRoot, folder: string, prefix: string): number
  makeFolder(root: FileRoot, path: string): void
  /** Grows with every change of a root. */
  revision(root: FileRoot): number
}

/** Prefixes whose counters are remembered. */
const maxCounters = 50_000

/**
 * The folders of the server, in memory. Paths are relative and normalised by `normalisePath`.
 * @param maxBytes of output and temp together; the oldest of them are forgotten beyond it
 */
export function createFileStore({ maxBytes }: { maxBytes: number }): FileStore {
  const files = new Map<string, StoredFile>()
  const folders = new Set<string>()
  const counters = new Map<string, number>()
  const revisions = { input: 0, output: 0, temp: 0 }
  let storedBytes = 0
  const key = (root: FileRoot, path: string): string => `${root}/${path}`

  function forgetOldest(): void {
    for (const [name, file] of files) {
      if (storedBytes <= maxBytes) return
      if (name.startsWith('input/')) continue
      files.delete(name)
      storedBytes -= file.bytes.length
    }
  }

  function count(name: string): void {
    const [, prefix, digits] = /^(.*)_(\d+)_/s.exec(name) ?? []
    if (prefix === undefined) return
    const highest = Math.max(counters.get(prefix) ?? 0, Number(digits))
    counters.delete(prefix)
    counters.set(prefix, highest)
    const [eldest] = counters.size > maxCounters ? counters.keys() : []
    if (eldest !== undefined) counters.delete(eldest)
  }

  function forget(name: string, root: FileRoot): void {
    const file = files.get(name)
    if (file === undefined) return
    files.delete(name)
    if (root !== 'input') storedBytes -= file.bytes.length
    revisions[root] += 1
  }

  return {
    get: (root, path) => files.get(key(root, path)),
    put(root, path, bytes) {
      const name = key(root, path)
      const counted = root !== 'input'
      if (counted) storedBytes += bytes.length - (files.get(name)?.bytes.length ?? 0)
      const modified = new Date()
      const etag = `"${modified.getTime().toString(16)}-${revisions[root].toString(16)}-${bytes.length.toString(16)}"`
      files.delete(name)
      files.set(name, { bytes, modified, etag })
      this.makeFolder(root, parentOf(path))
      count(name)
      revisions[root] += 1
      if (counted && storedBytes > maxBytes) forgetOldest()
    },
    remove: (root, path) => forget(key(root, path), root),
    clear(root) {
      const isBelow = (name: string): boolean => name.startsWith(`${root}/`)
      for (const name of [...files.keys()].filter(isBelow)) forget(name, root)
      for (const name of [...folders].filter(isBelow)) folders.delete(name)
      for (const name of [...counters.keys()].filter(isBelow)) counters.delete(name)
    },
    exists: (root, path) => path === '' || files.has(key(root, path)) || folders.has(key(root, path)),
    isFolder: (root, path) => path === '' || folders.has(key(root, path)),
    names(root, folder) {
      const prefix = folder === '' ? `${root}/` : `${root}/${folder}/`
      const names: string[] = []
      for (const name of files.keys()) {
        if (name.startsWith(prefix) && !name.includes('/', prefix.length)) names.push(name.slice(prefix.length))
      }
      return names
    },
    pathsBelow: (root, folder) =>
      [...files.keys()]
        .filter((name) => name.startsWith(`${root}/${folder}/`))
        .map((name) => name.slice(root.length + 1)),
    nextCounter: (root, folder, prefix) =>
      1 + (counters.get(key(root, folder === '' ? prefix : `${folder}/${prefix}`)) ?? 0),
    makeFolder(root, path) {
      for (let folder = path; folder !== '' && !folders.has(key(root, folder)); folder = parentOf(folder)) {
        folders.add(key(root, folder))
      }
    },
    revision: (root) => revisions[root],
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** The path below its root, '' for the root itself; undefined when it leads out of the root. */
export function normalisePath(...parts: string[]): string | undefined {
  const result: string[] = []
  for (const part of parts) {
    if (part.startsWith('/')) return undefined
    for (const segment of part.split('/')) {
      if (segment === '' || segment === '.') continue
      if (segment !== '..') result.push(segment)
      else if (result.pop() === undefined) return undefined
    }
  }
  return result.join('/')
}

/** A file name as loader nodes take it: `name`, or `name [output]` for another root. */
export function annotatedName(name: string): { root: FileRoot; path: string } {
  if (name.endsWith('[input]')) return { root: 'input', path: name.slice(0, -8) }
  if (name.endsWith('[output]')) return { root: 'output', path: name.slice(0, -9) }
  if (name.endsWith('[temp]')) return { root: 'temp', path: name.slice(0, -7) }
  return { root: 'input', path: name }
}

export function contentHash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}

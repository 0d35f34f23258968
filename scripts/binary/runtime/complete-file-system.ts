import { EventEmitter } from 'node:events'
import fs, { Dirent } from 'node:fs'
import { join } from 'node:path'

interface ListOptions {
  readonly withFileTypes?: boolean
  readonly recursive?: boolean
}

/**
 * The packer's file system inside the binary lists folders by name only, and cannot watch them. This adds what the program
 * uses of the rest. Paths outside of `folder` stay with the system.
 */
export function completeFileSystem(folder: string): void {
  const isInside = (path: unknown): path is string => typeof path === 'string' && path.startsWith(`${folder}/`)

  const { readdir } = fs.promises
  Reflect.set(fs.promises, 'readdir', async (path: string, options?: ListOptions) => {
    if (!isInside(path) || (options?.withFileTypes !== true && options?.recursive !== true))
      return readdir(path, options as object)
    const entries = list(path, options.recursive === true)
    return options.withFileTypes === true ? entries : entries.map((entry) => relativeTo(path, entry))
  })

  const { watch } = fs
  Reflect.set(fs, 'watch', (path: string, ...rest: unknown[]): unknown =>
    isInside(path)
      ? Object.assign(new EventEmitter(), { close: () => undefined })
      : (Reflect.apply(watch, fs, [path, ...rest]) as unknown),
  )
}

function list(folder: string, isDeep: boolean): Dirent[] {
  return fs.readdirSync(folder).flatMap((name) => {
    const isFolder = fs.statSync(join(folder, name)).isDirectory()
    const entry = new Dirent()
    Object.assign(entry, {
      name,
      parentPath: folder,
      isDirectory: () => isFolder,
      isFile: () => !isFolder,
      isSymbolicLink: () => false,
    })
    return isFolder && isDeep ? [entry, ...list(join(folder, name), isDeep)] : [entry]
  })
}

function relativeTo(folder: string, { parentPath, name }: Dirent): string {
  return join(parentPath, name).slice(folder.length + 1)
}

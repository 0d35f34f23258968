import { EventEmitter } from 'node:events'
import fs, { type BigIntStats, Dirent, type StatOptions, type Stats } from 'node:fs'
import { join } from 'node:path'
import { readBytes, type Archive } from './archive.ts'

/**
 * Shows the files of an archive below the path of its executable, where the system has none, through those functions of
 * `node:fs` that the program reads its own files with. Anything else, a file that the archive does not have too, is for
 * the system to answer.
 */
export function showArchive({ executable, fd, index }: Archive): void {
  const prefix = `${executable}/`
  const folders = foldersOf(Object.keys(index))

  /** Undefined for what is not in the archive. */
  const nameOf = (path: unknown): string | undefined => {
    if (typeof path !== 'string' || !path.startsWith(prefix)) return undefined
    const name = path.slice(prefix.length)
    return Object.hasOwn(index, name) || folders.has(name) ? name : undefined
  }
  const replace = (
    module: object,
    name: string,
    show: (name: string, ...rest: readonly unknown[]) => unknown,
  ): void => {
    const original: unknown = Reflect.get(module, name)
    if (typeof original !== 'function') throw new Error(`node:fs has no ${name}`)
    const replacement = (...given: readonly unknown[]): unknown => {
      const found = nameOf(given[0])
      return found === undefined ? (Reflect.apply(original, module, given) as unknown) : show(found, ...given.slice(1))
    }
    // Functions have members, as realpathSync has one that is native, which modules outside may use.
    Reflect.set(module, name, Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original)))
  }

  const place = (name: string): readonly [offset: number, sizeBytes: number] => {
    const found = index[name]
    if (found === undefined) throw Object.assign(new Error(`EISDIR: ${name} is a folder`), { code: 'EISDIR' })
    return found
  }
  const read = (name: string, options: unknown): Buffer | string => {
    const bytes = readBytes(fd, ...place(name))
    const encoding = typeof options === 'string' ? options : memberOf(options, 'encoding')
    return typeof encoding === 'string' ? bytes.toString(encoding as BufferEncoding) : bytes
  }
  const stat = (name: string, options: unknown): Stats | BigIntStats => {
    const stats = fs.fstatSync(fd, options as StatOptions)
    const sizeBytes = index[name]?.[1] ?? 0
    const kind = Object.hasOwn(index, name) ? fs.constants.S_IFREG : fs.constants.S_IFDIR
    if (typeof stats.size === 'bigint') Object.assign(stats, { size: BigInt(sizeBytes), mode: BigInt(kind | 0o555) })
    else Object.assign(stats, { size: sizeBytes, mode: kind | 0o555 })
    return stats
  }
  const list = (name: string, options: unknown): readonly (Dirent | string)[] =>
    [...Object.keys(index), ...folders]
      .filter((each) => each.startsWith(`${name}/`) && !each.includes('/', name.length + 1))
      .map((each) => {
        const entry = each.slice(name.length + 1)
        const isFile = Object.hasOwn(index, each)
        return memberOf(options, 'withFileTypes') === true ? direntOf(entry, join(executable, name), isFile) : entry
      })

  replace(fs, 'existsSync', () => true)
  replace(fs, 'readFileSync', read)
  replace(fs, 'statSync', stat)
  replace(fs, 'realpathSync', (name) => join(executable, name))
  replace(fs, 'stat', (name, ...rest) => {
    const callback = rest.at(-1)
    if (typeof callback === 'function') process.nextTick(callback, null, stat(name, rest.length > 1 ? rest[0] : {}))
  })
  replace(fs, 'watch', () => Object.assign(new EventEmitter(), { close: () => undefined }))
  const { createReadStream } = fs
  replace(fs, 'createReadStream', (name, options) => {
    const [offset, sizeBytes] = place(name)
    const [start, end] = [memberOf(options, 'start'), memberOf(options, 'end')]
    return createReadStream(executable, {
      fd,
      autoClose: false,
      start: offset + (typeof start === 'number' ? start : 0),
      end: offset + Math.min(typeof end === 'number' ? end : sizeBytes, sizeBytes - 1),
    })
  })

  replace(fs.promises, 'readFile', async (name, options) => read(name, options))
  replace(fs.promises, 'readdir', async (name, options) => list(name, options))
  replace(fs.promises, 'stat', async (name, options) => stat(name, options))
  replace(fs.promises, 'realpath', async (name) => join(executable, name))
}

function foldersOf(files: readonly string[]): ReadonlySet<string> {
  const folders = files.flatMap((file) => {
    const names = file.split('/').slice(0, -1)
    return names.map((_, count) => names.slice(0, count + 1).join('/'))
  })
  return new Set(folders)
}

function memberOf(options: unknown, name: string): unknown {
  return typeof options === 'object' && options !== null ? Reflect.get(options, name) : undefined
}

function direntOf(name: string, parentPath: string, isFile: boolean): Dirent {
  const entry = new Dirent()
  return Object.assign(entry, {
    name,
    parentPath,
    isDirectory: () => !isFile,
    isFile: () => isFile,
    isSymbolicLink: () => false,
  })
}

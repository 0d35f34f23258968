import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'

/** What lies in `native/` beside the program. */
interface NativeFiles {
  /** Changes whenever one of the files does. */
  readonly version: string
  /** Name of a package → its files, the one that is loaded first; paths relative to `native/`. */
  readonly packages: Readonly<Record<string, readonly { readonly path: string; readonly sizeBytes: number }[]>>
}

const inside = join(__dirname, 'native')
const offered = new Set<string>()

/** Says where a copy may lie when the user has no folder for such things. */
export function offerFolder(folder: string | undefined): void {
  if (folder !== undefined) offered.add(folder)
}

/**
 * Loads native code. The system loads it from real files only, so it is copied out once, to a folder that nobody but this
 * user may write to; every later start finds the copy.
 * @throws AggregateError when no folder takes it
 */
export function loadNativeCode(name: string): unknown {
  const { version, packages } = JSON.parse(readFileSync(join(inside, 'files.json'), 'utf8')) as NativeFiles
  const files = packages[name] ?? []
  const [main] = files
  if (main === undefined) throw new Error(`The binary was made without ${name}`)
  const errors: unknown[] = []
  for (const parent of possibleFolders()) {
    try {
      const folder = join(ownFolder(parent), `native-${version}`)
      for (const { path, sizeBytes } of files) copyOut(join(inside, path), join(folder, path), sizeBytes)
      const file = join(folder, main.path)
      return createRequire(file)(file)
    } catch (error) {
      errors.push(error)
    }
  }
  const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)))
  throw new AggregateError(errors, `There is no folder from which ${name} can be loaded: ${reasons.join('; ')}`)
}

function possibleFolders(): readonly string[] {
  const caches = cacheFolder()
  return [
    ...(caches === undefined ? [] : [join(caches, 'comfyui-api')]),
    ...offered,
    join(tmpdir(), `comfyui-api-${String(process.getuid?.() ?? '')}`),
  ]
}

function cacheFolder(): string | undefined {
  const given = process.env['XDG_CACHE_HOME']
  if (given !== undefined && isAbsolute(given)) return given
  try {
    return join(homedir(), '.cache')
  } catch {
    // A user whom the system does not know has no home.
    return undefined
  }
}

/** Made when it is missing. @throws for one that others own or may write to */
function ownFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const found = lstatSync(folder)
  if (!found.isDirectory()) throw new Error(`${folder} is no folder`)
  if (found.uid !== process.getuid?.()) throw new Error(`${folder} belongs to somebody else`)
  if ((found.mode & 0o022) !== 0) throw new Error(`others may write to ${folder}`)
  return folder
}

/** Several processes may do this at the same moment. */
function copyOut(source: string, target: string, sizeBytes: number): void {
  if (statSync(target, { throwIfNoEntry: false })?.size === sizeBytes) return
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 })
  const part = `${target}.${String(process.pid)}.part`
  try {
    writeFileSync(part, readFileSync(source))
    chmodSync(part, 0o700)
    renameSync(part, target)
  } finally {
    rmSync(part, { force: true })
  }
}

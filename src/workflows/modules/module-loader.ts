import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, realpathSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import {
  createRequire,
  getSourceMapsSupport,
  registerHooks,
  setSourceMapsSupport,
  type LoadFnOutput,
  type LoadHookContext,
  type ResolveFnOutput,
  type ResolveHookContext,
  type SourceMapPayload,
} from 'node:module'
import { extname, isAbsolute, relative, resolve, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { hostModuleSource, saladModuleSource, shareHostModules, unshareHostModules } from './host-module-source.ts'
import type { HostModules } from './host-modules.ts'
import { MissingImportError } from './missing-import-error.ts'
import type { ModulePosition } from './module-position.ts'
import { isZod3, moduleKind, zodImportOf } from './module-source.ts'
import { resolveFile } from './resolve-file.ts'
import { saladNameOf, type SaladModules } from '../salad/salad-modules.ts'
import { ModuleSyntaxError, originalPosition, type TranspileModule } from './transpile-module.ts'

export interface ModuleLoaderOptions {
  /** Absolute paths of the workflow folders. */
  readonly folders: readonly string[]
  readonly hostModules: HostModules
  /** `../config` and `../types` of modules that were written for Salad's comfyui-api, as they are now. */
  readonly saladModules: () => SaladModules
  /** `(url) => import(url)` of a file that Node itself loaded: bundlers and test runners replace `import()`. */
  readonly importModule: (url: string) => Promise<unknown>
  /** Needed for `.ts` and `.mts` files only; called when the first one is loaded. */
  readonly transpile: () => TranspileModule
}

export interface ModuleLoader {
  /** Imports a module in its present generation. Rejects with whatever the module throws, or why it cannot be loaded. */
  load(file: string): Promise<unknown>
  /**
   * Looks again at what was loaded. Files that changed, and the files that import them, get a new generation.
   * @param retry files to load again even though nothing changed, because they failed
   * @param reads which files are read: all, or those of which the system says that they were written since
   * @returns the absolute paths of all files whose next `load` is a new one
   */
  refresh(retry?: Iterable<string>, reads?: 'all' | 'written'): Promise<ReadonlySet<string>>
  /** Whether a file is a part of a module that was loaded. */
  isImported(path: string): boolean
  /** Whether a module was loaded that has `../config` from this process. */
  readonly usesSaladConfig: boolean
  /** The first place in a loaded module that an error comes from, in terms of its source. */
  locate(error: unknown): ModulePosition | undefined
  /** Takes the hooks out. Modules that were loaded go on working. */
  close(): void
}

interface LoadedFile {
  generation: number
  /** Hash of the content that was loaded last; undefined before the first load and when it could not be read. */
  hash: string | undefined
  /** What the system said of the file when it had this content; undefined when that would not show the next change. */
  stamp: string | undefined
  map: SourceMapPayload | undefined
  /** Node calls a CommonJS module by its plain path when that imports something. */
  isCommonJs: boolean
  /** The import by which it gets Zod. */
  zod: string
  readonly imports: Set<string>
}

const hostScheme = 'comfyui-api-host:'
/** Stands for `../config` of this process among the files that a module imports. */
const saladConfigFile = `${hostScheme}config`
/** Some file systems tell times in steps of two seconds. */
const coarsestClockMs = 3000
const versionParameter = 'comfyui-api'

/**
 * Loads workflow modules as real ES modules through `module.registerHooks`. Only files of the workflow folders, and
 * files that they import by a relative path, are touched: each is imported as `file:///…?comfyui-api=<loader>.<generation>`,
 * which is also how the hooks know their own.
 */
export function createModuleLoader(options: ModuleLoaderOptions): ModuleLoader {
  const id = randomUUID().slice(0, 8)
  const files = new Map<string, LoadedFile>()
  const folders = options.folders.map((folder) => ({ path: resolve(folder), real: realPath(resolve(folder)) }))
  const isOwn = new RegExp(`[?&]${versionParameter}=${id}\\.`)
  const sourceMaps = getSourceMapsSupport()
  const hostKey = `comfyui-api.host-modules.${id}`
  let saladVersion = options.saladModules().version
  shareHostModules(hostKey, { modules: options.hostModules, salad: options.saladModules })
  setSourceMapsSupport(true, { nodeModules: false, generatedCode: false })
  const requireCache = createRequire(import.meta.url).cache
  const hooks = registerHooks({ resolve: resolveHook, load: loadHook })

  function resolveHook(
    specifier: string,
    context: ResolveHookContext,
    next: (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput,
  ): ResolveFnOutput {
    if (isOwn.test(specifier)) return { url: specifier, shortCircuit: true }
    // What a module of this process imports says exactly what it means.
    if (context.parentURL?.startsWith(hostScheme) === true) {
      const isHosts = specifier.startsWith(hostScheme)
      return { url: specifier, ...(isHosts && { format: 'module' }), shortCircuit: true }
    }
    const parent = ownFile(context.parentURL)
    if (parent === undefined) return next(specifier, context)
    if (specifier === 'zod') {
      const own = ownZod3(context, next)
      if (own !== undefined) return own
    }
    if (Object.hasOwn(options.hostModules, specifier)) {
      return { url: `${hostScheme}${id}/${specifier}`, format: 'module', shortCircuit: true }
    }
    const path = importedPath(specifier, parent)
    if (path === undefined) return next(specifier, context)
    const file = resolveFile(path)
    const saladName = saladNameOf(specifier)
    if (saladName !== undefined && (file === undefined || file.endsWith('.json'))) {
      return resolveSalad(saladName, parent, resolveHook(known(parent).zod, context, next).url)
    }
    if (file === undefined) throw new MissingImportError(specifier, parent)
    if (isPackageFile(file)) return next(pathToFileURL(file).href, context)
    refuseEscape(file)
    files.get(parent)?.imports.add(file)
    return { url: versionedUrl(file), importAttributes: context.importAttributes, shortCircuit: true }
  }

  /** A folder with Zod 3 of its own keeps it; every other Zod would only be a second copy of the one here. */
  function ownZod3(
    context: ResolveHookContext,
    next: (specifier: string, context?: Partial<ResolveHookContext>) => ResolveFnOutput,
  ): ResolveFnOutput | undefined {
    try {
      const own = next('zod', context)
      return isZod3(own.url) ? own : undefined
    } catch {
      return undefined
    }
  }

  function resolveSalad(name: 'config' | 'types', parent: string, zodUrl: string): ResolveFnOutput {
    if (name === 'config') known(parent).imports.add(saladConfigFile)
    const query = new URLSearchParams({ zod: zodUrl, version: hashOf(options.saladModules().version) })
    return { url: `${hostScheme}${id}/salad/${name}?${query.toString()}`, format: 'module', shortCircuit: true }
  }

  function loadHook(
    url: string,
    context: LoadHookContext,
    next: (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput,
  ): LoadFnOutput {
    if (url.startsWith(hostScheme)) return loadHostModule(url, context, next)
    if (!isOwn.test(url)) return next(url, context)
    const file = fileOf(url)
    const loaded = known(file)
    const source = readFileSync(file, 'utf8')
    loaded.hash = hashOf(source)
    loaded.zod = zodImportOf(source)
    switch (extname(file)) {
      case '.ts':
      case '.mts': {
        const { code, map } = options.transpile()(file, source)
        loaded.map = map
        loaded.isCommonJs = moduleKind(code) === 'commonjs'
        const format = loaded.isCommonJs ? 'commonjs' : 'module'
        return { format, source: withSourceMap(code, map), shortCircuit: true }
      }
      case '.json': {
        if (context.importAttributes.type === 'json') return { format: 'json', source, shortCircuit: true }
        return { format: 'module', source: `export default JSON.parse(${JSON.stringify(source)})`, shortCircuit: true }
      }
      default: {
        const kind = moduleKind(source)
        loaded.isCommonJs = kind !== 'module'
        // The syntax tells, whatever the package.json above was meant for.
        return kind === undefined ? next(url, context) : { format: kind, source, shortCircuit: true }
      }
    }
  }

  function loadHostModule(
    url: string,
    context: LoadHookContext,
    next: (url: string, context?: Partial<LoadHookContext>) => LoadFnOutput,
  ): LoadFnOutput {
    const [owner, ...rest] = url.slice(hostScheme.length).split('/')
    const specifier = rest.join('/')
    if (owner === id && rest[0] === 'salad') {
      return { format: 'module', source: saladModuleSource(hostKey, new URL(url)), shortCircuit: true }
    }
    const namespace = owner === id ? options.hostModules[specifier] : undefined
    if (namespace === undefined) return next(url, context)
    return { format: 'module', source: hostModuleSource(hostKey, specifier, namespace), shortCircuit: true }
  }

  function ownFile(url: string | undefined): string | undefined {
    if (url === undefined) return undefined
    if (isOwn.test(url)) return fileOf(url)
    // A CommonJS module asks with its plain path.
    if (!url.startsWith('file:')) return undefined
    const file = fileURLToPath(url)
    return files.get(file)?.isCommonJs === true ? file : undefined
  }

  function refuseEscape(file: string): void {
    const folder = folders.find(({ path }) => isInside(path, file))
    if (folder === undefined || isInside(folder.real, realPath(file))) return
    throw new Error(`"${relative(folder.path, file)}" is a symbolic link that leads out of the workflow folder`)
  }

  function isPackageFile(file: string): boolean {
    const folder = folders.find(({ path }) => isInside(path, file))
    return (folder === undefined ? file : relative(folder.path, file)).split(sep).includes('node_modules')
  }

  function known(file: string): LoadedFile {
    let loaded = files.get(file)
    if (loaded === undefined) {
      loaded = {
        generation: 1,
        hash: undefined,
        stamp: undefined,
        map: undefined,
        isCommonJs: false,
        zod: 'zod',
        imports: new Set(),
      }
      files.set(file, loaded)
    }
    return loaded
  }

  function versionedUrl(file: string): string {
    const url = pathToFileURL(file)
    url.searchParams.set(versionParameter, `${id}.${known(file).generation}`)
    return url.href
  }

  async function refresh(
    retry: Iterable<string> = [],
    reads: 'all' | 'written' = 'written',
  ): Promise<ReadonlySet<string>> {
    const renewed = new Set<string>()
    for (const file of retry) addWithImports(file, renewed)
    const { version } = options.saladModules()
    if (version !== saladVersion) {
      renewed.add(saladConfigFile)
      for (const key of Object.keys(requireCache)) if (key.includes(`${hostScheme}${id}/salad/`)) forget(key)
    }
    saladVersion = version
    await Promise.all(
      [...files].map(async ([file, loaded]) => {
        const before = loaded.hash
        const stamp = await stampOf(file)
        if (reads === 'written' && stamp !== undefined && stamp === loaded.stamp) return
        const content = await readFile(file, 'utf8').catch(() => undefined)
        if (before === undefined || loaded.hash !== before) return
        loaded.stamp = stamp
        if (content === undefined || hashOf(content) !== before) renewed.add(file)
      }),
    )
    for (let size = -1; size !== renewed.size;) {
      size = renewed.size
      for (const [file, { imports }] of files) if ([...imports].some((path) => renewed.has(path))) renewed.add(file)
    }
    for (const file of renewed) renew(file)
    return renewed
  }

  function addWithImports(file: string, into: Set<string>): void {
    if (into.has(file)) return
    into.add(file)
    for (const path of files.get(file)?.imports ?? []) addWithImports(path, into)
  }

  function renew(file: string): void {
    const loaded = files.get(file)
    if (loaded === undefined) return
    loaded.generation += 1
    loaded.hash = undefined
    loaded.stamp = undefined
    loaded.imports.clear()
    forget(file)
  }

  /** Node keeps what CommonJS modules require by its path, whatever the query says. */
  function forget(file: string): void {
    Reflect.deleteProperty(requireCache, file)
  }

  function locate(error: unknown): ModulePosition | undefined {
    for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
      if (cause instanceof ModuleSyntaxError) {
        return cause.line === undefined ? undefined : { file: cause.file, line: cause.line, column: cause.column }
      }
      if (cause instanceof MissingImportError) return cause.position()
      const position = firstOwnFrame(cause.stack ?? '')
      if (position !== undefined) return position
    }
    return undefined
  }

  function firstOwnFrame(stack: string): ModulePosition | undefined {
    for (const line of stack.split('\n')) {
      const frame = /(file:\/\/[^\s()]+?|\/[^():]+?):(\d+)(?::(\d+))?\)?$/.exec(line)
      const place = frame?.[1]
      if (frame === null || place === undefined) continue
      const own = isOwn.test(place)
      const file = place.startsWith('file:') ? fileOf(place) : place
      const loaded = files.get(file)
      if (loaded === undefined) continue
      const at = { line: Number(frame[2]), column: frame[3] === undefined ? undefined : Number(frame[3]) }
      // Node has translated frames without the query already.
      const map = own ? loaded.map : undefined
      const origin = map === undefined ? at : (originalPosition(map, at.line, at.column ?? 1) ?? at)
      return { file, line: origin.line, column: at.column === undefined ? undefined : origin.column }
    }
    return undefined
  }

  return {
    load: (file) => Promise.resolve().then(() => options.importModule(versionedUrl(file))),
    refresh,
    locate,
    isImported: (path) => [...files.values()].some(({ imports }) => imports.has(path)),
    get usesSaladConfig() {
      return [...files.values()].some(({ imports }) => imports.has(saladConfigFile))
    },
    close() {
      hooks.deregister()
      unshareHostModules(hostKey)
      setSourceMapsSupport(sourceMaps.enabled, sourceMaps)
    },
  }
}

function importedPath(specifier: string, parent: string): string | undefined {
  if (/^\.\.?(\/|$)/.test(specifier)) return fileURLToPath(new URL(specifier, pathToFileURL(parent)))
  if (specifier.startsWith('file:')) return fileURLToPath(specifier)
  return isAbsolute(specifier) ? specifier : undefined
}

function fileOf(url: string): string {
  return fileURLToPath(url.replace(/[?#].*$/, ''))
}

function isInside(folder: string, file: string): boolean {
  return file.startsWith(folder.endsWith(sep) ? folder : folder + sep)
}

function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}

/** Differs when the file was written since; undefined for a file that was written just now, which may be once more. */
async function stampOf(file: string): Promise<string | undefined> {
  const found = await stat(file, { bigint: true }).catch(() => undefined)
  if (found === undefined || Date.now() - Number(found.mtimeMs) < coarsestClockMs) return undefined
  return [found.dev, found.ino, found.size, found.mtimeNs, found.ctimeNs].join(':')
}

function hashOf(content: string): string {
  return createHash('sha1').update(content).digest('base64')
}

function withSourceMap(code: string, map: SourceMapPayload): string {
  const encoded = Buffer.from(JSON.stringify(map)).toString('base64')
  return `${code}\n//# sourceMappingURL=data:application/json;base64,${encoded}`
}

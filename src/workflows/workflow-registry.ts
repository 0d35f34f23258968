import { readFile } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { withinTime } from '../lib/within-time.ts'
import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import { describeModuleError, type ModuleErrorText } from './modules/describe-module-error.ts'
import { findListFields } from './graph/find-list-fields.ts'
import { findMediaFields } from './graph/find-media-fields.ts'
import { hostModules } from './modules/host-modules.ts'
import { importModule } from './modules/import-module.ts'
import { coreNames, type KnownNames } from './salad/known-names.ts'
import { createModuleLoader, type ModuleLoader } from './modules/module-loader.ts'
import { readDefinition, type ReadDefinition, type RequestSchema } from './modules/read-definition.ts'
import { readRequestSchema, type RequestReading } from './parameters/read-request-schema.ts'
import { reservedNames as ownReservedNames } from './modules/reserved-names.ts'
import { createSaladModules } from './salad/salad-modules.ts'
import { exportTitle } from './exports/export-name.ts'
import { createExportFiles, type ExportRoute } from './exports/export-files.ts'
import { ExportError, loadExport, noteLookUps, type LoadedExport, type UsedDefinitions } from './exports/load-export.ts'
import { isExport, mergeRoutes, type Route } from './merge-routes.ts'
import { scanFolder, type RouteFile, type ScannedFolder } from './modules/scan-folder.ts'
import type { WorkflowRegistryOptions } from './registry-options.ts'
import { serveWorkflow } from './serve-workflow.ts'
import type { ListField, MediaField, ServedWorkflow, WorkflowProblem, WorkflowRegistry } from './served-workflow.ts'
import { loadTranspiler, type TranspileModule } from './modules/transpile-module.ts'
import { watchFolders } from './modules/watch-folders.ts'

export interface LoadingRegistry extends WorkflowRegistry {
  /** Whether any module asks for names that instances know: of samplers, schedulers, model files. */
  readonly usesNames: boolean
  /** Modules that hold other names than these are loaded again. Resolves when they are. */
  learnNames(names: KnownNames): Promise<void>
  /** `editorNodes` may know other classes than before: exports of which another workflow comes are loaded again. */
  learnNodes(): Promise<void>
}

interface Entry {
  readonly route: Route
  /** Tells a load that has been overtaken by a newer one. */
  readonly load: symbol
  readonly served: ServedWorkflow | undefined
  readonly problem: WorkflowProblem | undefined
  /** What it was made of, where it is an export that was loaded or refused. */
  readonly origin?: ExportOrigin
}

interface ExportOrigin {
  /** Of the content. */
  readonly version: string
  readonly used: UsedDefinitions
  /** Undefined where nothing could be made of it. */
  readonly fingerprint: string | undefined
}

/**
 * Loads all workflow modules of the folders and keeps them as the files are. Resolves when each module is loaded, has
 * failed, or has taken too long. Nothing that is wrong with a module makes it reject.
 */
export async function createWorkflowRegistry(options: WorkflowRegistryOptions): Promise<LoadingRegistry> {
  const { folders, logger, nodes = coreNode, reservedNames = ownReservedNames, scan = scanFolder } = options
  const editorNodes = options.editorNodes ?? { lookUp: nodes, source: () => coreNodesSource }
  const exportFiles = createExportFiles(reservedNames)
  const { pollIntervalMs = 2000, loadTimeoutMs = 10_000, warmupCheckpoint } = options
  const entries = new Map<string, Entry>()
  const listeners = new Set<() => void>()
  let folderProblems: readonly WorkflowProblem[] = []
  let knownFiles = ''
  let revision = 0
  let isClosed = false
  let transpile: TranspileModule | undefined
  let poll: NodeJS.Timeout | undefined
  let nextLook: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let waiting: { isForced: boolean; done: Promise<void> } | undefined

  let saladModules = createSaladModules({ names: coreNames(), warmupCheckpoint })
  const loader: ModuleLoader = createModuleLoader({
    folders,
    saladModules: () => saladModules,
    hostModules: options.hostModules ?? hostModules(),
    importModule: options.importModule ?? importModule,
    transpile: () => {
      if (transpile === undefined) throw new Error('no TypeScript was expected in the workflow folders')
      return transpile
    },
  })

  const watcher =
    options.watch === 'native'
      ? watchFolders({
          onChange: () => void update(false),
          onFailure(error) {
            logger?.warn({ err: error }, 'workflow folders cannot be watched; looking for changes at intervals instead')
            startPolling()
          },
        })
      : undefined

  /** One update at a time; requests that come meanwhile share the next one. */
  function update(isForced: boolean): Promise<void> {
    if (isClosed) return Promise.resolve()
    if (waiting !== undefined) {
      waiting.isForced ||= isForced
      return waiting.done
    }
    const mine = { isForced, done: running }
    mine.done = running
      .then(() => {
        waiting = undefined
        return readFolders(mine.isForced)
      })
      .catch((error: unknown) => logger?.warn({ err: error }, 'the workflow folders cannot be read'))
    waiting = mine
    running = mine.done
    return mine.done
  }

  async function readFolders(isForced: boolean): Promise<void> {
    const scans = await Promise.all(folders.map((folder) => scan(folder, reservedNames)))
    watcher?.follow(scans.flatMap((scan) => scan.folders))
    if (watcher !== undefined && scans.some((scan) => scan.folders.length === 0)) lookAgain()
    if (transpile === undefined && scans.some((scan) => scan.files.some((file) => /\.m?ts$/.test(file)))) {
      transpile = await (options.loadTranspiler ?? loadTranspiler)()
    }
    const files = scans.map((scan) => [...scan.files].sort().join('\n')).join('\n\n')
    const failed = [...entries.values()].filter(({ problem }) => problem !== undefined).map(({ route }) => route.path)
    const changed = await (isForced ? loader.refresh(failed, 'all') : loader.refresh())
    // What a broken module lacked may be there now.
    const mayMend = !isForced && (changed.size > 0 || files !== knownFiles)
    const renewed = new Set([...changed, ...(mayMend ? await loader.refresh(failed) : [])])
    const isServed = (path: string) => [...entries.values()].some(({ route }) => route.path === path)
    const found = await exportFiles.read(
      scans.flatMap((scan) => scan.exports),
      { isServed, isForced },
    )
    if (isClosed) return
    knownFiles = files

    let routes = adopt(scans, found)
    const stale = [...routes.values()].filter((route) => {
      const entry = entries.get(route.name)
      return !isExport(route) && (entry?.route.path !== route.path || renewed.has(route.path))
    })
    await Promise.all(stale.map((route) => loadWithin(route, !changed.has(route.path))))
    // Only modules that are loaded tell what is a part of them.
    if (stale.length > 0) routes = adopt(scans, found)
    await loadExports([...routes.values()].filter(isExport), isForced)
  }

  /** Takes over what there is now: workflows whose file is gone are gone, and what is wrong with files is told. */
  function adopt(scans: readonly ScannedFolder[], found: readonly ExportRoute[]): ReadonlyMap<string, Route> {
    const { routes, problems } = mergeRoutes(
      scans,
      found.filter(({ path }) => !loader.isImported(path)),
    )
    let isChanged = JSON.stringify(problems) !== JSON.stringify(folderProblems)
    folderProblems = problems
    for (const [name, { route }] of entries) {
      if (routes.has(name)) continue
      entries.delete(name)
      isChanged = true
      logger?.info({ workflow: name, file: route.file }, 'workflow removed')
    }
    if (isChanged) publish()
    return routes
  }

  /** One after the other, and whatever else waits is done between two. */
  async function loadExports(routes: readonly ExportRoute[], isForced: boolean): Promise<void> {
    for (const route of routes) {
      if (isClosed) return
      const entry = entries.get(route.name)
      const isKnown = entry?.route.path === route.path && entry.origin?.version === route.content.version
      if (isKnown && !(isForced && entry.problem !== undefined)) continue
      await loadExportFile(route)
      await setImmediate()
    }
  }

  async function loadExportFile(route: ExportRoute): Promise<void> {
    const load = Symbol(route.name)
    const { lookUp, used } = noteLookUps(editorNodes.lookUp)
    const previous = entries.get(route.name)
    const { version } = route.content
    entries.set(route.name, { ...previous, route, load, served: previous?.served, problem: previous?.problem })
    let loaded: LoadedExport | undefined
    let result: ReadModule | { error: unknown }
    try {
      const exported = await route.read()
      loaded = loadExport(exported, { lookUp, source: editorNodes.source(), title: exportTitle(route.file) })
      const isSame = previous?.route.path === route.path && previous.origin?.fingerprint === loaded.fingerprint
      if (isSame && previous.served !== undefined && previous.problem === undefined) {
        entries.set(route.name, { ...previous, route, load, origin: { ...previous.origin, version, used } })
        return
      }
      result = await readModule({ default: loaded.definition }, nodes, loaded.warnings)
    } catch (error) {
      result = { error }
    }
    settle(route, load, result)
    const entry = entries.get(route.name)
    if (entry?.load === load) {
      entries.set(route.name, { ...entry, origin: { version, used, fingerprint: loaded?.fingerprint } })
    }
  }

  /** Loads those exports again that were made with other definitions than there are now. */
  async function relearn(): Promise<void> {
    for (const { route, origin } of [...entries.values()]) {
      if (isClosed) return
      if (!isExport(route) || origin === undefined || entries.get(route.name)?.route !== route) continue
      if ([...origin.used].every(([classType, before]) => editorNodes.lookUp(classType) === before)) continue
      await loadExportFile(route)
      await setImmediate()
    }
  }

  async function loadWithin(route: RouteFile, isRetry: boolean): Promise<void> {
    const load = Symbol(route.name)
    const previous = entries.get(route.name)
    entries.set(route.name, { route, load, served: previous?.served, problem: previous?.problem })
    const loaded = loader
      .load(route.path)
      .then((namespace) => readModule(namespace, nodes))
      .catch((error: unknown) => ({ error }))
      .then((result) => {
        settle(route, load, result, isRetry)
        return true
      })
    if (await withinTime(loaded, loadTimeoutMs)) return
    settle(route, load, { error: new Error(`not loaded within ${loadTimeoutMs / 1000} s`) }, isRetry)
  }

  function settle(route: Route, load: symbol, result: ReadModule | { error: unknown }, isRetry = false): void {
    const entry = entries.get(route.name)
    if (isClosed || entry?.load !== load) return
    try {
      if ('error' in result) throw result.error
      const served = serveWorkflow({
        name: route.name,
        file: route.file,
        generation: (entry.served?.generation ?? 0) + 1,
        ...result,
        nodes,
        // Places in an export say nothing to people.
        readSource: () =>
          isExport(route) ? Promise.reject(new ExportError('is no module')) : readFile(route.path, 'utf8'),
        describeError: (error) => describeError(route, error),
      })
      entries.set(route.name, { route, load, served, problem: undefined })
      logger?.info({ workflow: route.name, generation: served.generation }, 'workflow loaded')
      for (const warning of served.warnings) logger?.warn({ workflow: route.name, warning }, 'workflow has a flaw')
    } catch (error) {
      const text = textOf(route, error)
      const servingPrevious = entry.served !== undefined
      const problem = { file: route.file, name: route.name, servingPrevious, ...text }
      entries.set(route.name, { ...entry, problem })
      const isNews = !isRetry || JSON.stringify(problem) !== JSON.stringify(entry.problem)
      if (isNews) logger?.warn({ ...problem }, 'workflow cannot be loaded')
    }
    publish()
  }

  function textOf(route: Route, error: unknown): ModuleErrorText {
    if (error instanceof ExportError) return { line: undefined, column: undefined, reason: error.message }
    return describeModuleError(error, loader.locate(error), route.path, folders)
  }

  function describeError(route: Route, error: unknown): string {
    const { line, reason } = textOf(route, error)
    return line === undefined ? reason : `line ${line}: ${reason}`
  }

  function publish(): void {
    revision += 1
    for (const listener of listeners) {
      try {
        listener()
      } catch (error) {
        logger?.warn({ err: error }, 'a listener for changed workflows failed')
      }
    }
  }

  /** Nobody tells when a folder that is not there comes. */
  function lookAgain(): void {
    clearTimeout(nextLook)
    if (!isClosed) nextLook = setTimeout(() => void update(false), pollIntervalMs).unref()
  }

  function startPolling(): void {
    if (isClosed || poll !== undefined) return
    poll = setInterval(() => void update(false), pollIntervalMs)
    poll.unref()
  }

  if (options.watch === 'poll') startPolling()
  await update(true)

  return {
    get: (name) => entries.get(name)?.served,
    list: () => [...entries.values()].flatMap(({ served }) => served ?? []).sort((a, b) => (a.name < b.name ? -1 : 1)),
    problems: () => [...folderProblems, ...[...entries.values()].flatMap(({ problem }) => problem ?? [])],
    get revision() {
      return revision
    },
    reload: () => update(true),
    get usesNames() {
      return loader.usesSaladConfig
    },
    async learnNames(names) {
      const learned = createSaladModules({ names, warmupCheckpoint })
      if (learned.version === saladModules.version) return
      saladModules = learned
      await update(false)
    },
    learnNodes() {
      const learned = running.then(relearn)
      running = learned.catch((error: unknown) => logger?.warn({ err: error }, 'exports cannot be loaded again'))
      return running
    },
    onChange: (listener) => void listeners.add(listener),
    async close() {
      isClosed = true
      clearInterval(poll)
      clearTimeout(nextLook)
      watcher?.close()
      listeners.clear()
      await running
      loader.close()
    },
  }
}

const coreNodesSource = 'the core nodes of ComfyUI'

interface ReadModule {
  readonly definition: ReadDefinition['definition']
  readonly request: RequestReading
  readonly foundMedia: readonly MediaField[]
  readonly listFields: readonly ListField[]
  readonly warnings: readonly string[]
}

/** @throws DefinitionError */
async function readModule(namespace: unknown, nodes: NodeLookup, told: readonly string[] = []): Promise<ReadModule> {
  const { definition, requestSchema, warnings } = readDefinition(namespace)
  const request = await readRequest(requestSchema)
  const generate = definition.generateWorkflow
  return {
    definition,
    request,
    foundMedia: await findMediaFields({ schema: request.structure, generate, nodes }),
    listFields: await findListFields({ schema: request.structure, generate, nodes }),
    warnings: [...told, ...warnings],
  }
}

async function readRequest(requestSchema: RequestSchema): Promise<RequestReading> {
  if (requestSchema.generation === 4) return readRequestSchema(requestSchema.schema)
  // Loaded only for modules that use it.
  const { readZod3Schema } = await import('./parameters/zod3/read-zod3-schema.ts')
  return readZod3Schema(requestSchema.schema)
}

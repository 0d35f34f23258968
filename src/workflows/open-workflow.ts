import { stat } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import { GatewayError } from '../errors/gateway-error.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { exportName, exportTitle } from './exports/export-name.ts'
import { readExportFile } from './exports/read-export-file.ts'
import { exportExtension, scanFolder, type ScannedFolder } from './modules/scan-folder.ts'
import type { ServedWorkflow, WorkflowProblem } from './served-workflow.ts'
import type { WorkflowRegistryOptions } from './registry-options.ts'
import { createWorkflowRegistry } from './workflow-registry.ts'

/** One workflow: by its name in folders, or a module that may lie anywhere. */
export type WorkflowTarget = { readonly name: string; readonly folders: readonly string[] } | { readonly file: string }

/** It builds prompts until it is closed. */
export interface OpenedWorkflow {
  readonly workflow: ServedWorkflow
  close(): Promise<void>
}

/**
 * Loads a single workflow, and no other module of its folder.
 * @throws GatewayError `not_found`, `workflow_unavailable` with the place in the module
 */
export async function openWorkflow(
  target: WorkflowTarget,
  options: Pick<WorkflowRegistryOptions, 'importModule' | 'warmupCheckpoint'> = {},
): Promise<OpenedWorkflow> {
  const { name, folders, scan, known, candidates } = 'file' in target ? await inFile(target.file) : inFolders(target)
  const registry = await createWorkflowRegistry({ ...options, folders, scan, watch: 'off' })
  const workflow = registry.get(name)
  if (workflow !== undefined) return { workflow, close: () => registry.close() }
  const problem = registry.problems().find((candidate) => candidate.name === name)
  await registry.close()
  if (problem !== undefined) throw unusable(problem)
  throw unknownName(name, new Set([...known, ...(await namesOfGraphs(candidates))]))
}

interface Search {
  readonly name: string
  readonly folders: readonly string[]
  readonly scan: NonNullable<WorkflowRegistryOptions['scan']>
  /** The names that were seen on the way. */
  readonly known: ReadonlySet<string>
  /** Path of a file that may be a workflow of another name → its name. */
  readonly candidates: ReadonlyMap<string, string>
}

function inFolders({ name, folders }: Extract<WorkflowTarget, { name: string }>): Search {
  const known = new Set<string>()
  const candidates = new Map<string, string>()
  return {
    name,
    folders,
    known,
    candidates,
    async scan(folder, reservedNames) {
      const scanned = await scanFolder(folder, reservedNames)
      for (const route of scanned.routes) known.add(route.name)
      const exports = scanned.exports.filter(({ file, path }) => {
        const route = exportName(file, reservedNames)
        if (route.name !== undefined && route.name !== name) candidates.set(path, route.name)
        return route.name === name
      })
      return { ...scanned, exports, routes: scanned.routes.filter((route) => route.name === name) }
    },
  }
}

async function inFile(file: string): Promise<Search> {
  const path = resolve(file)
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (!isFile) throw new GatewayError('not_found', { detail: `There is no file ${file}.` })
  const folder = dirname(path)
  const isExport = exportExtension.test(path)
  const name = isExport ? exportTitle(path) : basename(path, extname(path))
  const route = { name, file: basename(path), path, folder }
  const found = isExport ? { routes: [], exports: [route] } : { routes: [route], exports: [] }
  const scanned: ScannedFolder = { ...found, refused: [], files: [route.file], folders: [] }
  return { name, folders: [folder], known: new Set([name]), candidates: new Map(), scan: async () => scanned }
}

async function namesOfGraphs(candidates: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const names: string[] = []
  for (const [path, name] of candidates) {
    const content = await readExportFile(path).catch(() => undefined)
    if (content?.kind === 'graph') names.push(name)
  }
  return names
}

function unknownName(name: string, known: ReadonlySet<string>): GatewayError {
  const near = nearestName(name, known)
  const hint =
    near !== undefined
      ? `Did you mean ${near}?`
      : known.size === 0
        ? 'There are none in the workflow folders.'
        : `There are: ${[...known].sort().join(', ')}.`
  return new GatewayError('not_found', { detail: `There is no workflow ${name.slice(0, 200)}. ${hint}` })
}

function unusable({ file, line, column, reason }: WorkflowProblem): GatewayError {
  const place = [file, line, column].filter((part) => part !== undefined).join(':')
  return new GatewayError('workflow_unavailable', { detail: `${place}: ${reason}` })
}

import { stat } from 'node:fs/promises'
import { basename, dirname, extname, resolve } from 'node:path'
import { GatewayError } from '../errors/gateway-error.ts'
import { nearestName } from '../lib/nearest-name.ts'
import { scanFolder, type ScannedFolder } from './modules/scan-folder.ts'
import type { ServedWorkflow, WorkflowProblem } from './served-workflow.ts'
import { createWorkflowRegistry, type WorkflowRegistryOptions } from './workflow-registry.ts'

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
  const { name, folders, scan, known } = 'file' in target ? await inFile(target.file) : inFolders(target)
  const registry = await createWorkflowRegistry({ ...options, folders, scan, watch: 'off' })
  const workflow = registry.get(name)
  if (workflow !== undefined) return { workflow, close: () => registry.close() }
  const problem = registry.problems().find((candidate) => candidate.name === name)
  await registry.close()
  throw problem === undefined ? unknownName(name, known) : unusable(problem)
}

interface Search {
  readonly name: string
  readonly folders: readonly string[]
  readonly scan: NonNullable<WorkflowRegistryOptions['scan']>
  /** The names that were seen on the way. */
  readonly known: ReadonlySet<string>
}

function inFolders({ name, folders }: Extract<WorkflowTarget, { name: string }>): Search {
  const known = new Set<string>()
  return {
    name,
    folders,
    known,
    async scan(folder, reservedNames) {
      const scanned = await scanFolder(folder, reservedNames)
      for (const route of scanned.routes) known.add(route.name)
      return { ...scanned, routes: scanned.routes.filter((route) => route.name === name) }
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
  const name = basename(path, extname(path))
  const route = { name, file: basename(path), path, folder }
  const scanned: ScannedFolder = { routes: [route], refused: [], files: [route.file], folders: [] }
  return { name, folders: [folder], known: new Set([name]), scan: async () => scanned }
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

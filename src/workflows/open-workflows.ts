import { basename, dirname, extname, join, relative, resolve, sep } from 'node:path'
import type { ServedWorkflow, WorkflowProblem } from './served-workflow.ts'
import { exportTitle } from './exports/export-name.ts'
import { exportExtension, type ScannedFolder } from './modules/scan-folder.ts'
import type { WorkflowRegistryOptions } from './registry-options.ts'
import { createWorkflowRegistry, type LoadingRegistry } from './workflow-registry.ts'

/** All modules of a folder, or some modules that lie in one. */
export type WorkflowSource =
  { readonly folder: string } | { readonly folder: string; readonly files: readonly string[] }

/** They build prompts until they are closed. */
export interface OpenedWorkflows extends Pick<LoadingRegistry, 'usesNames' | 'learnNames'> {
  /** Sorted by name. */
  workflows(): readonly ServedWorkflow[]
  problems(): readonly WorkflowProblem[]
  /** Path of a file of a workflow or of a problem. */
  pathOf(file: string): string
  close(): Promise<void>
}

/** Loads modules once, as a server would, and does not look at them again. Never rejects because of a module. */
export async function openWorkflows(
  source: WorkflowSource,
  options: Pick<WorkflowRegistryOptions, 'importModule' | 'warmupCheckpoint' | 'nodes' | 'editorNodes'> = {},
): Promise<OpenedWorkflows> {
  const folder = resolve(source.folder)
  const registry = await createWorkflowRegistry({
    ...options,
    folders: [folder],
    watch: 'off',
    ...('files' in source && { scan: async () => scanFiles(folder, source.files) }),
  })
  return {
    get usesNames() {
      return registry.usesNames
    },
    learnNames: (names) => registry.learnNames(names),
    workflows: () => registry.list(),
    problems: () => registry.problems(),
    pathOf: (file) => join(folder, file),
    close: () => registry.close(),
  }
}

/** The files are workflows whatever they are called. */
function scanFiles(folder: string, files: readonly string[]): ScannedFolder {
  const names = files.map((file) => (exportExtension.test(file) ? exportTitle(file) : basename(file, extname(file))))
  const routes = files.map((file, index) => {
    const path = resolve(file)
    const name = names[index] ?? ''
    const isUnique = names.indexOf(name) === names.lastIndexOf(name)
    return { name: isUnique ? name : basename(file), file: toPosix(relative(folder, path)), path, folder }
  })
  return {
    routes: routes.filter(({ file }) => !exportExtension.test(file)),
    exports: routes.filter(({ file }) => exportExtension.test(file)),
    refused: [],
    files: routes.map(({ file }) => file),
    folders: [],
  }
}

/** Modules by the folder that they lie in. */
export function byFolder(files: readonly string[]): readonly WorkflowSource[] {
  return [...Map.groupBy(new Set(files.map((file) => resolve(file))), dirname)].map(([folder, inFolder]) => ({
    folder,
    files: inFolder,
  }))
}

function toPosix(path: string): string {
  return path.split(sep).join('/')
}

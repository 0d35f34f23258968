import type { NodeLookup } from '../comfyui/wire/object-info.ts'
import type { HostModules } from './modules/host-modules.ts'
import type { scanFolder } from './modules/scan-folder.ts'
import type { TranspileModule } from './modules/transpile-module.ts'

export interface WorkflowRegistryOptions {
  /** Of two folders that serve the same name, the later one does. */
  readonly folders: readonly string[]
  readonly watch: 'native' | 'poll' | 'off'
  /** First path segments that modules cannot have. Default: those of the server. */
  readonly reservedNames?: ReadonlySet<string>
  readonly logger?: WorkflowLogger
  /** Finds the modules of a folder. Default: all that it may serve. */
  readonly scan?: typeof scanFolder
  /** What is known of node classes. Default: the core nodes of ComfyUI. */
  readonly nodes?: NodeLookup
  /** The same as ComfyUI's editor sees it, which says how exports are read. Default: `nodes`. */
  readonly editorNodes?: EditorNodes
  /** Default: the copies in this process. */
  readonly hostModules?: HostModules
  /** `(url) => import(url)`, for bundles and test runners that replace `import()`. */
  readonly importModule?: (url: string) => Promise<unknown>
  /** Called when the first TypeScript file is found. */
  readonly loadTranspiler?: () => Promise<TranspileModule>
  /** What modules written for Salad's comfyui-api find as `config.warmupCkpt`. */
  readonly warmupCheckpoint?: string | undefined
  readonly pollIntervalMs?: number
  /** A module that has not finished loading by then counts as broken until it does. */
  readonly loadTimeoutMs?: number
}

export interface EditorNodes {
  readonly lookUp: NodeLookup
  /** For people: whose definitions these are now. */
  readonly source: () => string
}

/** The part of a pino logger that is used here. */
export interface WorkflowLogger {
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
}

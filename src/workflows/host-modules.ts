import * as zod from 'zod'
import * as entry from '../index.ts'

/** Import specifier → namespace of the copy that this process runs. */
export type HostModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>

/**
 * The modules that workflow modules share with this process: a schema made in a workflow is an instance of the very
 * classes that check it here. `zod/v3` and everything else come from the module's own `node_modules`.
 */
export function hostModules(): HostModules {
  return { zod, 'zod/v4': zod, 'comfyui-api': entry }
}

import * as zod from 'zod'
import * as entry from '../../index.ts'
import { loadZod3 } from './load-zod3.ts'

/** Import specifier → namespace of the copy that this process runs. */
export type HostModules = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const namespaceSchema = zod.z.record(zod.z.string(), zod.z.unknown())

/**
 * The modules that workflow modules share with this process: a schema made in a workflow is an instance of the very
 * classes that check it here. `zod/v3` is loaded when the first module asks for it. Everything else comes from the
 * module's own `node_modules`.
 */
export function hostModules(): HostModules {
  return {
    zod,
    'zod/v4': zod,
    get 'zod/v3'() {
      return namespaceSchema.parse(loadZod3())
    },
    'comfyui-api': entry,
  }
}

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { importKey } from './load-program.ts'
import { rememberSchema } from './readings.ts'
import { shippedWorkflows } from './shipped-workflows.ts'

/** Stands for src/workflows/modules/import-module.ts. */
export async function importModule(url: string): Promise<unknown> {
  const folder = `${pathToFileURL(join(__dirname, 'workflows')).href}/`
  const name = url.startsWith(folder) ? url.slice(folder.length).replace(/\?.*$/, '') : ''
  const shipped = shippedWorkflows[name]
  if (shipped !== undefined) {
    const module = shipped() as { readonly default: { readonly RequestSchema: unknown } }
    rememberSchema(module.default.RequestSchema, name)
    return module
  }
  const importFile = Reflect.get(globalThis, importKey) as (url: string) => Promise<unknown>
  return importFile(url)
}

import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { importKey } from './load-program.ts'
import { shippedWorkflows } from './shipped-workflows.ts'

/** Stands for src/workflows/modules/import-module.ts. */
export async function importModule(url: string): Promise<unknown> {
  const folder = `${pathToFileURL(join(__dirname, 'workflows')).href}/`
  const shipped = url.startsWith(folder) ? shippedWorkflows[url.slice(folder.length).replace(/\?.*$/, '')] : undefined
  if (shipped !== undefined) return shipped()
  const importFile = Reflect.get(globalThis, importKey) as (url: string) => Promise<unknown>
  return importFile(url)
}

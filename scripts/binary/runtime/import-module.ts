import { importKey } from './load-program.ts'

/** Stands for src/workflows/modules/import-module.ts. */
export function importModule(url: string): Promise<unknown> {
  const importFile = Reflect.get(globalThis, importKey) as (url: string) => Promise<unknown>
  return importFile(url)
}

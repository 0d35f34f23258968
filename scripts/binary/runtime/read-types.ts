import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Stands for src/cli/read-types.ts: every single file inside the binary takes a little time of each start. */
export async function readTypes(): Promise<ReadonlyMap<string, string>> {
  const files = JSON.parse(await readFile(join(__dirname, 'types.json'), 'utf8')) as Record<string, string>
  return new Map(Object.entries(files))
}

export function prefixed(prefix: string, files: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  return new Map([...files].map(([name, content]) => [`${prefix}/${name}`, content]))
}

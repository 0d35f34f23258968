import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import type { TypeSources } from '../config/package-info.ts'

/** Path relative to the folder, with `/` → content. */
export type FolderFiles = ReadonlyMap<string, string>

/** The types of what workflow modules import, in a folder for each package. */
export async function readTypes(sources: TypeSources): Promise<FolderFiles> {
  return new Map([
    ...prefixed('comfyui-api', await readModuleGraph(sources.entry)),
    ...prefixed('zod', await readDeclarations(sources.zodFolder)),
  ])
}

/** A module and everything it imports by a relative path. */
async function readModuleGraph(entry: string): Promise<FolderFiles> {
  const root = dirname(entry)
  const files = new Map<string, string>()
  const pending = [entry]
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    const name = toPosix(relative(root, file))
    if (files.has(name)) continue
    const source = await readFile(file, 'utf8')
    files.set(name, source)
    const extension = file.endsWith('.d.ts') ? '.d.ts' : '.ts'
    for (const [, specifier] of source.matchAll(/from '(\.[^']+)'/g)) {
      if (specifier !== undefined) pending.push(join(dirname(file), specifier.replace(/\.ts$/, extension)))
    }
  }
  return files
}

async function readDeclarations(folder: string): Promise<FolderFiles> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => isDeclaration(toPosix(name)))
  const files = names.map(async (name) => [toPosix(name), await readFile(join(folder, name), 'utf8')] as const)
  return new Map(await Promise.all(files))
}

function isDeclaration(name: string): boolean {
  return name.endsWith('.d.ts') && !/^(?:src|node_modules)\//.test(name)
}

/** The files below one more folder. */
export function prefixed(prefix: string, files: FolderFiles): FolderFiles {
  return new Map([...files].map(([name, content]) => [`${prefix}/${name}`, content]))
}

function toPosix(path: string): string {
  return path.split(sep).join('/')
}

import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'

export const repository = join(import.meta.dirname, '..', '..')

/** Processors of Linux that a binary can be made for, and what the packages with native code call them. */
export const architectures = ['x64', 'arm64'] as const
export type Architecture = (typeof architectures)[number]

export interface Places {
  readonly arch: Architecture
  /** Everything that is made on the way. */
  readonly work: string
  /** What goes into the binary, as it lies there. */
  readonly stage: string
  /** With the packages for this processor. */
  readonly modules: string
  readonly binary: string
}

/** The binary for this kind of machine is `bin/comfyui-api`; others have their kind in their name. */
export function placesFor(arch: Architecture): Places {
  const isNative = arch === process.arch
  const work = join(repository, 'dist-bin', `linux-${arch}`)
  return {
    arch,
    work,
    stage: join(work, 'comfyui-api'),
    modules: isNative ? join(repository, 'node_modules') : join(work, 'packages', 'node_modules'),
    binary: isNative ? join(repository, 'bin', 'comfyui-api') : join(work, `comfyui-api-linux-${arch}`),
  }
}

/** Paths of the modules in `workflows/`, and of what they import. */
export async function shippedModules(): Promise<readonly string[]> {
  return (await filesBelow(join(repository, 'workflows'))).filter((name) => !name.includes('.test.'))
}

/** Paths of files, relative to the folder, sorted. */
export async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort()
}

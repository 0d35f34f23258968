import { statSync } from 'node:fs'

/** What a TypeScript file may be called in an import that names its JavaScript. */
const sourceExtensions: readonly (readonly [written: string, real: string])[] = [
  ['.js', '.ts'],
  ['.mjs', '.mts'],
]
const addedExtensions = ['.ts', '.mts', '.js', '.mjs', '.json']
const indexFiles = ['index.ts', 'index.mts', 'index.js', 'index.mjs']

/**
 * The file that a relative import means: as written, the `.ts` behind a `.js`, with an extension added, or the index of
 * a folder. Undefined when there is none.
 */
export function resolveFile(path: string): string | undefined {
  return candidates(path).find((candidate) => statSync(candidate, { throwIfNoEntry: false })?.isFile() === true)
}

function candidates(path: string): readonly string[] {
  const renamed = sourceExtensions
    .filter(([written]) => path.endsWith(written))
    .map(([written, real]) => path.slice(0, -written.length) + real)
  const extended = addedExtensions.map((extension) => path + extension)
  return [path, ...renamed, ...extended, ...indexFiles.map((index) => `${path.replace(/\/$/, '')}/${index}`)]
}

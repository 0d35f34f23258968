import { isAbsolute, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How an error came to light that nobody caught. */
export type StrayKind = 'rejection' | 'exception'

export interface StrayOrigin {
  /**
   * No code but that of modules needs to have gone wrong, so that the process can go on. After an exception that takes a
   * stack of nothing else: whoever is in it was left in the middle.
   */
  readonly isHarmless: boolean
  /** Path of the file of a workflow folder that the stack names first. */
  readonly file: string | undefined
}

/**
 * Reads from its stack where an error comes from.
 * @param folders absolute paths of the workflow folders
 */
export function originOfStray(error: unknown, kind: StrayKind, folders: readonly string[]): StrayOrigin {
  const files = filesOf(error)
  const ofModules = files.filter((file) => folders.some((folder) => isOwnFileOf(folder, file)))
  const isOnlyModules = ofModules.length === files.length
  const isHarmless = kind === 'rejection' ? isOnlyModules || ofModules.length > 0 : isOnlyModules && files.length > 0
  return { isHarmless, file: ofModules[0] }
}

/** Whether a file lies in a workflow folder and is no part of a package there. */
function isOwnFileOf(folder: string, file: string): boolean {
  const start = folder.endsWith(sep) ? folder : folder + sep
  return file.startsWith(start) && !file.slice(start.length).split(sep).includes('node_modules')
}

/** Those of Node itself are left out. */
function filesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return []
  return (error.stack ?? '').split('\n').flatMap((line) => {
    const place = /^\s*at (?:.*? \()?(?:async )?(.+?):\d+(?::\d+)?\)?$/.exec(line)?.[1]
    const file = place === undefined ? undefined : pathOf(place)
    return file === undefined ? [] : [file]
  })
}

function pathOf(place: string): string | undefined {
  if (place.startsWith('file:')) return fileURLToPath(place.replace(/[?#].*$/, ''))
  return isAbsolute(place) ? place : undefined
}

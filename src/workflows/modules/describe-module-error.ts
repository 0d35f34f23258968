import { resolve, sep } from 'node:path'
import { inspect } from 'node:util'
import { isRecord } from '../../lib/json-record.ts'
import type { ModulePosition } from './module-position.ts'

export interface ModuleErrorText {
  /** Where in the module itself the error is; undefined when it is elsewhere. */
  readonly line: number | undefined
  readonly column: number | undefined
  /** What is wrong; with the place when that is another file. */
  readonly reason: string
}

const maxMessageLength = 1000
const thrownDepth = { depth: 1, breakLength: Infinity, maxArrayLength: 5, maxStringLength: 200 }

/**
 * An error of a module for people who do not see this machine: no absolute path in it.
 * @param path absolute path of the module that was loaded
 */
export function describeModuleError(
  error: unknown,
  position: ModulePosition | undefined,
  path: string,
  folders: readonly string[],
): ModuleErrorText {
  // A module may put anything that a caller sent into its error.
  const found = messageOf(error).slice(0, maxMessageLength)
  const message = withoutPaths(found, folders) + hintFor(found)
  if (position === undefined) return { line: undefined, column: undefined, reason: message }
  if (position.file === path) return { line: position.line, column: position.column, reason: message }
  const place = `${withoutPaths(position.file, folders)} line ${position.line}`
  return { line: undefined, column: undefined, reason: `${message} (in ${place})` }
}

/** Takes the workflow folders, and every folder above a file, out of a text. */
export function withoutPaths(text: string, folders: readonly string[]): string {
  let result = text
    .replaceAll(/\?comfyui-api=\w+\.\d+/g, '')
    .replaceAll(/file:\/\/[^\s'"()]+/g, (url) => decodeUrl(url))
  for (const folder of folders) {
    const root = resolve(folder)
    result = result.replaceAll(root.endsWith(sep) ? root : root + sep, '')
    if (root !== sep) result = result.replaceAll(root, '.')
  }
  return result.replaceAll(
    /(?<![\w.:/@~-])(?:[A-Za-z]:)?(?:[\\/][\w.@+ -]*[\w.@+-]){2,}/g,
    (path) => `…/${path.split(/[\\/]/).at(-1) ?? ''}`,
  )
}

/** What is in Zod 3 and not in Zod 4. */
const onlyInZod3 =
  /\b(?:z|zod)\b.*\.(deepPartial|nonstrict|augment|setKey|innerType|sourceType|args|returns|implement|ip|cidr|ostring|onumber|oboolean) is not a function/

/** What to change, for errors that say so only to those who know Zod from inside. */
function hintFor(message: string): string {
  const name = onlyInZod3.exec(message)?.[1]
  if (name !== undefined) {
    return `: 'zod' is Zod 4 here, which has no ${name}; write import { z } from 'zod/v3' to go on with Zod 3`
  }
  const isMixed = /expected a Zod schema|\b_parse is not a function/.test(message)
  return isMixed ? ": schemas of Zod 3 and of Zod 4 do not mix; import z from 'zod' or from 'zod/v3' everywhere" : ''
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${describeThrown(error)}`
  const isPlain =
    error.name === 'Error' ||
    error.name === 'ModuleSyntaxError' ||
    error.name === 'DefinitionError' ||
    error.name === 'GraphError'
  const message = error.message === '' ? 'it threw an error without a message' : error.message
  return isPlain ? message : `${error.name}: ${message}`
}

function describeThrown(thrown: unknown): string {
  if (typeof thrown === 'string') return thrown
  if (isRecord(thrown) && typeof thrown['message'] === 'string') return thrown['message']
  return typeof thrown === 'object' && thrown !== null
    ? `${inspect(thrown, thrownDepth)}, which is no Error`
    : String(thrown)
}

function decodeUrl(url: string): string {
  try {
    return decodeURIComponent(new URL(url).pathname)
  } catch {
    return url
  }
}

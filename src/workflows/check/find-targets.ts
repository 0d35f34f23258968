import { readFile, stat } from 'node:fs/promises'
import { GatewayError } from '../../errors/gateway-error.ts'
import { ConversionRefusedError } from '../../converter/conversion.ts'
import { parseExportFile } from '../../converter/parse-export-file.ts'
import { readMediaTexts } from '../../lib/media-texts/read-media-texts.ts'
import { parsePythonJson } from '../../lib/parse-python-json.ts'
import { byFolder, type WorkflowSource } from '../open-workflows.ts'
import { findPrompt, type FoundPrompt } from './find-prompt.ts'

/** A file that should hold one graph. */
export interface PromptFile {
  readonly file: string
  readonly found: FoundPrompt
}

/** What a person wants to have checked. */
export interface CheckTargets {
  readonly sources: readonly WorkflowSource[]
  readonly prompts: readonly PromptFile[]
}

const standardInput = '-'
const moduleName = /\.m?[jt]s$/
/** What workflow folders hold beside workflows, and shells hand over with them: parts, declarations, tests. */
const noWorkflow = /(?:^|[\\/])_|\.d\.m?ts$|\.test\.m?[jt]s$/

/**
 * Sorts what the command line names.
 * @param readInput the standard input, for a graph that is called `-`
 * @throws GatewayError `not_found` for what is not there or is nothing that can be checked
 */
export async function findTargets(paths: readonly string[], readInput: () => Promise<Buffer>): Promise<CheckTargets> {
  const folders: string[] = []
  const modules: string[] = []
  const prompts: PromptFile[] = []
  for (const path of new Set(paths)) {
    if (path === standardInput) {
      prompts.push({ file: 'standard input', found: readPrompt(await readInput()) })
      continue
    }
    const found = await stat(path).catch(() => undefined)
    if (found === undefined) throw new GatewayError('not_found', { detail: `There is no file or folder ${path}.` })
    if (found.isDirectory()) folders.push(path)
    else if (!found.isFile()) throw new GatewayError('not_found', { detail: `${path} is neither a file nor a folder.` })
    else if (moduleName.test(path)) modules.push(path)
    else prompts.push({ file: path, found: await readPromptFile(path) })
  }
  const workflows = modules.filter((path) => !noWorkflow.test(path))
  if (workflows.length < modules.length && workflows.length + folders.length + prompts.length === 0) {
    const detail = 'There is no workflow among these: names that begin with _, declarations and tests are none.'
    throw new GatewayError('not_found', { detail })
  }
  return { sources: [...folders.map((folder) => ({ folder })), ...byFolder(workflows)], prompts }
}

/** Throws in terms of the file that a person named. */
export function unreadable(path: string): (error: unknown) => never {
  return (cause) => {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new GatewayError('not_found', { detail: `${path} cannot be read: ${reason}.`, cause })
  }
}

async function readPromptFile(path: string): Promise<FoundPrompt> {
  return readPrompt(await readFile(path).catch(unreadable(path)))
}

const giveGraph = 'Give a workflow that ComfyUI has exported, or a graph in API format, as JSON.'

function readPrompt(bytes: Buffer): FoundPrompt {
  if (readMediaTexts(bytes) !== undefined) return readMedia(bytes)
  if (bytes.subarray(0, 1024).includes(0)) return { instead: 'no text', fix: giveGraph }
  const text = bytes.toString('utf8')
  if (text.trim() === '') return { instead: 'empty', fix: giveGraph }
  try {
    return findPrompt(parsePythonJson(text.replace(/^\uFEFF/, '')))
  } catch (error) {
    if (/^\s*</.test(text)) return { instead: 'a web page', fix: giveGraph }
    const reason = error instanceof Error ? error.message : String(error)
    return { instead: `no JSON: ${reason}`, fix: giveGraph }
  }
}

function readMedia(bytes: Buffer): FoundPrompt {
  try {
    return { exported: parseExportFile(bytes) }
  } catch (error) {
    if (!(error instanceof ConversionRefusedError)) throw error
    const [reason] = error.reasons
    return { instead: 'a media file without a graph', fix: reason?.fix ?? giveGraph }
  }
}

import { readFile, stat } from 'node:fs/promises'
import { ConfigError } from './config-error.ts'
import { type ComfyuiAddress, comfyuiAddress, parseComfyuiAddress, showAddress } from './value-kinds.ts'

/**
 * Reads addresses of ComfyUI, one a line; empty lines and lines that begin with `#` are passed over.
 * @throws ConfigError with every line that is no address, or the file that cannot be read
 */
export async function readInstanceFiles(files: readonly string[]): Promise<ComfyuiAddress[]> {
  const problems: string[] = []
  const addresses = new Map<string, ComfyuiAddress>()
  for (const file of files) {
    for (const [index, line] of (await readLines(file)).entries()) {
      const text = line.trim()
      if (text === '' || text.startsWith('#')) continue
      const address = parseComfyuiAddress(text)
      if (address) addresses.set(address.url, address)
      else problems.push(`${file}:${String(index + 1)} must be ${comfyuiAddress.rule}; got ${showAddress(text)}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return [...addresses.values()]
}

async function readLines(file: string): Promise<string[]> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/)
  } catch (error) {
    throw new ConfigError([`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`])
  }
}

export interface InstanceFilesWatch {
  close(): void
}

/** Calls `onChange` some time after one of the files changed, at intervals of `intervalMs`; works on any file system. */
export function watchInstanceFiles(
  files: readonly string[],
  intervalMs: number,
  onChange: () => void,
): InstanceFilesWatch {
  let lastSeen: string | undefined
  let isLooking = false
  async function look(): Promise<void> {
    if (isLooking) return
    isLooking = true
    const seen = (await Promise.all(files.map(stampOf))).join(' ')
    isLooking = false
    if (lastSeen !== undefined && seen !== lastSeen) onChange()
    lastSeen = seen
  }
  const timer = setInterval(() => void look(), intervalMs)
  void look()
  return { close: () => clearInterval(timer) }
}

async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file)
    return [mtimeMs, size, ino].join(':')
  } catch {
    return 'missing'
  }
}

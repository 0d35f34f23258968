import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Writes a file that is there as a whole or not at all, also after a power cut: under the name `part`, in the same
 * folder, until it is complete. Only its owner may read it, unless `mode` says more, of which the umask takes its part.
 * @throws Error of the file system, after removing what was written
 */
export async function writeDurably(path: string, part: string, bytes: Uint8Array, mode = 0o600): Promise<void> {
  try {
    const file = await open(part, 'w', mode)
    try {
      await file.writeFile(bytes)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(part, path)
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** Makes the new name durable. Some systems cannot open folders; they do it by themselves. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r').catch(() => undefined)
  try {
    await folder?.sync().catch(() => {})
  } finally {
    await folder?.close()
  }
}

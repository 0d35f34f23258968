import { copyFile, link, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errnoOf } from './errno-of.ts'

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

/**
 * Gives a file of the same folder a second name, as durably; a file that has this name already stays. Where the file system knows no second names it gets a copy,
 * which is called `part` until it is complete.
 * @throws Error of the file system; nothing is left then
 */
export async function placeDurably(path: string, part: string, source: string): Promise<void> {
  try {
    await syncFile(source)
    if (!(await linkTo(source, path))) {
      await copyFile(source, part)
      await syncFile(part)
      await rename(part, path)
    }
  } catch (error) {
    await rm(part, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(dirname(path))
}

/** False when that cannot be done here. */
async function linkTo(source: string, path: string): Promise<boolean> {
  try {
    await link(source, path)
    return true
  } catch (error) {
    return errnoOf(error) === 'EEXIST'
  }
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.datasync()
  } finally {
    await file.close()
  }
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

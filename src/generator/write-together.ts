import { randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/** A file is there, and nobody has said that it may be overwritten. */
export class FileExistsError extends Error {
  override readonly name = 'FileExistsError'

  constructor(path: string) {
    super(`${path} is there already; --force writes over it.`)
  }
}

export interface NewFile {
  /** Absolute. */
  readonly path: string
  readonly content: string
}

/**
 * Writes files with the folders they need, all or none: none is ever there in part, and when one cannot be written, what
 * was made before is taken back.
 * @throws FileExistsError when a file with other content is there and `isForced` is false
 * @throws Error of the system, with its path, when one cannot be written
 */
export async function writeTogether(files: readonly NewFile[], { isForced }: { isForced: boolean }): Promise<void> {
  const changed: NewFile[] = []
  for (const file of files) if ((await readIfThere(file.path)) !== file.content) changed.push(file)
  const overwritten = changed.find(({ path }) => existsSync(path))
  if (!isForced && overwritten !== undefined) throw new FileExistsError(overwritten.path)
  const madeFolders: string[] = []
  const prepared: { readonly temporary: string; readonly path: string }[] = []
  const written: string[] = []
  try {
    for (const { path, content } of changed) {
      await makeFolder(dirname(path), (made) => madeFolders.push(made))
      // Names that begin with a dot are nothing to a server that watches the folder.
      const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}`)
      prepared.push({ temporary, path })
      await writeFile(temporary, content, { flag: 'wx' })
    }
    for (const { temporary, path } of prepared) {
      const isNew = (await readIfThere(path)) === undefined
      await rename(temporary, path)
      if (isNew) written.push(path)
    }
  } catch (error) {
    for (const path of [...prepared.map(({ temporary }) => temporary), ...written]) await rm(path, { force: true })
    for (const folder of madeFolders.reverse()) await rm(folder, { recursive: true, force: true })
    throw error
  }
}

/** With those around it, one after the other: where a system makes none, `recursive` tries without end. */
async function makeFolder(folder: string, onMade: (folder: string) => void): Promise<void> {
  if (existsSync(folder)) return
  await makeFolder(dirname(folder), onMade)
  try {
    await mkdir(folder)
    onMade(folder)
  } catch (error) {
    if (!existsSync(folder)) throw error
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { filesBelow } from './places.ts'
import { archiveEnd, type ArchiveIndex } from './runtime/archive.ts'

/** Puts the files of a folder behind an executable, but for those of which `isLeftOut` says so; see runtime/archive.ts. */
export async function appendArchive(
  binary: string,
  folder: string,
  isLeftOut: (name: string) => boolean,
): Promise<void> {
  const file = await open(binary, 'a')
  try {
    const index: Record<string, ArchiveIndex[string]> = {}
    let { size: offset } = await file.stat()
    for (const name of await filesBelow(folder)) {
      if (isLeftOut(name)) continue
      const content = await readFile(join(folder, name))
      await file.appendFile(content)
      index[name] = [offset, content.length]
      offset += content.length
    }
    const json = Buffer.from(JSON.stringify(index))
    await file.appendFile(Buffer.concat([json, archiveEnd(offset, json.length)]))
  } finally {
    await file.close()
  }
}

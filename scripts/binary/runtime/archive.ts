import { closeSync, existsSync, fstatSync, openSync, readSync } from 'node:fs'
import { resolve } from 'node:path'

/*
 * Behind the executable lie the contents of files, one after the other, then their index as JSON, and at the very end
 * where the index is.
 */

/** Path, with `/` → where its content begins in the executable, and how long it is, in bytes. */
export type ArchiveIndex = Readonly<Record<string, readonly [offset: number, sizeBytes: number]>>

export interface Archive {
  /** Absolute path. */
  readonly executable: string
  /** Stays open, so that the files are there even when the executable was replaced by a newer one. */
  readonly fd: number
  readonly index: ArchiveIndex
}

const mark = 'comfyui-api'
const offsetSizeBytes = 6
const endSizeBytes = 2 * offsetSizeBytes + mark.length

/** The last bytes, for an index that lies at an offset. */
export function archiveEnd(indexOffset: number, indexSizeBytes: number): Buffer {
  const end = Buffer.alloc(endSizeBytes)
  end.writeUIntLE(indexOffset, 0, offsetSizeBytes)
  end.writeUIntLE(indexSizeBytes, offsetSizeBytes, offsetSizeBytes)
  end.write(mark, 2 * offsetSizeBytes, 'latin1')
  return end
}

/** The executable is not whole, or may be run but not read. */
export class ArchiveError extends Error {}

/** Opens the archive of the program that runs. @throws ArchiveError */
export function openArchive(executable = ownExecutable()): Archive {
  const fd = openToRead(executable)
  try {
    const end = readBytes(fd, fstatSync(fd).size - endSizeBytes, endSizeBytes)
    if (end.toString('latin1', 2 * offsetSizeBytes) !== mark) throw new Error('its end is missing')
    const [offset, sizeBytes] = [end.readUIntLE(0, offsetSizeBytes), end.readUIntLE(offsetSizeBytes, offsetSizeBytes)]
    return { executable, fd, index: JSON.parse(readBytes(fd, offset, sizeBytes).toString()) as ArchiveIndex }
  } catch (error) {
    closeSync(fd)
    const reason = error instanceof Error ? error.message : String(error)
    throw new ArchiveError(`${executable} is not whole, download it again: ${reason}`, { cause: error })
  }
}

function openToRead(executable: string): number {
  try {
    return openSync(executable, 'r')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new ArchiveError(`${executable} holds files that it has to read, and cannot: ${reason}`, { cause: error })
  }
}

/** @throws Error when there are fewer bytes */
export function readBytes(fd: number, offset: number, sizeBytes: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(sizeBytes)
  let count = 0
  while (count < sizeBytes) {
    const read = readSync(fd, bytes, count, sizeBytes - count, offset + count)
    if (read === 0) throw new Error(`the file ends ${String(sizeBytes - count)} bytes too early`)
    count += read
  }
  return bytes
}

/** Without `/proc` Node.js knows no more than how it was called. */
function ownExecutable(): string {
  const { execPath } = process
  const folders = execPath.includes('/') ? [''] : (process.env['PATH'] ?? '').split(':')
  const paths = folders.map((folder) => resolve(folder, execPath))
  return paths.find((path) => existsSync(path)) ?? resolve(execPath)
}

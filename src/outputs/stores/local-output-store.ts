import { mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open as openFile, opendir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { GatewayError } from '../../errors/gateway-error.ts'
import { errnoOf } from '../../lib/errno-of.ts'
import { createRecentMap } from '../../lib/recent-map.ts'
import type { ByteRange, OutputStore } from '../output-store.ts'
import { outputFilename, parseOutputFilename } from './output-filename.ts'
import { createOutputSpace } from './output-space.ts'
import { createSpareBuffers } from './spare-buffers.ts'
import { refuseWrite, storageError } from './storage-error.ts'
import { createStreamWriter } from './stream-writer.ts'

export interface LocalOutputStoreOptions {
  /** Made where it is missing. Holds nothing but outputs. */
  readonly directory: string
  /** Outputs written a moment ago are kept in memory up to this size in all, so that an answer costs no read. */
  readonly recentBytes?: number
  /**
   * False where jobs do not outlive the process either: small outputs are then written only when `recentBytes` of them
   * are waiting. Default true.
   */
  readonly isDurable?: boolean
  /** Together outputs take no more than this, as far as it can be helped: see `OutputSpace`. Absent: no limit. */
  readonly maxBytes?: number | undefined
  /** Whether a job has not ended. Default: all have. */
  readonly isOpen?: (jobId: string) => boolean
}

export interface LocalOutputStore extends OutputStore {
  /**
   * Takes up what earlier processes left: removes outputs of jobs that nobody knows and files that were never finished,
   * and counts the others, the older ones by their time first.
   * To be called before anything is written. Returns how many files it removed.
   */
  takeUp(isKnown: (jobId: string) => boolean): Promise<number>
  /** What is kept now, and how many outputs were removed so far because there was too much. */
  usage(): OutputUsage
}

export interface OutputUsage {
  readonly keptBytes: number
  readonly removedOutputs: number
}

/** Up to this size one write of the event loop's own thread costs less than handing it to another one. */
const maxSyncWriteBytes = 256 * 1024
/** Size of the pieces in which files are read: whole groups of base64. */
const readBytes = 192 * 1024
/** What it takes to keep an output in memory besides its bytes, roughly. */
const recentEntryBytes = 256
/** One output takes at most this share of the memory for recent ones. */
const recentShare = 4

/**
 * Outputs as files in one folder, see `outputFilename`. What is too large to be written at once goes into a `.part` file
 * that gets its name when it is complete. Nothing is flushed to the medium: a killed process loses nothing, but after a
 * power cut an output may be shorter than its job says.
 *
 * @throws GatewayError `storage_unavailable` when the folder cannot be made
 */
export function createLocalOutputStore({
  directory,
  recentBytes = 4 * 1024 * 1024,
  isDurable = true,
  maxBytes,
  isOpen = () => false,
}: LocalOutputStoreOptions): LocalOutputStore {
  const space = createOutputSpace(maxBytes, isOpen)
  const streams = createStreamWriter()
  const pieces = createSpareBuffers(readBytes)
  let removedOutputs = 0
  const recent = createRecentMap<string, Buffer>(recentBytes, (bytes) => bytes.length + recentEntryBytes)
  /** Outputs that are nowhere but here, oldest first. Empty in a durable store. */
  const held = new Map<string, Buffer>()
  let heldBytes = 0
  let partCount = 0

  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw storageError(`The folder for outputs, ${directory}, cannot be made`, cause)
  }

  async function write(
    jobId: string,
    index: number,
    source: Buffer | AsyncIterable<Uint8Array>,
  ): Promise<{ sizeBytes: number }> {
    const name = outputFilename(jobId, index)
    if (name === undefined) {
      throw new GatewayError('internal_error', { detail: `${jobId}.${index} is no name of an output.` })
    }
    recent.delete(name)
    letGo(name)
    const sizeBytes = await writeNamed(name, source)
    space.add(name, { jobId, sizeBytes })
    await removeSurplus()
    return { sizeBytes }
  }

  async function writeNamed(name: string, source: Buffer | AsyncIterable<Uint8Array>): Promise<number> {
    if (!Buffer.isBuffer(source)) return writeParted(name, (path) => streams.write(path, source))
    if (source.length <= maxSyncWriteBytes && !isDurable) {
      hold(name, compact(source))
      return source.length
    }
    if (source.length <= maxSyncWriteBytes) writeAtOnce(join(directory, name), source)
    else await writeParted(name, (path) => writeLarge(path, source))
    if (source.length <= recentBytes / recentShare) recent.set(name, compact(source))
    return source.length
  }

  /** Decided at once for all of them: who begins to read one after that finds it, or finds that it is gone. */
  async function removeSurplus(): Promise<void> {
    const surplus = space.surplus()
    for (const name of surplus) space.delete(name)
    removedOutputs += surplus.length
    // What cannot be removed is counted again by the next process. What was written is complete all the same.
    for (const name of surplus) await removeOne(name).catch(() => {})
  }

  async function removeOne(name: string): Promise<void> {
    space.delete(name)
    recent.delete(name)
    letGo(name)
    await rm(join(directory, name), { force: true }).catch(refuseWrite)
  }

  function hold(name: string, bytes: Buffer): void {
    held.set(name, bytes)
    heldBytes += bytes.length + recentEntryBytes
    for (const [oldest, waiting] of held) {
      if (heldBytes <= recentBytes) return
      writeAtOnce(join(directory, oldest), waiting)
      letGo(oldest)
    }
  }

  function letGo(name: string): void {
    const bytes = held.get(name)
    if (bytes === undefined) return
    held.delete(name)
    heldBytes -= bytes.length + recentEntryBytes
  }

  /** Part files of the same output never meet: an attempt that was given up may still be writing. */
  async function writeParted(name: string, writeTo: (path: string) => Promise<number>): Promise<number> {
    partCount += 1
    const part = join(directory, `${name}.${partCount}.part`)
    try {
      const sizeBytes = await writeTo(part)
      await rename(part, join(directory, name)).catch(refuseWrite)
      return sizeBytes
    } catch (error) {
      await rm(part, { force: true }).catch(() => {})
      throw error
    }
  }

  async function read(jobId: string, index: number): Promise<Buffer | undefined> {
    const name = outputFilename(jobId, index)
    if (name === undefined) return undefined
    const unpin = space.pin(jobId)
    try {
      return held.get(name) ?? recent.get(name) ?? (await readFile(join(directory, name)).catch(missingIsUndefined))
    } finally {
      unpin()
    }
  }

  async function open(jobId: string, index: number, range?: ByteRange): Promise<Readable | undefined> {
    const name = outputFilename(jobId, index)
    if (name === undefined) return undefined
    const unpin = space.pin(jobId)
    try {
      const stream = await openNamed(name, range)
      if (stream === undefined) unpin()
      return stream?.once('close', unpin)
    } catch (error) {
      unpin()
      throw error
    }
  }

  async function scan(
    jobId: string,
    index: number,
    visit: (piece: Buffer) => boolean | Promise<boolean>,
  ): Promise<boolean> {
    const name = outputFilename(jobId, index)
    if (name === undefined) return false
    const unpin = space.pin(jobId)
    try {
      const bytes = held.get(name) ?? recent.get(name)
      if (bytes === undefined) return await scanFile(join(directory, name), visit)
      await visit(bytes)
      return true
    } finally {
      unpin()
    }
  }

  async function scanFile(path: string, visit: (piece: Buffer) => boolean | Promise<boolean>): Promise<boolean> {
    const file = await openFile(path).catch(missingIsUndefined)
    if (file === undefined) return false
    const memory = pieces.take()
    try {
      for (let isWanted = true; isWanted;) {
        const { bytesRead } = await file.read(memory, 0, memory.length).catch(refuseRead)
        isWanted = bytesRead > 0 && (await visit(memory.subarray(0, bytesRead)))
      }
      return true
    } finally {
      pieces.giveBack(memory)
      await file.close()
    }
  }

  async function openNamed(name: string, range: ByteRange | undefined): Promise<Readable | undefined> {
    const bytes = held.get(name) ?? recent.get(name)
    if (bytes !== undefined) return Readable.from(chunksOf(range ? bytes.subarray(range.start, range.end + 1) : bytes))
    const file = await openFile(join(directory, name)).catch(missingIsUndefined)
    return file?.createReadStream({ highWaterMark: readBytes, ...range })
  }

  async function remove(jobId: string, outputCount: number): Promise<void> {
    for (let index = 0; index < outputCount; index += 1) {
      const name = outputFilename(jobId, index)
      if (name === undefined) return
      await removeOne(name)
    }
  }

  async function takeUp(isKnown: (jobId: string) => boolean): Promise<number> {
    const found: FoundFile[] = []
    let removed = 0
    for await (const { name } of await opendir(directory).catch(refuseWrite)) {
      const file = parseOutputFilename(name)
      if (file === undefined) continue
      if (!file.isPart && isKnown(file.jobId)) {
        found.push({ name, jobId: file.jobId, ...statNow(join(directory, name)) })
        continue
      }
      await rm(join(directory, name), { force: true }).catch(refuseWrite)
      removed += 1
    }
    for (const { name, ...file } of found.toSorted((a, b) => a.mtimeMs - b.mtimeMs)) space.add(name, file)
    await removeSurplus()
    return removed
  }

  return {
    write,
    read,
    open,
    scan,
    pin: (jobId) => space.pin(jobId),
    remove,
    takeUp,
    usage: () => ({ keptBytes: space.keptBytes, removedOutputs }),
    close: async () => {},
  }
}

interface FoundFile {
  readonly name: string
  readonly jobId: string
  readonly sizeBytes: number
  readonly mtimeMs: number
}

/** There may be very many, and nothing else goes on while they are looked at: this way costs the least. */
function statNow(path: string): Pick<FoundFile, 'sizeBytes' | 'mtimeMs'> {
  try {
    const { size, mtimeMs } = statSync(path)
    return { sizeBytes: size, mtimeMs }
  } catch (cause) {
    refuseRead(cause)
  }
}

function writeAtOnce(path: string, bytes: Buffer): void {
  try {
    writeFileSync(path, bytes, { mode: 0o600 })
  } catch (cause) {
    removeFile(path)
    refuseWrite(cause)
  }
}

function removeFile(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // What stands there was not written here: a folder, say.
  }
}

async function writeLarge(path: string, bytes: Buffer): Promise<number> {
  await writeFile(path, bytes, { mode: 0o600 }).catch(refuseWrite)
  return bytes.length
}

/** A part of a larger piece of memory would keep all of it alive. */
function compact(bytes: Buffer): Buffer {
  return bytes.buffer.byteLength > 2 * bytes.length ? Buffer.from(bytes) : bytes
}

function chunksOf(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = []
  for (let start = 0; start < bytes.length; start += readBytes) chunks.push(bytes.subarray(start, start + readBytes))
  return chunks
}

function missingIsUndefined(error: unknown): undefined {
  if (errnoOf(error) === 'ENOENT') return undefined
  refuseRead(error)
}

function refuseRead(cause: unknown): never {
  throw storageError('An output cannot be read', cause)
}

import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, type open, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { GatewayError } from '../errors/gateway-error.ts'
import { ReceivedFile } from './received-file.ts'
import { refuseFileTooLarge } from './refuse-input.ts'
import { storageError } from './storage-error.ts'

/** Where received bytes are. */
export type ReceivedBytes =
  { readonly kind: 'memory'; readonly bytes: Buffer } | { readonly kind: 'file'; readonly path: string }

export interface FileReceiver {
  /** As `InputStore.receive`. */
  receive(source: AsyncIterable<Uint8Array>, pointer: string, announcedBytes?: number): Promise<ReceivedFile>
  /**
   * Lets somebody read the bytes, which stay that long whoever releases them meanwhile.
   * @throws GatewayError `client_closed_request` when they were released before
   */
  read<T>(received: ReceivedFile, use: (bytes: ReceivedBytes) => Promise<T>): Promise<T>
  /** As `InputStore.release`. */
  release(received: ReceivedFile): Promise<void>
  /** Whether a file of the folder is being received, or was and is not released. */
  isInUse(filename: string): boolean
  /** Releases what is left. */
  close(): Promise<void>
}

export interface FileReceiverOptions {
  readonly directory: string
  readonly maxFileBytes: number
  readonly openFile: typeof open
}

/** Files of at most this size are never written before they are kept. */
const inMemoryBytes = 256 * 1024

/** What a file is called in the folder until it is released. */
export const partPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.part$/

/** Receives files into a folder, hashed on the way; small ones into memory. */
export function createFileReceiver({ directory, maxFileBytes, openFile }: FileReceiverOptions): FileReceiver {
  const received = new Map<ReceivedFile, Holding>()
  const partNames = new Set<string>()

  async function receive(
    source: AsyncIterable<Uint8Array>,
    pointer: string,
    announcedBytes = 0,
  ): Promise<ReceivedFile> {
    if (announcedBytes > maxFileBytes) throw refuseFileTooLarge(pointer, maxFileBytes)
    const hash = createHash('sha256')
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    let part: OpenPart | undefined
    try {
      for await (const chunk of source) {
        sizeBytes += chunk.length
        if (sizeBytes > maxFileBytes) throw refuseFileTooLarge(pointer, maxFileBytes)
        hash.update(chunk)
        if (part === undefined && sizeBytes > inMemoryBytes) {
          part = await openPart()
          for (const early of chunks.splice(0)) await write(part, early)
        }
        if (part === undefined) chunks.push(chunk)
        else await write(part, chunk)
      }
      if (part !== undefined) await finish(part)
    } catch (error) {
      if (part !== undefined) await discard(part)
      throw error
    }
    const file = new ReceivedFile({ sha256: hash.digest('hex'), sizeBytes })
    const bytes: ReceivedBytes =
      part === undefined ? { kind: 'memory', bytes: Buffer.concat(chunks) } : { kind: 'file', path: part.path }
    received.set(file, { bytes, readers: new Set() })
    return file
  }

  interface OpenPart {
    readonly name: string
    readonly path: string
    readonly handle: FileHandle
  }

  async function openPart(): Promise<OpenPart> {
    const name = `${randomUUID()}.part`
    const path = join(directory, name)
    partNames.add(name)
    try {
      return { name, path, handle: await openFile(path, 'wx', 0o600) }
    } catch (cause) {
      partNames.delete(name)
      throw storageError('An input cannot be stored', cause)
    }
  }

  async function write({ handle }: OpenPart, chunk: Uint8Array): Promise<void> {
    try {
      await handle.writeFile(chunk)
    } catch (cause) {
      throw storageError('An input cannot be stored', cause)
    }
  }

  /** Some file systems tell only here that they are full. */
  async function finish({ handle }: OpenPart): Promise<void> {
    try {
      await handle.close()
    } catch (cause) {
      throw storageError('An input cannot be stored', cause)
    }
  }

  async function discard({ name, path, handle }: OpenPart): Promise<void> {
    await handle.close().catch(() => {})
    await removePart(name, path)
  }

  async function removePart(name: string, path: string): Promise<void> {
    // One that cannot be removed now is removed with what is old.
    await rm(path, { force: true }).catch(() => {})
    partNames.delete(name)
  }

  async function read<T>(file: ReceivedFile, use: (bytes: ReceivedBytes) => Promise<T>): Promise<T> {
    const holding = received.get(file)
    if (holding === undefined) throw new GatewayError('client_closed_request')
    const reading = use(holding.bytes)
    const ended = Promise.allSettled([reading])
    holding.readers.add(ended)
    try {
      return await reading
    } finally {
      holding.readers.delete(ended)
    }
  }

  async function release(file: ReceivedFile): Promise<void> {
    const holding = received.get(file)
    received.delete(file)
    if (holding?.bytes.kind !== 'file') return
    await Promise.all(holding.readers)
    await removePart(basename(holding.bytes.path), holding.bytes.path)
  }

  return {
    receive,
    read,
    release,
    isInUse: (filename) => partNames.has(filename),
    async close() {
      await Promise.all([...received.keys()].map(release))
    },
  }
}

interface Holding {
  readonly bytes: ReceivedBytes
  /** Each resolves when one who reads has ended. */
  readonly readers: Set<Promise<unknown>>
}

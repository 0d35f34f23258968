import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { open, opendir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Readable } from 'node:stream'
import { errnoOf } from '../lib/errno-of.ts'
import { placeDurably, writeDurably } from '../lib/write-durably.ts'
import { checkInput, checkReceived } from './check-input.ts'
import type { InputFile } from './input-file.ts'
import { filenameOf, inputNameOf } from './input-name.ts'
import type { InputStore } from './input-store.ts'
import { createFileReceiver, partPattern } from './receive-files.ts'
import type { ReceivedFile } from './received-file.ts'
import type { InputKind, TakenKind } from './formats/sniff-media.ts'
import { storageError } from './storage-error.ts'

export interface LocalInputStoreOptions {
  /** Made where it is missing. Holds nothing but inputs. */
  readonly directory: string
  /** Largest input that is taken by `put`. */
  readonly maxBytes: number
  /** Largest input that is taken by `receive`; `maxBytes` unless given. */
  readonly maxFileBytes?: number
  readonly now?: () => number
  /** Opens what is received for writing; that of the file system unless given. */
  readonly openFile?: typeof open
}

/**
 * Inputs as files `<sha256>.<extension>` in one folder. The time of the last `put` is the file's modification time.
 * Stored bytes survive a power cut: the job that is made of them does.
 *
 * @throws GatewayError `storage_unavailable` when the folder cannot be made
 */
export function createLocalInputStore(options: LocalInputStoreOptions): InputStore {
  const { directory, maxBytes, maxFileBytes = maxBytes, now = Date.now, openFile = open } = options
  const receiver = createFileReceiver({ directory, maxFileBytes, openFile })
  /** Writes on the way, so that bytes that come twice at once are written once. */
  const writes = new Map<string, Promise<void>>()
  let partCount = 0

  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    // Of requests that an earlier process did not end.
    for (const name of readdirSync(directory))
      if (partPattern.test(name)) rmSync(join(directory, name), { force: true })
  } catch (cause) {
    throw storageError(`The folder for inputs, ${directory}, cannot be made`, cause)
  }

  async function put(bytes: Buffer, pointer: string, kind?: InputKind): Promise<InputFile> {
    const file = await checkInput(bytes, pointer, maxBytes, kind)
    const filename = basename(file.name)
    if (!touch(filename)) await writeOnce(filename, (path, part) => writeDurably(path, part, bytes))
    return file
  }

  function keep(received: ReceivedFile, pointer: string, kind?: TakenKind): Promise<InputFile> {
    return receiver.read(received, async (bytes) => {
      const file = await checkReceived(received, bytes, pointer, kind)
      const filename = basename(file.name)
      if (!touch(filename))
        await writeOnce(filename, (path, part) =>
          bytes.kind === 'memory' ? writeDurably(path, part, bytes.bytes) : placeDurably(path, part, bytes.path),
        )
      return file
    })
  }

  function check(received: ReceivedFile, pointer: string, kind?: TakenKind): Promise<InputFile> {
    return receiver.read(received, (bytes) => checkReceived(received, bytes, pointer, kind))
  }

  /** False when there is no such file. In one go, so that nothing removes the file between the look and the touch. */
  function touch(filename: string): boolean {
    const nowSeconds = now() / 1000
    try {
      utimesSync(join(directory, filename), nowSeconds, nowSeconds)
      return true
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false
      throw storageError('An input cannot be stored', error)
    }
  }

  async function writeOnce(filename: string, write: (path: string, part: string) => Promise<void>): Promise<void> {
    let written = writes.get(filename)
    if (written === undefined) {
      partCount += 1
      const path = join(directory, filename)
      written = write(path, `${path}.${partCount}.part`).finally(() => writes.delete(filename))
      writes.set(filename, written)
    }
    try {
      await written
    } catch (cause) {
      throw storageError('An input cannot be stored', cause)
    }
    touch(filename)
  }

  async function openInput(file: InputFile, range?: { start: number; end: number }): Promise<Readable | undefined> {
    const filename = filenameOf(file.name)
    if (filename === undefined) return undefined
    try {
      const handle = await open(join(directory, filename))
      return handle.createReadStream(range)
    } catch (cause) {
      if (errnoOf(cause) === 'ENOENT') return undefined
      throw storageError('An input cannot be read', cause)
    }
  }

  function renew(file: InputFile): boolean {
    const filename = filenameOf(file.name)
    return filename !== undefined && touch(filename)
  }

  function remove(name: string): void {
    const filename = filenameOf(name)
    if (filename === undefined) return
    try {
      rmSync(join(directory, filename), { force: true })
    } catch (cause) {
      throw storageError('An input cannot be removed', cause)
    }
  }

  async function deleteUnusedBefore(timeMs: number, isNeeded: (name: string) => boolean): Promise<void> {
    try {
      for await (const { name } of await opendir(directory)) {
        const [, filename, part] = filePattern.exec(name) ?? []
        if (filename === undefined ? !partPattern.test(name) || receiver.isInUse(name) : false) continue
        if (filename !== undefined && part === undefined && isNeeded(inputNameOf(filename))) continue
        const path = join(directory, name)
        const found = await stat(path).catch(() => undefined)
        if (found !== undefined && found.mtimeMs < timeMs) removeIfStillBefore(path, timeMs)
      }
    } catch (cause) {
      throw storageError('Old inputs cannot be removed', cause)
    }
  }

  async function close(): Promise<void> {
    await Promise.allSettled(writes.values())
    await receiver.close()
  }

  const receive: InputStore['receive'] = (...asked) => receiver.receive(...asked)
  const release: InputStore['release'] = (received) => receiver.release(received)
  return { put, receive, keep, check, release, open: openInput, renew, remove, deleteUnusedBefore, close }
}

const filePattern = /^([0-9a-f]{64}\.[a-z0-9]{1,8})(\.\d+\.part)?$/

/** The look and the removal are one step: a `put` meanwhile would have made the file needed again. */
function removeIfStillBefore(path: string, timeMs: number): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && found.mtimeMs < timeMs) rmSync(path, { force: true })
}

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import type { GatewayError } from '../errors/gateway-error.ts'
import { errnoOf } from '../lib/errno-of.ts'
import { Tally } from '../lib/tally.ts'
import { writeDurably } from '../lib/write-durably.ts'
import type { InputFile } from './input-file.ts'
import type { InputStore } from './input-store.ts'
import { isTakenAs, kindOfMedia } from './formats/media-kinds.ts'
import type { ReceivedFile } from './received-file.ts'
import { refuseInput } from './refuse-input.ts'
import type { InputKind } from './formats/sniff-media.ts'
import { storageError } from './storage-error.ts'

/** A file that a caller sent once, to name it in many requests. */
export interface Asset {
  /** SHA-256 of the bytes, in hexadecimal. */
  readonly id: string
  readonly file: InputFile
  readonly createdAtMs: number
  /** Later with every use. */
  readonly expiresAtMs: number
}

/** What of the input store callers may name, and until when. The bytes themselves lie in the input store, once. */
export interface Assets {
  /**
   * Keeps what was received, whatever kind of media it is. The same bytes again are the same asset, renewed.
   * @throws GatewayError `unsupported_input` when they are no supported media, `storage_unavailable`
   */
  add(received: ReceivedFile, pointer: string): Promise<{ asset: Asset; isNew: boolean }>
  /** `undefined` when there is none or it has expired. Any text may be asked for. */
  get(id: string): Asset | undefined
  /**
   * The file of an asset that goes where this kind is wanted.
   * @throws GatewayError `unsupported_input`, whose field error is `asset_not_found`, or `unsupported_type`
   */
  find(id: string, pointer: string, kind: InputKind): InputFile
  /** As `find`, and counts as a use: the file stays for now, the asset for another full time. @throws GatewayError also `storage_unavailable` */
  use(id: string, pointer: string, kind: InputKind): Promise<InputFile>
  /** The bytes go with it, unless something else needs them. False when there was none. @throws GatewayError `storage_unavailable` */
  remove(id: string): boolean
  /** Whether an asset needs the file of this name. One that has expired is removed here. */
  holds(inputName: string): boolean
  /** Waits for what is being written. */
  close(): Promise<void>
}

export interface AssetsOptions {
  readonly inputs: Pick<InputStore, 'keep' | 'renew' | 'remove'>
  /** Made where it is missing. Holds nothing but the records of assets. */
  readonly directory: string
  /** From the last upload or use. */
  readonly retentionMs: number
  /** Whether something else than an asset needs the file of this name. */
  readonly isNeeded: (inputName: string) => boolean
  readonly now?: () => number
}

/** What is remembered of an asset on disk. The time of its last use is the modification time of the record. */
const recordSchema = z.object({
  name: z.string(),
  content_type: z.string(),
  size_bytes: z.int().nonnegative(),
  created_at_ms: z.number(),
})

interface KnownAsset {
  readonly id: string
  readonly file: InputFile
  readonly createdAtMs: number
  usedAtMs: number
}

/**
 * Assets as records `<sha256>.json` in one folder, known from the start. They survive a crash.
 * @throws GatewayError `storage_unavailable` when the folder cannot be made or read
 */
export function createAssets(options: AssetsOptions): Assets {
  const { inputs, directory, retentionMs, isNeeded, now = Date.now } = options
  const known = new Map<string, KnownAsset>()
  /** Ids of what is being added: their files stay, whatever else happens. */
  const adding = new Tally()
  /** Id → the record that is being written. */
  const writes = new Map<string, Promise<void>>()
  let partCount = 0

  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const filename of readdirSync(directory)) load(filename)
  } catch (cause) {
    throw storageError(`The folder for assets, ${directory}, cannot be read`, cause)
  }

  /** Takes up a record. One that cannot be read, or that was being written in a crash, is no asset. */
  function load(filename: string): void {
    const [, id, part] = recordPattern.exec(filename) ?? []
    if (id === undefined) return
    const path = join(directory, filename)
    const asset = part === undefined ? readRecord(path, id) : undefined
    if (asset === undefined) rmSync(path, { force: true })
    else known.set(id, asset)
  }

  async function add(received: ReceivedFile, pointer: string): Promise<{ asset: Asset; isNew: boolean }> {
    const id = received.sha256
    adding.add(id)
    try {
      const file = await inputs.keep(received, pointer, 'any')
      for (let write = writes.get(id); write !== undefined; write = writes.get(id)) await write.catch(() => {})
      const found = current(id)
      if (found !== undefined && touch(found)) return { asset: present(found), isNew: false }

      const asset: KnownAsset = { id, file, createdAtMs: now(), usedAtMs: now() }
      const write = writeRecord(asset).finally(() => writes.delete(id))
      writes.set(id, write)
      await write
      return { asset: present(asset), isNew: true }
    } finally {
      adding.remove(id)
    }
  }

  async function writeRecord(asset: KnownAsset): Promise<void> {
    const { id, file, createdAtMs } = asset
    const record: z.infer<typeof recordSchema> = {
      name: file.name,
      content_type: file.contentType,
      size_bytes: file.sizeBytes,
      created_at_ms: createdAtMs,
    }
    partCount += 1
    const path = pathOf(id)
    try {
      await writeDurably(path, `${path}.${partCount}.part`, Buffer.from(JSON.stringify(record)))
    } catch (cause) {
      throw storageError('An asset cannot be stored', cause)
    }
    known.set(id, asset)
    touch(asset)
  }

  /** Counts as a use now. False when the record is gone. */
  function touch(asset: KnownAsset): boolean {
    const usedAtMs = now()
    try {
      utimesSync(pathOf(asset.id), usedAtMs / 1000, usedAtMs / 1000)
    } catch (cause) {
      if (errnoOf(cause) !== 'ENOENT') throw storageError('An asset cannot be renewed', cause)
      known.delete(asset.id)
      return false
    }
    asset.usedAtMs = usedAtMs
    return true
  }

  /** The asset, unless its time is over: then it is forgotten here. */
  function current(id: string): KnownAsset | undefined {
    const asset = known.get(id)
    if (asset === undefined || asset.usedAtMs + retentionMs > now()) return asset
    forget(asset)
    return undefined
  }

  /** The look and the removal are one step: what is accepted meanwhile finds its inputs there, or is refused. */
  function forget({ id, file }: KnownAsset): void {
    try {
      rmSync(pathOf(id), { force: true })
    } catch (cause) {
      throw storageError('An asset cannot be removed', cause)
    }
    known.delete(id)
    if (!adding.has(id) && !isNeeded(file.name)) inputs.remove(file.name)
  }

  function present({ id, file, createdAtMs, usedAtMs }: KnownAsset): Asset {
    return { id, file, createdAtMs, expiresAtMs: usedAtMs + retentionMs }
  }

  function find(id: string, pointer: string, kind: InputKind): KnownAsset {
    const asset = current(id)
    if (asset === undefined) throw refuseUnknown(id, pointer)
    const { contentType } = asset.file
    if (isTakenAs(contentType, kind)) return asset
    const message = `names an asset that holds ${kindNames[kindOfMedia(contentType)]} (${contentType}), where ${kindNames[kind]} is wanted.`
    throw refuseInput(pointer, 'unsupported_type', message)
  }

  function pathOf(id: string): string {
    return join(directory, `${id}.json`)
  }

  return {
    add,
    get(id) {
      const asset = current(id)
      return asset && present(asset)
    },
    find: (id, pointer, kind) => find(id, pointer, kind).file,
    async use(id, pointer, kind) {
      const asset = find(id, pointer, kind)
      if (inputs.renew(asset.file) && touch(asset)) return asset.file
      forget(asset)
      throw refuseUnknown(id, pointer)
    },
    remove(id) {
      const asset = current(id)
      if (asset === undefined) return false
      forget(asset)
      return true
    },
    holds(inputName) {
      const [, id] = namePattern.exec(inputName) ?? []
      return id !== undefined && (current(id)?.file.name === inputName || adding.has(id))
    },
    async close() {
      await Promise.allSettled(writes.values())
    },
  }
}

const assetIdPattern = /^[0-9a-f]{64}$/
const recordPattern = /^([0-9a-f]{64})\.json(\.\d+\.part)?$/
/** The part of an input's name that is its hash. */
const namePattern = /\/([0-9a-f]{64})\.[a-z0-9]{1,8}$/

const kindNames: Readonly<Record<InputKind, string>> = {
  image: 'an image',
  video: 'a video',
  audio: 'a sound',
  '3d': 'a 3D model',
}

function readRecord(path: string, id: string): KnownAsset | undefined {
  const record = parseRecord(readFileSync(path, 'utf8'))
  if (record === undefined || namePattern.exec(record.name)?.[1] !== id) return undefined
  return {
    id,
    file: { name: record.name, sha256: id, contentType: record.content_type, sizeBytes: record.size_bytes },
    createdAtMs: record.created_at_ms,
    usedAtMs: statSync(path).mtimeMs,
  }
}

function parseRecord(text: string): z.infer<typeof recordSchema> | undefined {
  try {
    return recordSchema.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function refuseUnknown(id: string, pointer: string): GatewayError {
  const message = assetIdPattern.test(id)
    ? `names the asset ${id.slice(0, 12)}…, which does not exist or has expired: upload it again with POST /assets.`
    : 'names no asset: an id has 64 digits of 0-9 and a-f. POST /assets answers with it.'
  return refuseInput(pointer, 'asset_not_found', message)
}

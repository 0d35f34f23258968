import { hash } from 'node:crypto'
import type { InputFile } from '../../inputs/input-file.ts'
import { inputFolder } from '../../inputs/input-name.ts'
import { isReceivedFile } from '../../inputs/received-file.ts'
import type { InputKind } from '../../inputs/formats/sniff-media.ts'
import { assetIdIn } from '../../workflows/parameters/asset-reference.ts'
import type { MediaKind } from '../../workflows/parameters/media.ts'
import type { MediaField } from '../../workflows/served-workflow.ts'
import { isRecord } from '../../lib/json-record.ts'
import { pointerTo } from '../../lib/json-pointer.ts'
import { fetchUrls, withoutFetching, type FetchOptions, type UrlPlace, type UrlStorage } from './fetch-urls.ts'
import { fieldRefusal } from './refuse-fields.ts'

export interface MediaStorage extends UrlStorage {
  readonly decodeMedia: (value: string, pointer: string) => Buffer
  /** The file of an asset. @throws GatewayError `unsupported_input`, `storage_unavailable` */
  readonly useAsset: (id: string, pointer: string, kind: InputKind) => Promise<InputFile>
}

/**
 * A storage for a request that was answered before, for which nothing is fetched or looked up: what it names may be gone
 * by now.
 */
export function forRepeat(storage: MediaStorage): MediaStorage {
  return { ...withoutFetching(storage), useAsset: (id) => Promise.resolve(standInForAsset(id)) }
}

/** Says no more than that the same asset is the same file. */
function standInForAsset(id: string): InputFile {
  const sha256 = hash('sha256', id)
  return { name: `${inputFolder}/${sha256}.asset`, sha256, contentType: 'application/octet-stream', sizeBytes: 0 }
}

/**
 * Stores the media among raw parameters and puts the names of the stored files in their place. What is neither text nor
 * a received file nor an asset stays as it is, for the workflow's own check to refuse.
 * @throws GatewayError `unsupported_input`, `validation_error`, `storage_unavailable`, and what `fetchUrls` throws
 */
export async function storeMedia(
  parameters: Record<string, unknown>,
  fields: readonly MediaField[],
  storage: MediaStorage,
  options: FetchOptions = {},
): Promise<InputFile[]> {
  const files = new Map<string, InputFile>()
  const places: UrlPlace[] = []
  const store = async (value: unknown, { path, replace }: Place, kind: InputKind): Promise<void> => {
    const pointer = pointerTo(...path)
    const url = typeof value === 'string' ? storage.urls.read(value, pointer) : undefined
    if (url !== undefined) {
      places.push({ url, pointer, kind, replace })
      return
    }
    const file = await fileOf(value, pointer, kind, storage)
    if (file === undefined) return
    files.set(file.name, file)
    replace(file.name)
  }
  for (const { path, kind } of fields) {
    await visitAt(parameters, path, [], (value, place) => store(value, place, inputKind(kind)))
  }
  for (const file of await fetchUrls(places, storage, options)) files.set(file.name, file)
  return [...files.values()]
}

async function fileOf(
  value: unknown,
  pointer: string,
  kind: InputKind,
  { inputs, decodeMedia, useAsset }: MediaStorage,
): Promise<InputFile | undefined> {
  if (typeof value === 'string') return inputs.put(decodeMedia(value, pointer), pointer, kind)
  if (isReceivedFile(value)) return inputs.keep(value, pointer, kind)
  const assetId = assetIdIn(value)
  if (assetId !== undefined) return useAsset(assetId, pointer, kind)
  if (!isRecord(value) || !Object.hasOwn(value, 'asset')) return undefined
  const message = 'names no asset: in {"asset": id} the id is a text, and nothing stands beside it'
  throw fieldRefusal({ pointer, code: 'invalid_asset', message })
}

/** A mask is an image of which one channel is read. */
export function inputKind(kind: MediaKind): InputKind {
  return kind === 'mask' ? 'image' : kind
}

interface Place {
  readonly path: readonly (string | number)[]
  readonly replace: (name: string) => void
}

async function visitAt(
  container: unknown,
  [segment, ...rest]: readonly string[],
  walked: readonly (string | number)[],
  visit: (value: unknown, place: Place) => Promise<void>,
): Promise<void> {
  if (segment === undefined) return
  if (Array.isArray(container) && segment === '*') {
    for (const [index, member] of container.entries()) {
      const path = [...walked, index]
      const replace = (name: string) => void (container[index] = name)
      if (rest.length === 0) await visit(member, { path, replace })
      else await visitAt(member, rest, path, visit)
    }
  } else if (isRecord(container) && Object.hasOwn(container, segment)) {
    const path = [...walked, segment]
    const replace = (name: string) => void (container[segment] = name)
    if (rest.length === 0) await visit(container[segment], { path, replace })
    else await visitAt(container[segment], rest, path, visit)
  }
}

/** Files may only stand where media belong. @throws GatewayError `validation_error` */
export function refuseStrayFiles(parameters: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(parameters)) {
    const members = Array.isArray(value) ? value : [value]
    if (!members.some(isReceivedFile)) continue
    throw fieldRefusal({ pointer: pointerTo(name), code: 'too_many_files', message: 'takes one file' })
  }
}

import { hash } from 'node:crypto'
import { inputFolder } from '../../inputs/input-name.ts'
import type { InputFile } from '../../inputs/input-file.ts'
import type { MediaFetcher } from '../../inputs/urls/fetch-media.ts'
import type { ReadMediaUrl } from '../../inputs/urls/read-media-url.ts'
import type { InputStore } from '../../inputs/input-store.ts'
import type { InputKind } from '../../inputs/formats/sniff-media.ts'
import { fieldRefusal } from './refuse-fields.ts'

/** A URL in place of media, and what puts the name of a file there. */
export interface UrlPlace {
  readonly url: URL
  readonly pointer: string
  readonly kind: InputKind
  readonly replace: (name: string) => void
}

export interface UrlStorage {
  readonly inputs: Pick<InputStore, 'put' | 'keep' | 'release'>
  /** Without `fetch` nothing is fetched: a name that is made of the URL stands for each file. */
  readonly urls: { readonly read: ReadMediaUrl; readonly fetch?: MediaFetcher['fetch'] }
}

/** What a request says about the fetches that are made for it. */
export interface FetchControl {
  /** Nobody waits for it any more. */
  readonly signal: AbortSignal
  /** The job of the request is there already, with what was fetched for it then. */
  readonly isRepeat: (chosenId: string | undefined) => boolean
}

export interface FetchOptions {
  /** Called when a name stands in each place, before anything is fetched: the last look at the rest of the request. */
  readonly beforeFetch?: () => void
  readonly signal?: AbortSignal | undefined
}

const maxUrls = 32
/** Of one request at the same time. */
const lanes = 4

/**
 * Fetches what stands at URLs, each of them once, stores it, and puts the names of the files in their place. When one
 * fails the others are given up, and nothing is under way any more when this rejects.
 * @throws GatewayError as `MediaFetcher.fetch` and `InputStore.keep`, and `validation_error` for more URLs than are taken
 */
export async function fetchUrls(
  places: readonly UrlPlace[],
  { inputs, urls: { fetch } }: UrlStorage,
  { beforeFetch, signal }: FetchOptions,
): Promise<InputFile[]> {
  const wanted = [...Map.groupBy(places, ({ url }) => url.href).values()]
  const [tooMany] = wanted[maxUrls] ?? []
  if (tooMany !== undefined) {
    const message = `is one URL too many: at most ${maxUrls} are taken in one request`
    throw fieldRefusal({ pointer: tooMany.pointer, code: 'too_many_urls', message })
  }
  for (const { url, replace } of places) replace(standInFor(url).name)
  if (wanted.length > 0) beforeFetch?.()
  if (fetch === undefined) return wanted.flatMap(([first]) => (first === undefined ? [] : [standInFor(first.url)]))

  const files: InputFile[] = []
  const failures: unknown[] = []
  const abandon = new AbortController()
  const giveUp = () => abandon.abort(signal?.reason)
  if (signal?.aborted === true) giveUp()
  signal?.addEventListener('abort', giveUp, { once: true })

  async function work(): Promise<void> {
    for (let same = wanted.shift(); same !== undefined && failures.length === 0; same = wanted.shift()) {
      const [first] = same
      if (first === undefined || fetch === undefined) continue
      try {
        const received = await fetch(first.url, first.pointer, abandon.signal)
        try {
          for (const { pointer, kind, replace } of same) {
            const file = await inputs.keep(received, pointer, kind)
            replace(file.name)
            files.push(file)
          }
        } finally {
          await inputs.release(received)
        }
      } catch (error) {
        failures.push(error)
        abandon.abort()
      }
    }
  }
  await Promise.all(Array.from({ length: lanes }, work))
  signal?.removeEventListener('abort', giveUp)
  if (failures.length > 0) throw failures[0]
  return files
}

/** A storage that fetches nothing. */
export function withoutFetching<Storage extends UrlStorage>(storage: Storage): Storage {
  return { ...storage, urls: { read: storage.urls.read } }
}

/** Says no more than that the same URL is the same file. */
function standInFor({ href }: URL): InputFile {
  const sha256 = hash('sha256', href)
  return { name: `${inputFolder}/${sha256}.url`, sha256, contentType: 'application/octet-stream', sizeBytes: 0 }
}

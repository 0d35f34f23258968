import { isIP } from 'node:net'
import { type buildConnector, Client, type Dispatcher } from 'undici'
import { GatewayError } from '../../errors/gateway-error.ts'
import { connectPinned } from './connect-pinned.ts'
import { createFetchSlots } from './fetch-slots.ts'
import type { InputStore } from '../input-store.ts'
import { createMediaUrlReader, refuseUrl, type ReadMediaUrl } from './read-media-url.ts'
import { isReceivedFile, type ReceivedFile } from '../received-file.ts'
import { refuseInput, refuseTooLarge } from '../refuse-input.ts'
import { createHostResolver, type ResolveHost } from './resolve-host.ts'
import { hostOf, portOf, type UrlRules } from './url-rules.ts'

/** Media that callers give by URL. */
export interface MediaFetcher {
  readonly read: ReadMediaUrl
  /**
   * What is at a URL, at most 3 redirects further, to be released. No word of what was there gets into errors.
   * @param signal gives it up; where its reason is a GatewayError, that is what is thrown
   * @throws GatewayError `unsupported_input`, `url_unreachable`, `overloaded`, `client_closed_request`, `draining`,
   * and what `receive` throws
   */
  fetch(url: URL, pointer: string, signal?: AbortSignal): Promise<ReceivedFile>
  /** Gives up what is under way, and resolves when nothing of it is left. */
  close(): Promise<void>
}

export interface MediaFetcherOptions {
  readonly rules: UrlRules
  readonly maxBytes: number
  /** Where the bytes go as they come. */
  readonly receive: InputStore['receive']
  /** Asks the name servers of this machine when absent. */
  readonly resolve?: ResolveHost
  /** Authorities whose certificates are trusted, in place of the usual ones. */
  readonly ca?: readonly string[]
  /** For one URL, from the call to the last byte; 120 s. */
  readonly totalTimeoutMs?: number
  /** Longest silence; 30 s. */
  readonly idleTimeoutMs?: number
  /** Fetches at the same time; 16. */
  readonly slots?: number
  /** Those that wait for one of them; 256. */
  readonly maxWaiting?: number
}

const maxRedirects = 3
const connectTimeoutMs = 10_000
const redirects = new Set([301, 302, 303, 307, 308])
/** Answers after which the same request may get another one. */
const passing = new Set([408, 425, 429])
const headers = {
  accept: 'image/*, video/*, audio/*, */*;q=0.5',
  'accept-encoding': 'identity',
  'user-agent': 'comfyui-api',
}

/** Fetches with connections of its own: nothing of one caller, no cookie, key or connection, is there for the next. */
export function createMediaFetcher(options: MediaFetcherOptions): MediaFetcher {
  const {
    rules,
    maxBytes,
    receive,
    resolve = createHostResolver(),
    ca,
    totalTimeoutMs = 120_000,
    idleTimeoutMs = 30_000,
  } = options
  const slots = createFetchSlots({ slots: options.slots ?? 16, maxWaiting: options.maxWaiting ?? 256 })
  const running = new Map<AbortController, Promise<unknown>>()
  let isClosed = false

  async function fetch(url: URL, pointer: string, signal?: AbortSignal): Promise<ReceivedFile> {
    if (isClosed) throw new GatewayError('draining')
    if (signal?.aborted === true) throw whyGivenUp(signal)
    const controller = new AbortController()
    const giveUp = () => controller.abort(signal === undefined ? undefined : whyGivenUp(signal))
    const onTimeout = () =>
      controller.abort(refuseUnreachable(pointer, `was not there within ${totalTimeoutMs / 1000} s`))
    const timer = setTimeout(onTimeout, totalTimeoutMs)
    signal?.addEventListener('abort', giveUp, { once: true })
    const work = fetchInSlot(url, pointer, controller.signal)
    const ended = Promise.allSettled([work])
    running.set(controller, ended)
    try {
      return await work
    } catch (error) {
      throw controller.signal.aborted ? controller.signal.reason : error
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', giveUp)
      running.delete(controller)
    }
  }

  async function fetchInSlot(url: URL, pointer: string, signal: AbortSignal): Promise<ReceivedFile> {
    const release = await slots.take(signal)
    if (release === undefined)
      throw new GatewayError('overloaded', { detail: 'Too many URLs wait for being fetched.', retryAfterSeconds: 10 })
    try {
      return await follow(url, pointer, signal)
    } finally {
      release()
    }
  }

  async function follow(first: URL, pointer: string, signal: AbortSignal): Promise<ReceivedFile> {
    let url = first
    for (let hops = 0; hops <= maxRedirects; hops += 1) {
      const found = await getOnce(url, pointer, { signal, isFirst: hops === 0 })
      if (isReceivedFile(found)) return found
      const target = URL.parse(found, url.href)
      const next = target === null ? 'it is no valid URL' : rules.read(target.href)
      if (typeof next === 'string') throw refuseUrl(pointer, next, 'leads to')
      url = next
    }
    throw refuseInput(pointer, 'too_many_redirects', `is a URL with more than ${maxRedirects} redirects.`)
  }

  /** One request; what is there, or where it leads to. */
  async function getOnce(
    url: URL,
    pointer: string,
    { signal, isFirst }: { signal: AbortSignal; isFirst: boolean },
  ): Promise<ReceivedFile | string> {
    const addresses = await addressesOf(url, pointer, signal)
    const reason = rules.whyNotConnected(url, addresses)
    if (reason !== undefined) throw refuseUrl(pointer, reason, isFirst ? 'is' : 'leads to')
    const connect = connectorFor({
      host: hostOf(url),
      port: portOf(url),
      isEncrypted: url.protocol === 'https:',
      addresses,
      isAllowed: (address) => rules.whyNotConnected(url, [address]) === undefined,
      ca,
      timeoutMs: Math.min(connectTimeoutMs, idleTimeoutMs),
      signal,
    })
    const timeouts = { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs }
    const client = new Client(url.origin, { connect, ...timeouts, allowH2: false, pipelining: 1 })
    try {
      const path = `${url.pathname}${url.search}`
      const answer = await client.request({ method: 'GET', path, headers, signal })
      answer.body.on('error', () => {})
      const location = headerOf(answer, 'location')
      if (redirects.has(answer.statusCode) && location !== undefined) return location
      checkAnswer(answer, pointer, maxBytes)
      return await receive(limited(answer.body, pointer), pointer)
    } catch (error) {
      if (error instanceof GatewayError || signal.aborted) throw error
      throw refuseUnreachable(pointer, `could not be fetched${codeOf(error)}`, error)
    } finally {
      await client.destroy()
    }
  }

  async function* limited(body: AsyncIterable<unknown>, pointer: string): AsyncGenerator<Buffer> {
    let sizeBytes = 0
    for await (const chunk of body) {
      if (!Buffer.isBuffer(chunk)) continue
      sizeBytes += chunk.length
      if (sizeBytes > maxBytes) throw refuseTooLarge(pointer, maxBytes)
      yield chunk
    }
    if (sizeBytes === 0) throw refuseInput(pointer, 'empty', 'is a URL whose answer is empty.')
  }

  async function addressesOf(url: URL, pointer: string, signal: AbortSignal): Promise<readonly string[]> {
    const host = hostOf(url)
    if (isIP(host) !== 0) return [host]
    let addresses: readonly string[]
    try {
      addresses = await resolve(host, signal)
    } catch (error) {
      if (signal.aborted) throw error
      throw refuseUnreachable(pointer, `could not be fetched: its host cannot be looked up${codeOf(error)}`, error)
    }
    if (addresses.length > 0) return addresses
    throw refuseUnreachable(pointer, 'could not be fetched: its host has no address')
  }

  return {
    read: createMediaUrlReader(rules),
    fetch,
    async close() {
      isClosed = true
      const ended = [...running.values()]
      for (const controller of running.keys()) controller.abort(new GatewayError('draining'))
      await Promise.all(ended)
    },
  }
}

function connectorFor(connection: Parameters<typeof connectPinned>[0]): buildConnector.connector {
  return (_options, callback) => {
    connectPinned(connection).then(
      (socket) => callback(null, socket),
      (error: unknown) => callback(error instanceof Error ? error : new Error('no connection'), null),
    )
  }
}

function checkAnswer(answer: Dispatcher.ResponseData, pointer: string, maxBytes: number): void {
  const { statusCode } = answer
  if (statusCode !== 200) {
    if (statusCode >= 500 || passing.has(statusCode))
      throw refuseUnreachable(pointer, `could not be fetched: it answered ${statusCode}`)
    throw refuseInput(pointer, 'url_status', `is a URL that answered ${statusCode}, not 200.`)
  }
  const encoding = headerOf(answer, 'content-encoding')
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity')
    throw refuseInput(pointer, 'url_encoded', 'is a URL whose answer is compressed, though none was asked for.')
  if (Number(headerOf(answer, 'content-length') ?? 0) > maxBytes) throw refuseTooLarge(pointer, maxBytes)
}

function headerOf({ headers: all }: Dispatcher.ResponseData, name: string): string | undefined {
  return [all[name]].flat()[0]?.trim()
}

function refuseUnreachable(pointer: string, what: string, cause?: unknown): GatewayError {
  const message = `is a URL that ${what}.`
  return new GatewayError('url_unreachable', {
    detail: `${pointer} ${message}`,
    errors: [{ pointer, code: 'url_unreachable', message }],
    cause,
  })
}

/** Codes are of the system, of OpenSSL or of the client; messages may repeat what the other end sent. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return ''
  return /^[A-Z][A-Z0-9_]{1,60}$/.test(error.code) ? ` (${error.code})` : ''
}

function whyGivenUp(signal: AbortSignal): GatewayError {
  return signal.reason instanceof GatewayError ? signal.reason : new GatewayError('client_closed_request')
}

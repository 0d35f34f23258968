import { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import type { MeasuredProcess } from '../measured-process.ts'
import { type MediaFile, partOf, piecesOf } from './media-bytes.ts'

export interface MediaLoad {
  readonly bytes: number
  readonly extension: 'png' | 'mp4'
  readonly answer: 'raw' | 'base64'
  /** Bytes of an image that goes with each request, in a form. */
  readonly sentBytes?: number
  /** Jobs that are submitted and not yet answered at any time. */
  readonly submitted: number
  readonly jobs: number
}

export interface MediaFigures {
  readonly jobsPerSecond: number
  /** From the request to the first byte of the answer's body. */
  readonly firstByteMs: number
  readonly cpuSecondsPer1000: number
  /** The most memory it held since it was started, or since it was last told to forget. */
  readonly peakMemoryMiB: number
}

export const mebibyte = 1024 * 1024

/** What is measured, in words. */
export function nameOf({ bytes, extension, sentBytes }: MediaLoad): string {
  return sentBytes === undefined ? `${sizeOf(bytes)} ${extension}` : `${sizeOf(sentBytes)} png as input`
}

function sizeOf(bytes: number): string {
  return bytes < mebibyte ? `${String(bytes / 1024)} KB` : `${String(bytes / mebibyte)} MB`
}

/** Kept of each answer: enough for the JSON before the first image. */
const keptHeadBytes = 8192
const keptTailBytes = 512
const imagesKey = '"images":["'
const afterImages = '"]}'
let nonce = Math.floor(Math.random() * 1e9)

/** Drives one system with a closed loop of callers, who read as fast as they can and check each answer. */
export async function measureMedia(system: MeasuredProcess, url: string, load: MediaLoad): Promise<MediaFigures> {
  const pool = new Pool(url, { connections: load.submitted, pipelining: 1 })
  const firstByteMs: number[] = []
  let left = load.jobs
  const caller = async () => {
    while (left-- > 0) firstByteMs.push(await run(pool, load, ++nonce))
  }
  try {
    const cpuBefore = await system.cpuSeconds()
    const beganAt = performance.now()
    await Promise.all(Array.from({ length: load.submitted }, caller))
    const seconds = (performance.now() - beganAt) / 1000
    const cpuSeconds = (await system.cpuSeconds()) - cpuBefore
    return {
      jobsPerSecond: load.jobs / seconds,
      firstByteMs: medianOf(firstByteMs),
      cpuSecondsPer1000: (cpuSeconds / load.jobs) * 1000,
      peakMemoryMiB: await system.peakMemoryMiB(),
    }
  } finally {
    await pool.destroy()
  }
}

export function medianOf(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Resolves to the time until the first byte, when the answer is complete and right. */
async function run(pool: Pool, load: MediaLoad, jobNonce: number): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<Received>()
  const beganAt = performance.now()
  pool.dispatch(requestOf(load, jobNonce), new Receiver(resolve, reject))
  const received = await promise
  const wrong = whatIsWrong(received, { ...load, nonce: jobNonce }, load.answer)
  if (wrong !== undefined) throw new Error(`${wrong}: ${received.head.toString('latin1', 0, 500)}`)
  return received.firstByteAtMs - beganAt
}

function requestOf(load: MediaLoad, jobNonce: number): Dispatcher.DispatchOptions {
  const { bytes, extension, answer, sentBytes } = load
  const raw = extension === 'mp4' ? 'video/mp4' : 'image/png'
  const headers = { accept: answer === 'base64' ? 'application/json' : raw }
  if (sentBytes === undefined) {
    return {
      method: 'POST',
      path: '/bench/media',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ nonce: jobNonce, bytes, extension }),
    }
  }
  const { contentType, sizeBytes, pieces } = formOf(load, { nonce: jobNonce, bytes: sentBytes, extension: 'png' })
  return {
    method: 'POST',
    path: '/bench/upload',
    headers: {
      ...headers,
      'content-type': contentType,
      'content-length': String(sizeBytes),
      // For the bare forwarder, which does not read forms.
      'bench-nonce': String(jobNonce),
      'bench-bytes': String(bytes),
    },
    body: Readable.from(pieces),
  }
}

function formOf({ bytes }: MediaLoad, file: MediaFile) {
  const boundary = 'bench-of-media'
  const field = (headers: string) => `--${boundary}\r\nContent-Disposition: form-data; ${headers}\r\n\r\n`
  const before = Buffer.from(
    `${field('name="nonce"')}${String(file.nonce)}\r\n${field('name="bytes"')}${String(bytes)}\r\n` +
      field('name="image"; filename="bench.png"\r\nContent-Type: image/png'),
  )
  const after = Buffer.from(`\r\n--${boundary}--\r\n`)
  function* pieces(): Generator<Buffer> {
    yield before
    yield* piecesOf(file)
    yield after
  }
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    sizeBytes: before.length + file.bytes + after.length,
    pieces: pieces(),
  }
}

interface Received {
  readonly status: number
  readonly firstByteAtMs: number
  readonly sizeBytes: number
  readonly head: Buffer
  readonly tail: Buffer
}

/** Reads an answer and keeps both ends of it. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #resolve: (received: Received) => void
  readonly #reject: (error: Error) => void
  #status = 0
  #firstByteAtMs = 0
  #sizeBytes = 0
  #head: Buffer = Buffer.alloc(0)
  #tail: Buffer = Buffer.alloc(0)

  constructor(resolve: (received: Received) => void, reject: (error: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart(): void {
    // Nothing to prepare; undici asks for it.
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#sizeBytes === 0) this.#firstByteAtMs = performance.now()
    if (this.#head.length < keptHeadBytes) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, keptHeadBytes - this.#head.length)])
    }
    const last = chunk.subarray(-keptTailBytes)
    this.#tail =
      last.length === keptTailBytes ? Buffer.from(last) : Buffer.concat([this.#tail, last]).subarray(-keptTailBytes)
    this.#sizeBytes += chunk.length
  }

  onResponseEnd(): void {
    this.#resolve({
      status: this.#status,
      firstByteAtMs: this.#firstByteAtMs,
      sizeBytes: this.#sizeBytes,
      head: this.#head,
      tail: this.#tail,
    })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error)
  }
}

function whatIsWrong(
  { status, sizeBytes, head, tail }: Received,
  file: MediaFile,
  answer: MediaLoad['answer'],
): string | undefined {
  if (status !== 200) return `answered ${String(status)}`
  if (answer === 'raw') {
    if (sizeBytes !== file.bytes) return `${String(sizeBytes)} bytes instead of ${String(file.bytes)}`
    if (!head.equals(partOf(file, 0, head.length))) return 'it begins with other bytes'
    return tail.equals(partOf(file, file.bytes - tail.length, file.bytes)) ? undefined : 'it ends with other bytes'
  }
  const begin = head.indexOf(imagesKey) + imagesKey.length
  if (begin < imagesKey.length) return 'it has no images'
  const encodedBytes = Math.ceil(file.bytes / 3) * 4
  if (sizeBytes !== begin + encodedBytes + afterImages.length) {
    return `${String(sizeBytes - begin)} bytes behind the begin of the image, of ${String(file.bytes)} bytes`
  }
  const first = Buffer.from(head.toString('latin1', begin, begin + Math.min(encodedBytes, 4096)), 'base64')
  if (!first.equals(partOf(file, 0, first.length))) return 'its image begins with other bytes'
  if (tail.toString('latin1', tail.length - afterImages.length) !== afterImages) return 'the JSON has no end'
  const last = Buffer.from(tail.toString('latin1', tail.length - afterImages.length - 256, tail.length - 3), 'base64')
  return last.equals(partOf(file, file.bytes - last.length, file.bytes)) ? undefined : 'its image ends with other bytes'
}

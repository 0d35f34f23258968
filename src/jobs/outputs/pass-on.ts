import type { BodyStream } from '../../comfyui/body-stream.ts'
import type { OutputReader } from './output-tap.ts'

/** A body, or what is made of one. */
type PassedSource = AsyncIterable<Buffer> & Pick<BodyStream, 'release'>

/**
 * The bytes, for whoever stores them, while a reader gets them as well; the slower of the two sets the pace. The reader
 * is asked for when the first bytes are there. A piece is given back when both are done with it.
 */
export async function* passOn(
  source: PassedSource,
  open: (first: Buffer) => OutputReader | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let reader: OutputReader | undefined
  let isFirst = true
  for await (const chunk of source) {
    if (chunk.length === 0) continue
    if (isFirst) reader = open(chunk)
    isFirst = false
    let users = reader === undefined ? 1 : 2
    const done = () => {
      users--
      if (users === 0) source.release?.(chunk)
    }
    const taken = reader?.write(chunk, done)
    yield chunk
    done()
    if (taken) await taken
  }
}

/** Gives all bytes to a reader and to nobody else. False as soon as it is gone: then not all of them were read. */
export async function passAll(
  source: PassedSource,
  open: (first: Buffer) => OutputReader | undefined,
): Promise<{ reader: OutputReader; sizeBytes: number } | undefined> {
  let reader: OutputReader | undefined
  let sizeBytes = 0
  for await (const chunk of source) {
    if (chunk.length === 0) continue
    reader ??= open(chunk)
    if (reader === undefined) return undefined
    sizeBytes += chunk.length
    await reader.write(chunk, () => source.release?.(chunk))
    if (reader.isGone) return undefined
  }
  return reader && { reader, sizeBytes }
}

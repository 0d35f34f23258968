import type { OutputReader } from './output-tap.ts'

/**
 * The bytes, for whoever stores them, while a reader gets them as well; the slower of the two sets the pace. The reader
 * is asked for when the first bytes are there.
 */
export async function* passOn(
  source: AsyncIterable<Buffer>,
  open: (first: Buffer) => OutputReader | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  let reader: OutputReader | undefined
  let isFirst = true
  for await (const chunk of source) {
    if (chunk.length === 0) continue
    if (isFirst) reader = open(chunk)
    isFirst = false
    const taken = reader?.write(chunk)
    yield chunk
    if (taken) await taken
  }
}

/** Gives all bytes to a reader and to nobody else. False as soon as it is gone: then not all of them were read. */
export async function passAll(
  source: AsyncIterable<Buffer>,
  open: (first: Buffer) => OutputReader | undefined,
): Promise<{ reader: OutputReader; sizeBytes: number } | undefined> {
  let reader: OutputReader | undefined
  let sizeBytes = 0
  for await (const chunk of source) {
    if (chunk.length === 0) continue
    reader ??= open(chunk)
    if (reader === undefined) return undefined
    await reader.write(chunk)
    if (reader.isGone) return undefined
    sizeBytes += chunk.length
  }
  return reader && { reader, sizeBytes }
}

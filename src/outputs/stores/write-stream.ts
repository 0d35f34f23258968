import { type FileHandle, open } from 'node:fs/promises'
import { refuseWrite } from './storage-error.ts'

/** Pieces are gathered up to this size: each write costs a trip to another thread. */
const gatheredBytes = 512 * 1024
/** As many as one write takes. */
const gatheredPieces = 1024

/**
 * Writes a new file, one piece of work behind the source, so that both go on at the same time; a source is held up when
 * the medium is slower. No piece is copied. Returns how many bytes these were.
 *
 * @throws GatewayError `storage_unavailable`; errors of the source are passed on as they are
 */
export async function writeStream(path: string, source: AsyncIterable<Uint8Array>): Promise<number> {
  let file: FileHandle | undefined
  let sizeBytes = 0
  let gathered: Uint8Array[] = []
  let waitingBytes = 0
  let writing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of source) {
      gathered.push(chunk)
      sizeBytes += chunk.length
      waitingBytes += chunk.length
      if (waitingBytes < gatheredBytes && gathered.length < gatheredPieces) continue
      await writing
      // Opened here, so that a source is always told when nobody reads on.
      file ??= await openPart(path)
      writing = writeGathered(file, gathered)
      // Waited for below, and until then it fails unheard.
      writing.catch(() => {})
      gathered = []
      waitingBytes = 0
    }
    await writing
    file ??= await openPart(path)
    await writeGathered(file, gathered)
  } finally {
    await writing.catch(() => {})
    await file?.close().catch(refuseWrite)
  }
  return sizeBytes
}

async function openPart(path: string): Promise<FileHandle> {
  return open(path, 'w', 0o600).catch(refuseWrite)
}

async function writeGathered(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left).catch(refuseWrite)
    left = behind(left, bytesWritten)
  }
}

/** What is left of the pieces when so much of them is written. */
function behind(chunks: readonly Uint8Array[], writtenBytes: number): readonly Uint8Array[] {
  let passedBytes = 0
  for (const [index, chunk] of chunks.entries()) {
    if (passedBytes + chunk.length > writtenBytes) {
      return [chunk.subarray(writtenBytes - passedBytes), ...chunks.slice(index + 1)]
    }
    passedBytes += chunk.length
  }
  return []
}

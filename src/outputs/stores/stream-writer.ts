import { type FileHandle, open } from 'node:fs/promises'
import { createSpareBuffers } from './spare-buffers.ts'
import { refuseWrite } from './storage-error.ts'

/** Writes files from streams. Reuses the memory that it takes. */
export interface StreamWriter {
  /**
   * Writes a new file, one write behind the source, so that both go on at the same time; a source is held up when the
   * medium is slower. Pieces are copied, so that a source may forget each at once. Returns how many bytes these were.
   * @throws GatewayError `storage_unavailable`; errors of the source are passed on as they are
   */
  write(path: string, source: AsyncIterable<Uint8Array>): Promise<number>
}

/** Size of each write: it costs a trip to another thread. */
const writeBytes = 256 * 1024

export function createStreamWriter(): StreamWriter {
  const buffers = createSpareBuffers(writeBytes)

  return {
    async write(path, source) {
      let file: FileHandle | undefined
      let filling = buffers.take()
      let filledBytes = 0
      let sizeBytes = 0
      let behind = buffers.take()
      let writing: Promise<void> = Promise.resolve()

      async function flush(): Promise<void> {
        await writing
        // Opened here, so that a source is always told when nobody reads on.
        file ??= await open(path, 'w', 0o600).catch(refuseWrite)
        writing = writeAll(file, filling.subarray(0, filledBytes))
        // Waited for with the next one, and until then it fails unheard.
        writing.catch(() => {})
        ;[filling, behind] = [behind, filling]
        filledBytes = 0
      }

      try {
        for await (const chunk of source) {
          for (let at = 0; at < chunk.length;) {
            const part = chunk.subarray(at, at + writeBytes - filledBytes)
            filling.set(part, filledBytes)
            filledBytes += part.length
            at += part.length
            if (filledBytes === writeBytes) await flush()
          }
          sizeBytes += chunk.length
        }
        await flush()
        await writing
        return sizeBytes
      } finally {
        await writing.catch(() => {})
        buffers.giveBack(filling, behind)
        await file?.close().catch(refuseWrite)
      }
    },
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, at).catch(refuseWrite)
    at += bytesWritten
  }
}

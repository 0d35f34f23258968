import type { Readable } from 'node:stream'
import type { InputFile } from './input-file.ts'
import type { InputKind } from './sniff-media.ts'

/** Keeps the media that callers send, by content: the same bytes are one file. */
export interface InputStore {
  /**
   * Sniffs the type and stores the bytes, which are to be of this kind; an image unless given.
   * @throws GatewayError `unsupported_input` when the bytes are no supported media, `storage_unavailable` when they cannot be written
   */
  put(bytes: Buffer, pointer: string, kind?: InputKind): Promise<InputFile>
  /** The bytes of a stored file, to be consumed or destroyed. `undefined` when it is gone. */
  open(file: InputFile): Promise<Readable | undefined>
  /** Counts as another `put` of the file. False when it is gone. @throws GatewayError `storage_unavailable` */
  renew(file: InputFile): boolean
  /**
   * Removes a file, and returns when that is done. One that is gone, or has no name of this store, is no error.
   * @throws GatewayError `storage_unavailable`
   */
  remove(name: string): void
  /** Removes files that were last put before this time and that `isNeeded` does not claim. */
  deleteUnusedBefore(timeMs: number, isNeeded: (name: string) => boolean): Promise<void>
  close(): Promise<void>
}

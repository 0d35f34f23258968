import type { Readable } from 'node:stream'
import type { InputFile } from './input-file.ts'
import type { ReceivedFile } from './received-file.ts'
import type { InputKind, TakenKind } from './formats/sniff-media.ts'

/** Keeps the media that callers send, by content: the same bytes are one file. */
export interface InputStore {
  /**
   * Sniffs the type and stores the bytes, which are to be of this kind; an image unless given.
   * @throws GatewayError `unsupported_input` when the bytes are no supported media, `storage_unavailable` when they cannot be written
   */
  put(bytes: Buffer, pointer: string, kind?: InputKind): Promise<InputFile>
  /**
   * Takes in a file as it comes, whatever it holds; little of it is in memory. `release` is to be called for the result.
   * When this throws, the source is given up, and nothing of what came is left.
   * @param pointer names what the file came as in errors
   * @param announcedBytes how many there will be, where somebody said so: too many are refused before one is taken
   * @throws GatewayError `body_too_large`, `storage_unavailable`, and what the source throws
   */
  receive(source: AsyncIterable<Uint8Array>, pointer: string, announcedBytes?: number): Promise<ReceivedFile>
  /**
   * Sniffs the type of a received file, which is to be of this kind, an image unless given, and stores it as `put` does.
   * The received file can be kept again, also as another kind.
   * @throws GatewayError `unsupported_input`, `storage_unavailable`
   */
  keep(received: ReceivedFile, pointer: string, kind?: TakenKind): Promise<InputFile>
  /** As `keep`, and stores nothing. @throws GatewayError `unsupported_input` */
  check(received: ReceivedFile, pointer: string, kind?: TakenKind): Promise<InputFile>
  /** Forgets a received file. What was kept of it stays. Never rejects; no error the second time. */
  release(received: ReceivedFile): Promise<void>
  /** The bytes of a stored file, or those from `start` to `end`, to be consumed or destroyed. `undefined` when it is gone. */
  open(file: InputFile, range?: { readonly start: number; readonly end: number }): Promise<Readable | undefined>
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

import type { Readable } from 'node:stream'

export interface ByteRange {
  /** First and last byte, both included, inside the file. */
  readonly start: number
  readonly end: number
}

/**
 * Where the bytes of outputs are kept, by the id of the job and the index of the output. Nothing of a caller becomes part
 * of a name but an id that has the form of one.
 * A file counts only once the job that names it says so: a partly written one may be left behind by a crash and is
 * overwritten by the next attempt.
 */
export interface OutputStore {
  /**
   * Stores the bytes as one output. Resolves when it is complete; on failure nothing is left. A source is read as fast as
   * it can be stored, and told when nobody reads on; its own errors are passed on as they are. A piece of it is not looked at
   * any more when the next one is asked for.
   * @throws GatewayError `storage_unavailable`
   */
  write(jobId: string, index: number, source: Buffer | AsyncIterable<Uint8Array>): Promise<{ sizeBytes: number }>
  /** The whole output in memory. `undefined` when there is none. */
  read(jobId: string, index: number): Promise<Buffer | undefined>
  /** Opens the output, or a part of it, as a stream the caller must consume or destroy. `undefined` when there is none. */
  open(jobId: string, index: number, range?: ByteRange): Promise<Readable | undefined>
  /**
   * Gives the whole output to `visit` in pieces, one after the other, as fast as it takes them; each may be looked at until
   * `visit` is done with it, and `false` ends it. Resolves to whether there is such an output. Errors of `visit` are passed on.
   */
  scan(jobId: string, index: number, visit: (piece: Buffer) => boolean | Promise<boolean>): Promise<boolean>
  /** Outputs of this job are not removed for want of room until the result is called. */
  pin(jobId: string): () => void
  /** Removes all outputs of a job. Missing ones are no error. */
  remove(jobId: string, outputCount: number): Promise<void>
  close(): Promise<void>
}

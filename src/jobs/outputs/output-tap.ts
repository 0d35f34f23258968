import type { JobOutput } from '../../outputs/job-output.ts'

/** What is known of an output before its bytes are there. */
export type PlannedOutput = Pick<
  JobOutput,
  'index' | 'nodeId' | 'name' | 'kind' | 'contentType' | 'filename' | 'isIntermediate'
>

/**
 * Somebody who waits for one output of a job and takes its bytes on their way from the instance. Until bytes were given
 * to `open` the job may be tried again without the reader knowing; after that the reader gets all of these bytes or is
 * told that they are not the result.
 */
export interface OutputTap {
  /** False: an output that the reader took whole is not stored. */
  readonly isStored: boolean
  /** The index of the output that is wanted. Asked at each attempt, before anything is fetched. */
  choose(outputs: readonly PlannedOutput[]): number | undefined
  /** The output is short and stored, here are its bytes. They count once the job has succeeded. */
  hold(output: PlannedOutput, bytes: Buffer): void
  /**
   * The first bytes are there. With `sizeBytes` it is known how many there will be. `undefined` where nobody reads.
   */
  open(output: PlannedOutput, of: { outputCount: number; sizeBytes: number | undefined }): OutputReader | undefined
  /** What was held or read is not the result, because the attempt failed. Harmless when there was nothing. */
  fail(): void
}

/** Reads an output in pieces. */
export interface OutputReader {
  /** Nobody reads any more; what is written goes nowhere. */
  readonly isGone: boolean
  /**
   * Gives the next bytes. A promise says when the reader can take more; it never rejects, also when the reader goes.
   * @param onSent called once the bytes are not looked at any more; not always
   */
  write(bytes: Buffer, onSent?: () => void): Promise<void> | undefined
  /**
   * All bytes were given and stand: of an output that is not stored. Resolves to whether the reader took them all.
   */
  finish(): Promise<boolean>
}

import type { Job, JobPayload } from './job.ts'
import type { JobFilter } from './job-filter.ts'

/** Identifies a repeated request: the same key with the same fingerprint is the same job. */
export interface IdempotencyClaim {
  /** Scope (caller and route) and the caller's key. */
  readonly key: string
  /** Hash of the raw request body, before defaults. */
  readonly fingerprint: string
  readonly expiresAtMs: number
}

/** A claim with the job that it belongs to. */
export interface StandingClaim {
  readonly jobId: string
  readonly fingerprint: string
}

export interface StoredJob {
  readonly job: Job
  readonly payload: JobPayload
}

/** A page of the list of jobs. All of what is given must hold. */
export interface JobQuery extends JobFilter {
  /** Accepted after this time, milliseconds since the epoch. */
  readonly createdAfterMs?: number
  readonly createdBeforeMs?: number
  /** At most this many, newest first. */
  readonly limit: number
  /** Continue after this job (its `createdAtMs` and `id`). */
  readonly after?: { readonly createdAtMs: number; readonly id: string }
}

/**
 * Where jobs outlive the process. A port: nothing here may depend on how one store does it.
 *
 * Writes are collected and committed in groups. `create` and `update` take effect for readers of this store at once;
 * their promise resolves when the group they belong to is on disk, and rejects with GatewayError `storage_unavailable`
 * when it cannot be written. Then the new jobs of the group do not exist, while changes of jobs that do stay visible and
 * are written with a later group. Groups commit in order. Progress is never stored. After `close` everything is refused
 * with `storage_unavailable`.
 */
export interface JobStore {
  /** The claim that stands under this key, if it is committed. */
  findClaim(key: string): StandingClaim | undefined
  /**
   * Stores a new job, and its claim where there is one. Resolves to `created`, or, without storing anything, to the
   * claim that already stands under the same key, or to `id_taken` when there is a job with this id. Both answers are
   * about jobs that are committed. A claim stands until it expires or its job is forgotten.
   */
  create(stored: StoredJob, claim?: IdempotencyClaim): Promise<CreateResult>
  /**
   * Replaces the snapshot of an open job. The payload never changes. The end of a job may be written again, as after a
   * failure; nothing else changes a terminal job.
   * @throws GatewayError `internal_error` when the job is unknown, or ended otherwise
   */
  update(job: Job): Promise<void>
  /**
   * The same for a change that nobody waits for: it is written with the next group, or soon if there is none. A crash
   * before that loses it.
   */
  updateSoon(job: Job): void
  get(id: string): Job | undefined
  getPayload(id: string): JobPayload | undefined
  list(query: JobQuery): Job[]
  /** All jobs that are not in a terminal state, oldest first: what a new process has to take up. */
  listOpen(): StoredJob[]
  /**
   * Forgets a job in any state, with its payload and its claims. One that is not known is no error. When the promise
   * resolves the job is gone from the disk; until then readers may see it.
   * @throws GatewayError `storage_unavailable`
   */
  delete(id: string): Promise<void>
  /** Whether a job that was stored, or is about to be, has this input file. */
  usesInput(name: string): boolean
  /**
   * Forgets terminal jobs that completed before this time, at most `limit`, and claims that expired. Returns what
   * they were, so that the caller can remove their files.
   */
  deleteCompletedBefore(timeMs: number, limit: number): { id: string; outputCount: number }[]
  /** Commits what is pending, then releases the store. */
  close(): Promise<void>
}

export type CreateResult =
  { readonly kind: 'created' } | ({ readonly kind: 'exists' } & StandingClaim) | { readonly kind: 'id_taken' }

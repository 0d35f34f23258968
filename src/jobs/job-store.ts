import type { Job, JobPayload, JobState } from './job.ts'

/** Identifies a repeated request: the same key with the same fingerprint is the same job. */
export interface IdempotencyClaim {
  /** Scope (caller and route) and the caller's key. */
  readonly key: string
  /** Hash of the raw request body, before defaults. */
  readonly fingerprint: string
  readonly expiresAtMs: number
}

export interface StoredJob {
  readonly job: Job
  readonly payload: JobPayload
}

export interface JobQuery {
  readonly states?: readonly JobState[]
  readonly workflow?: string
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
 * when it cannot be written, in which case none of the group's changes exist after a restart. Groups commit in order.
 * Progress is never stored.
 */
export interface JobStore {
  /**
   * Stores a new job, and its claim where there is one. Resolves to `created`, or, without storing anything, to the
   * claim that already stands under the same key.
   */
  create(stored: StoredJob, claim?: IdempotencyClaim): Promise<CreateResult>
  /** Replaces the snapshot of a job that exists. The payload never changes. */
  update(job: Job): Promise<void>
  get(id: string): Job | undefined
  getPayload(id: string): JobPayload | undefined
  list(query: JobQuery): Job[]
  /** All jobs that are not in a terminal state, oldest first: what a new process has to take up. */
  listOpen(): StoredJob[]
  /**
   * Forgets terminal jobs that completed before this time, at most `limit`, and claims that expired. Returns what
   * they were, so that the caller can remove their files.
   */
  deleteCompletedBefore(timeMs: number, limit: number): { id: string; outputCount: number }[]
  /** Commits what is pending, then releases the store. */
  close(): Promise<void>
}

export type CreateResult =
  { readonly kind: 'created' } | { readonly kind: 'exists'; readonly jobId: string; readonly fingerprint: string }

import { GatewayError } from '../../errors/gateway-error.ts'
import { createRecentMap } from '../../lib/recent-map.ts'
import { isTerminal, type Job, type JobPayload } from '../job.ts'
import type { CreateResult, IdempotencyClaim, JobQuery, JobStore, StandingClaim, StoredJob } from '../job-store.ts'
import { type JobDatabase, openJobDatabase, type Row, storageError } from './job-database.ts'
import {
  claimRowSchema,
  completedRowSchema,
  seqRowSchema,
  jobRowSchema,
  openJobRowSchema,
  parseJob,
  parsePayload,
  payloadRowSchema,
} from './job-rows.ts'
import { compareNewestFirst, isSameEnd, refuseUpdate, selectJobs } from './job-rules.ts'
import { sql } from './job-statements.ts'
import { findTerminal } from './find-terminal.ts'
import { writePayload } from './write-payload.ts'

export interface SqliteJobStoreOptions {
  /** Path of the database; its folder is made where it is missing. One process at a time may have it open. */
  readonly file: string
  readonly now?: () => number
  /** How long after a failed commit the changes that must not be lost are written again, when nothing else is. */
  readonly retryMs?: number
  /** Terminal jobs kept in memory, for those who ask right after the end. */
  readonly recentJobs?: number
  /** How the file is opened; for tests of disks that fail. */
  readonly openDatabase?: (file: string) => JobDatabase
}

/** A job whose latest snapshot is in memory: it is open, or was not yet written as terminal. */
interface LiveJob {
  readonly seq: number
  readonly payload: JobPayload
  job: Job
  /** The database has a row of it. */
  stored: boolean
}

interface Creation {
  readonly live: LiveJob
  readonly payloadText: string
  readonly claim: IdempotencyClaim | undefined
}

/** The longest that a change nobody waits for stays in memory alone. */
const soonMs = 100

/** What is committed together: everything that was asked for in one turn of the event loop. */
interface Group {
  readonly creations: Creation[]
  readonly claims: Map<string, ExpiringClaim>
  readonly immediate: NodeJS.Immediate
  readonly done: Promise<undefined>
  readonly resolve: (value?: undefined) => void
  readonly reject: (error: Error) => void
}

interface ExpiringClaim extends StandingClaim {
  readonly expiresAtMs: number
}

/**
 * A job store in one SQLite file.
 *
 * Open jobs live in memory and every change goes there first; rows are written, and read back, only for jobs that are
 * done, and at start. So a list is what the database has of terminal jobs, merged with memory: the two never overlap.
 * Several changes of one job in one group are one write.
 *
 * When a group cannot be written, its new jobs vanish and all its promises reject. Changes of jobs that exist stay
 * visible, and are written again with the next group, or after `retryMs`, until it works: a result is not lost to a
 * disk that was full for a while.
 *
 * @throws GatewayError `storage_unavailable` when the file cannot be used, or is in use by another process
 */
export function createSqliteJobStore({
  file,
  now = Date.now,
  retryMs = 1000,
  recentJobs = 1000,
  openDatabase = openJobDatabase,
}: SqliteJobStoreOptions): JobStore {
  const database = openDatabase(file)
  const live = new Map<string, LiveJob>()
  const recent = createRecentMap<string, Job>(recentJobs)
  /** Stored jobs with a change that is not on disk. */
  const changed = new Set<LiveJob>()
  let group: Group | undefined
  let retryTimer: NodeJS.Timeout | undefined
  let soonTimer: NodeJS.Timeout | undefined
  let closed = false
  let lastSeq = 0

  function loadOpenJobs(): void {
    for (const row of database.all(sql.selectOpen)) {
      const { seq, snapshot, body } = readRow(() => openJobRowSchema.parse(row))
      const job = readRow(() => parseJob(snapshot))
      live.set(job.id, { seq, job, payload: readRow(() => parsePayload(body)), stored: true })
    }
    const newest = database.find(sql.selectLastSeq)
    if (newest !== undefined) lastSeq = readRow(() => seqRowSchema.parse(newest)).seq
  }

  function readRow<Result>(parse: () => Result): Result {
    try {
      return parse()
    } catch (cause) {
      throw new GatewayError('storage_unavailable', { detail: 'A job that is stored cannot be read.', cause })
    }
  }

  function currentGroup(): Group {
    if (group === undefined) {
      const { promise, resolve, reject } = Promise.withResolvers<undefined>()
      // A retry has nobody who waits for it.
      promise.catch(() => {})
      group = { creations: [], claims: new Map(), immediate: setImmediate(commit), done: promise, resolve, reject }
    }
    return group
  }

  function commit(): void {
    if (group === undefined) return
    const committed = group
    group = undefined
    clearImmediate(committed.immediate)
    clearTimeout(retryTimer)
    retryTimer = undefined
    clearTimeout(soonTimer)
    soonTimer = undefined
    try {
      database.transaction(() => {
        for (const creation of committed.creations) insert(creation)
        for (const { seq, job } of changed) {
          database
            .prepare(sql.updateJob)
            .run(job.state, isTerminal(job.state) ? completedAtMs(job) : null, JSON.stringify(job), seq)
          if (isTerminal(job.state)) insertTags(seq, job)
        }
      })
    } catch (cause) {
      undo(committed, cause)
      return
    }
    for (const { live: entry } of committed.creations) {
      entry.stored = true
      retire(entry)
    }
    for (const entry of changed) retire(entry)
    changed.clear()
    committed.resolve()
  }

  function insert({ live: { seq, job, payload }, payloadText, claim }: Creation): void {
    database
      .prepare(sql.insertJob)
      .run(
        seq,
        job.id,
        job.workflow,
        job.state,
        job.times.createdAtMs,
        isTerminal(job.state) ? completedAtMs(job) : null,
        JSON.stringify(job),
      )
    database.prepare(sql.insertPayload).run(seq, payloadText)
    for (const { name } of payload.inputFiles) database.prepare(sql.insertInput).run(name, seq)
    if (isTerminal(job.state)) insertTags(seq, job)
    if (claim === undefined) return
    database.prepare(sql.insertClaim).run(claim.key, job.id, claim.fingerprint, claim.expiresAtMs)
  }

  function insertTags(seq: number, { id, workflow, state, tags, times }: Job): void {
    for (const tag of tags) database.prepare(sql.insertTag).run(tag, times.createdAtMs, id, workflow, state, seq)
  }

  function removeRows(seq: number, id: string): void {
    database.prepare(sql.deleteJob).run(seq)
    database.prepare(sql.deletePayload).run(seq)
    database.prepare(sql.deleteTags).run(seq)
    database.prepare(sql.deleteInputs).run(seq)
    database.prepare(sql.deleteClaims).run(id)
  }

  /** A job that is terminal on disk needs no place in memory. */
  function retire({ job }: LiveJob): void {
    if (!isTerminal(job.state)) return
    live.delete(job.id)
    recent.set(job.id, job)
  }

  function undo(failed: Group, cause: unknown): void {
    for (const { live: entry } of failed.creations) live.delete(entry.job.id)
    if (changed.size > 0 && !closed) {
      retryTimer = setTimeout(currentGroup, retryMs)
      retryTimer.unref()
    }
    failed.reject(storageError('Jobs cannot be stored.', cause))
  }

  function requireOpen(): void {
    if (closed) throw new GatewayError('storage_unavailable', { detail: 'The job store is closed.' })
  }

  async function create({ job, payload }: StoredJob, claim?: IdempotencyClaim): Promise<CreateResult> {
    requireOpen()
    if (claim !== undefined) {
      const standing = findAnyClaim(claim.key)
      if (standing !== undefined) {
        // The job of a claim that stands since this very turn exists only if their group is committed.
        if (group?.claims.has(claim.key) === true) await group.done
        return { kind: 'exists', jobId: standing.jobId, fingerprint: standing.fingerprint }
      }
    }
    if (isKnown(job.id)) {
      if (live.get(job.id)?.stored === false) await group?.done
      return { kind: 'id_taken' }
    }
    const payloadText = writePayload(payload)
    const { creations, claims, done } = currentGroup()
    const entry: LiveJob = { seq: (lastSeq += 1), job, payload, stored: false }
    live.set(job.id, entry)
    creations.push({ live: entry, payloadText, claim })
    if (claim !== undefined) claims.set(claim.key, { ...claim, jobId: job.id })
    await done
    return { kind: 'created' }
  }

  function findClaim(key: string): StandingClaim | undefined {
    if (group?.claims.has(key) === true) return undefined
    const standing = findAnyClaim(key)
    return standing && { jobId: standing.jobId, fingerprint: standing.fingerprint }
  }

  /** Standing, or about to be committed. */
  function findAnyClaim(key: string): ExpiringClaim | undefined {
    const standing = group?.claims.get(key) ?? findStoredClaim(key)
    if (standing === undefined || standing.expiresAtMs <= now()) return undefined
    return isKnown(standing.jobId) ? standing : undefined
  }

  function findStoredClaim(key: string): ExpiringClaim | undefined {
    const row = database.find(sql.selectClaim, key)
    if (row === undefined) return undefined
    const claim = readRow(() => claimRowSchema.parse(row))
    return { jobId: claim.job_id, fingerprint: claim.fingerprint, expiresAtMs: claim.expires_at_ms }
  }

  function isKnown(id: string): boolean {
    return live.has(id) || recent.has(id) || database.find(sql.selectSeq, id) !== undefined
  }

  /** False when the job has ended like this already, on disk. */
  function change(job: Job): boolean {
    requireOpen()
    const entry = live.get(job.id)
    const known = entry?.job ?? get(job.id)
    if (known === undefined || (isTerminal(known.state) && !isSameEnd(known, job))) throw refuseUpdate(job, known)
    if (entry === undefined) return false
    entry.job = job
    if (entry.stored) changed.add(entry)
    return true
  }

  async function update(job: Job): Promise<void> {
    if (change(job)) await currentGroup().done
  }

  function updateSoon(job: Job): void {
    if (change(job)) soonTimer ??= setTimeout(currentGroup, soonMs)
  }

  function get(id: string): Job | undefined {
    const known = live.get(id)?.job ?? recent.get(id)
    if (known !== undefined) return known
    const row = database.find(sql.selectJob, id)
    if (row === undefined) return undefined
    const job = parseJobRow(row)
    recent.set(id, job)
    return job
  }

  function getPayload(id: string): JobPayload | undefined {
    const known = live.get(id)
    if (known !== undefined) return known.payload
    const row = database.find(sql.selectPayload, id)
    return row === undefined ? undefined : readRow(() => parsePayload(payloadRowSchema.parse(row).body))
  }

  function parseJobRow(row: Row): Job {
    return readRow(() => parseJob(jobRowSchema.parse(row).snapshot))
  }

  function* liveJobs(): Generator<Job> {
    for (const { job } of live.values()) yield job
  }

  function list(query: JobQuery): Job[] {
    const newest = selectJobs(liveJobs(), query)
    if (query.limit < 1 || query.states?.some(isTerminal) === false) return newest
    return [...newest, ...findTerminal(database, query).map((snapshot) => readRow(() => parseJob(snapshot)))]
      .sort(compareNewestFirst)
      .slice(0, query.limit)
  }

  function listOpen(): StoredJob[] {
    return [...live.values()]
      .filter(({ job }) => !isTerminal(job.state))
      .map(({ job, payload }) => ({ job, payload }))
      .sort((a, b) => compareNewestFirst(b.job, a.job))
  }

  function deleteCompletedBefore(timeMs: number, limit: number): { id: string; outputCount: number }[] {
    requireOpen()
    const rows = database
      .all(sql.selectCompletedBefore, timeMs, limit)
      .map((row) => readRow(() => completedRowSchema.parse(row)))
    try {
      database.transaction(() => {
        database.prepare(sql.deleteExpiredClaims).run(now(), limit)
        for (const { seq, id } of rows) removeRows(seq, id)
      })
    } catch (cause) {
      throw storageError('Old jobs cannot be removed.', cause)
    }
    for (const { id } of rows) recent.delete(id)
    return rows.map(({ id, outputCount }) => ({ id, outputCount }))
  }

  async function remove(id: string): Promise<void> {
    requireOpen()
    const entry = live.get(id)
    if (entry?.stored === false) await group?.done
    const row = database.find(sql.selectSeq, id)
    if (row === undefined) return
    const { seq } = readRow(() => seqRowSchema.parse(row))
    try {
      database.transaction(() => removeRows(seq, id))
    } catch (cause) {
      throw storageError('The job cannot be removed.', cause)
    }
    if (entry !== undefined) changed.delete(entry)
    live.delete(id)
    recent.delete(id)
  }

  function usesInput(name: string): boolean {
    const isNew = group?.creations.some(({ live: { payload } }) =>
      payload.inputFiles.some((file) => file.name === name),
    )
    return isNew === true || database.find(sql.selectInput, name) !== undefined
  }

  async function close(): Promise<void> {
    if (closed) return
    closed = true
    clearTimeout(retryTimer)
    clearTimeout(soonTimer)
    if (changed.size > 0) currentGroup()
    const lastGroup = group
    commit()
    database.close()
    await lastGroup?.done
  }

  try {
    loadOpenJobs()
  } catch (cause) {
    database.close()
    throw storageError(`The open jobs in ${file} cannot be taken up.`, cause)
  }
  return {
    findClaim,
    create,
    update,
    updateSoon,
    get,
    getPayload,
    list,
    listOpen,
    delete: remove,
    usesInput,
    deleteCompletedBefore,
    close,
  }
}

/** The time by which a terminal job is forgotten. */
function completedAtMs(job: Job): number {
  return job.times.completedAtMs ?? job.times.createdAtMs
}

import { GatewayError } from '../../errors/gateway-error.ts'
import { Tally } from '../../lib/tally.ts'
import { isTerminal, type Job } from '../job.ts'
import type { CreateResult, IdempotencyClaim, JobQuery, JobStore, StandingClaim, StoredJob } from '../job-store.ts'
import { compareNewestFirst, isSameEnd, refuseUpdate, selectJobs } from './job-rules.ts'

export interface MemoryJobStoreOptions {
  readonly now?: () => number
}

/** A job store that forgets everything with the process. */
export function createMemoryJobStore({ now = Date.now }: MemoryJobStoreOptions = {}): JobStore {
  const jobs = new Map<string, StoredJob>()
  const claims = new Map<string, IdempotencyClaim & { readonly jobId: string }>()
  /** Id of a job → the key it was claimed under. */
  const claimKeys = new Map<string, string>()
  /** How many jobs have an input file, by its name. */
  const inputUses = new Tally()
  let closed = false

  function requireOpen(): void {
    if (closed) throw new GatewayError('storage_unavailable', { detail: 'The job store is closed.' })
  }

  function* snapshots(): Generator<Job> {
    for (const { job } of jobs.values()) yield job
  }

  function findClaim(key: string): StandingClaim | undefined {
    const claim = claims.get(key)
    if (claim === undefined || claim.expiresAtMs <= now() || !jobs.has(claim.jobId)) return undefined
    return { jobId: claim.jobId, fingerprint: claim.fingerprint }
  }

  async function create(stored: StoredJob, claim?: IdempotencyClaim): Promise<CreateResult> {
    requireOpen()
    const { id } = stored.job
    if (claim !== undefined) {
      const standing = findClaim(claim.key)
      if (standing !== undefined) return { kind: 'exists', ...standing }
    }
    if (jobs.has(id)) return { kind: 'id_taken' }
    jobs.set(id, stored)
    for (const { name } of stored.payload.inputFiles) inputUses.add(name)
    if (claim !== undefined) {
      claims.set(claim.key, { ...claim, jobId: id })
      claimKeys.set(id, claim.key)
    }
    return { kind: 'created' }
  }

  function updateSoon(job: Job): void {
    requireOpen()
    const stored = jobs.get(job.id)
    if (stored === undefined || (isTerminal(stored.job.state) && !isSameEnd(stored.job, job))) {
      throw refuseUpdate(job, stored?.job)
    }
    jobs.set(job.id, { job, payload: stored.payload })
  }

  async function update(job: Job): Promise<void> {
    updateSoon(job)
  }

  function drop(id: string): void {
    for (const { name } of jobs.get(id)?.payload.inputFiles ?? []) inputUses.remove(name)
    jobs.delete(id)
    const key = claimKeys.get(id)
    claimKeys.delete(id)
    if (key !== undefined && claims.get(key)?.jobId === id) claims.delete(key)
  }

  function deleteCompletedBefore(timeMs: number, limit: number): { id: string; outputCount: number }[] {
    for (const [key, claim] of claims) if (claim.expiresAtMs <= now()) claims.delete(key)
    const forgotten: { id: string; outputCount: number }[] = []
    for (const { id, state, times, outputs } of snapshots()) {
      if (forgotten.length >= limit) break
      if (!isTerminal(state) || (times.completedAtMs ?? times.createdAtMs) >= timeMs) continue
      drop(id)
      forgotten.push({ id, outputCount: outputs.length })
    }
    return forgotten
  }

  return {
    findClaim,
    create,
    update,
    updateSoon,
    get: (id) => jobs.get(id)?.job,
    getPayload: (id) => jobs.get(id)?.payload,
    list: (query: JobQuery) => selectJobs(snapshots(), query),
    listOpen: () =>
      [...jobs.values()].filter(({ job }) => !isTerminal(job.state)).sort((a, b) => compareNewestFirst(b.job, a.job)),
    async delete(id) {
      requireOpen()
      drop(id)
    },
    usesInput: (name) => inputUses.has(name),
    deleteCompletedBefore,
    close: async () => {
      closed = true
    },
  }
}

import type { InputFile } from '../inputs/input-file.ts'
import type { InputStore } from '../inputs/input-store.ts'
import type { OutputStore } from '../outputs/output-store.ts'
import type { Job } from './job.ts'
import type { JobStore } from './job-store.ts'

export interface ForgetJobsOptions {
  readonly store: JobStore
  readonly inputs: InputStore
  readonly outputs: OutputStore
  /** Whether something else than a job needs an input. */
  readonly holdsInput?: (name: string) => boolean
  readonly onFault: (message: string, error: unknown) => void
}

/**
 * Forgets jobs: first the record, then the files. A crash in between leaves files of jobs that nobody knows, which the
 * next start removes; never a job whose files are gone.
 */
export interface ForgetJobs {
  /** Resolves when record and files are gone. @throws GatewayError `storage_unavailable` when the record stays */
  forget(job: Job): Promise<void>
  /** Removes the files of a job whose record is gone. Inputs that another job has stay. What fails is told as a fault. */
  removeFiles(job: Job, inputFiles: readonly InputFile[]): Promise<void>
  /** Jobs that completed before `completedMs`, and inputs that were put before `putMs` and that nothing needs. */
  forgetBefore(times: { completedMs: number; putMs: number }, isStopped: () => boolean): Promise<void>
  /** Resolves when nothing of a job that had this id is being removed: the id is free for another one. */
  whenRemoved(id: string): Promise<void>
}

const forgottenAtOnce = 500

export function createForgetJobs(options: ForgetJobsOptions): ForgetJobs {
  const { store, inputs, outputs, onFault, holdsInput = () => false } = options
  /** Id of a job → what removes it now. */
  const removals = new Map<string, Promise<void>>()

  async function removing(ids: readonly string[], work: Promise<void>): Promise<void> {
    const settled = work.then(
      () => {},
      () => {},
    )
    for (const id of ids) removals.set(id, settled)
    try {
      await work
    } finally {
      for (const id of ids) if (removals.get(id) === settled) removals.delete(id)
    }
  }

  async function removeOutputs(jobs: readonly { id: string; outputCount: number }[]): Promise<void> {
    try {
      for (const { id, outputCount } of jobs) await outputs.remove(id, outputCount)
    } catch (error) {
      onFault('Outputs of jobs that were forgotten could not be removed', error)
    }
  }

  function isNeeded(name: string): boolean {
    return holdsInput(name) || store.usesInput(name)
  }

  /** The look and the removal are one step: what is accepted meanwhile finds its inputs there, or is refused. */
  function removeInputs(inputFiles: readonly InputFile[]): void {
    try {
      for (const { name } of inputFiles) if (!isNeeded(name)) inputs.remove(name)
    } catch (error) {
      onFault('Inputs of jobs that were forgotten could not be removed', error)
    }
  }

  async function removeAll(job: Job): Promise<void> {
    const inputFiles = store.getPayload(job.id)?.inputFiles ?? []
    await store.delete(job.id)
    removeInputs(inputFiles)
    await removeOutputs([{ id: job.id, outputCount: job.outputs.length }])
  }

  return {
    forget: (job) => removing([job.id], removeAll(job)),
    removeFiles(job, inputFiles) {
      removeInputs(inputFiles)
      return removing([job.id], removeOutputs([{ id: job.id, outputCount: job.outputs.length }]))
    },
    async forgetBefore({ completedMs, putMs }, isStopped) {
      for (let isMore = true; isMore && !isStopped();) {
        const forgotten = store.deleteCompletedBefore(completedMs, forgottenAtOnce)
        const ids = forgotten.map(({ id }) => id)
        await removing(ids, removeOutputs(forgotten))
        isMore = forgotten.length === forgottenAtOnce
      }
      if (!isStopped()) await inputs.deleteUnusedBefore(putMs, isNeeded)
    },
    whenRemoved: async (id) => removals.get(id),
  }
}

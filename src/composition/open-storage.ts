import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from '../config/config.ts'
import { type Assets, createAssets } from '../inputs/assets.ts'
import { createLocalInputStore } from '../inputs/local-input-store.ts'
import type { InputStore } from '../inputs/input-store.ts'
import { isTerminal } from '../jobs/job.ts'
import type { JobStore } from '../jobs/job-store.ts'
import { createMemoryJobStore } from '../jobs/stores/memory-job-store.ts'
import { createSqliteJobStore } from '../jobs/stores/sqlite-job-store.ts'
import { createLocalOutputStore, type LocalOutputStore } from '../outputs/stores/local-output-store.ts'

/** Everything that is kept in the data directory. */
export interface Storage {
  readonly store: JobStore
  readonly outputs: LocalOutputStore
  readonly inputs: InputStore
  readonly assets: Assets
}

/** Makes the directory, and leaves no outputs in it of which no job knows. What was opened goes to `closers` at once. */
export async function openStorage(config: Config, closers: (() => unknown)[]): Promise<Storage> {
  const { dataDir, jobStore, outputsMaxBytes, assetRetentionMs } = config.storage
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const store =
    jobStore === 'memory' ? createMemoryJobStore() : createSqliteJobStore({ file: path.join(dataDir, 'jobs.sqlite') })
  closers.push(() => store.close())
  const outputs = createLocalOutputStore({
    directory: path.join(dataDir, 'outputs'),
    isDurable: jobStore === 'sqlite',
    maxBytes: outputsMaxBytes,
    isOpen(id) {
      const job = store.get(id)
      return job !== undefined && !isTerminal(job.state)
    },
  })
  closers.push(() => outputs.close())
  await outputs.takeUp((id) => store.get(id) !== undefined)
  const inputs = createLocalInputStore({
    directory: path.join(dataDir, 'inputs'),
    maxBytes: config.server.maxBodyBytes,
    maxFileBytes: config.server.maxFileBytes,
  })
  closers.push(() => inputs.close())
  const assets = createAssets({
    inputs,
    directory: path.join(dataDir, 'assets'),
    retentionMs: assetRetentionMs,
    isNeeded: (name) => store.usesInput(name),
  })
  closers.push(() => assets.close())
  return { store, outputs, inputs, assets }
}

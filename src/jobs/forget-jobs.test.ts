import { expect, test } from 'vitest'
import { completeJob, makeJob, makePayload } from '../../test/support/make-job.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { createForgetJobs } from './forget-jobs.ts'
import type { JobStore } from './job-store.ts'
import { createMemoryJobStore } from './stores/memory-job-store.ts'

const inputFiles = [{ name: 'comfyui-api/ab.png', sha256: 'ab', contentType: 'image/png', sizeBytes: 3 }]

/** One job that has ended, and a record of what is done with its files. */
async function create(changes: { store?: Partial<JobStore>; removeOutputs?: () => Promise<void> } = {}) {
  const done: string[] = []
  const faults: string[] = []
  const store: JobStore = { ...createMemoryJobStore(), ...changes.store }
  const job = makeJob()
  await store.create({ job, payload: makePayload({ inputFiles }) })
  const ended = completeJob(job, 'succeeded', 5)
  await store.update(ended)
  const forgetting = createForgetJobs({
    store,
    inputs: {
      put: () => Promise.reject(new Error('not asked for')),
      receive: () => Promise.reject(new Error('there are no inputs')),
      keep: () => Promise.reject(new Error('there are no inputs')),
      check: () => Promise.reject(new Error('there are no inputs')),
      release: () => Promise.resolve(),
      open: () => Promise.resolve(undefined),
      renew: () => true,
      remove: (name) => void done.push(`input ${name}`),
      deleteUnusedBefore: () => Promise.resolve(void done.push('old inputs')),
      close: () => Promise.resolve(),
    },
    outputs: {
      write: () => Promise.reject(new Error('not asked for')),
      read: () => Promise.resolve(undefined),
      open: () => Promise.resolve(undefined),
      scan: () => Promise.resolve(false),
      pin: () => () => {},
      remove: async (id, count) => {
        await changes.removeOutputs?.()
        done.push(`${count} outputs, job ${store.get(id) === undefined ? 'unknown' : 'known'}`)
      },
      close: () => Promise.resolve(),
    },
    onFault: (message) => void faults.push(message),
  })
  return { forgetting, store, job: ended, done, faults }
}

test('files go after the record, so that no job is ever without them', async () => {
  const { forgetting, job, done } = await create()
  await forgetting.forget(job)
  expect(done).toEqual(['input comfyui-api/ab.png', '2 outputs, job unknown'])
})

test('a record that cannot be removed keeps its files', async () => {
  const refused = new GatewayError('storage_unavailable')
  const { forgetting, job, done } = await create({ store: { delete: () => Promise.reject(refused) } })
  await expect(forgetting.forget(job)).rejects.toBe(refused)
  expect(done).toEqual([])
  await forgetting.whenRemoved(job.id)
})

test('files that cannot be removed are told, and no reason to fail', async () => {
  const { forgetting, job, faults } = await create({ removeOutputs: () => Promise.reject(new Error('a disk')) })
  await forgetting.forget(job)
  expect(faults).toHaveLength(1)
})

test('an id is free for another job when the files of the last one are gone', async () => {
  const { promise: removed, resolve: letGo } = Promise.withResolvers<undefined>()
  const { forgetting, job, done } = await create({ removeOutputs: () => removed })
  const forgotten = forgetting.forgetBefore({ completedMs: 6, putMs: 6 }, () => false)
  const free = forgetting.whenRemoved(job.id).then(() => done.push('free'))
  await forgetting.whenRemoved('another')
  expect(done).toEqual([])
  letGo(undefined)
  await Promise.all([free, forgotten])
  expect(done[0]).toBe('2 outputs, job unknown')
  expect(done).toContain('free')
})

test('a gateway that stops forgets nothing more', async () => {
  const { forgetting, job, done, store } = await create()
  await forgetting.forgetBefore({ completedMs: 6, putMs: 6 }, () => true)
  expect([done, store.get(job.id)?.id]).toEqual([[], job.id])
})

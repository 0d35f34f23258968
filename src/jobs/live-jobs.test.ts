import { afterEach, expect, test, vi } from 'vitest'
import { makePayload, makeStored } from '../../test/support/make-job.ts'
import type { JobState } from './job.ts'
import type { JobEvent } from './jobs.ts'
import { LiveJob } from './live-job.ts'
import { LiveJobs } from './live-jobs.ts'
import { createMemoryJobStore } from './stores/memory-job-store.ts'

afterEach(() => void vi.useRealTimers())

async function addJob() {
  const stored = makeStored()
  const store = createMemoryJobStore()
  await store.create(stored)
  const changes: (JobState | undefined)[][] = []
  const faults: unknown[] = []
  const lives = new LiveJobs({
    store,
    onJobChanged: (job, previous) => void changes.push([previous, job.state]),
    onFault: (_message, error) => void faults.push(error),
  })
  const live = new LiveJob(stored.job, makePayload())
  lives.add(live)
  return { store, lives, live, changes, faults }
}

test('nobody is told of an end before it is stored', async () => {
  const { store, lives, live, changes } = await addJob()
  const written = Promise.withResolvers<undefined>()
  vi.spyOn(store, 'update').mockReturnValue(written.promise)
  const events: JobEvent[] = []
  live.journal.subscribe(live.job, undefined, (event) => void events.push(event))
  const ending = lives.end(live, 'canceled', {})
  await Promise.resolve()
  expect([lives.get(live.job.id)?.job.state, changes, events.map(({ type }) => type)]).toEqual([
    'queued',
    [],
    ['status'],
  ])
  written.resolve(undefined)
  await ending
  expect([lives.get(live.job.id), changes]).toEqual([undefined, [['queued', 'canceled']]])
  expect(events.at(-1)).toMatchObject({ type: 'end', job: { state: 'canceled' } })
})

test('a job ends once, and nothing changes it while its end is written', async () => {
  const { lives, live, store, changes } = await addJob()
  const ending = lives.end(live, 'expired', {})
  lives.change(live, { state: 'running', instance: 'late' })
  await lives.end(live, 'succeeded', {})
  await ending
  expect(store.get(live.job.id)).toMatchObject({ state: 'expired', instance: undefined })
  expect(changes).toEqual([['queued', 'expired']])
})

test('an end that cannot be written is written later', async () => {
  vi.useFakeTimers()
  const { lives, live, store, faults } = await addJob()
  const full = new Error('disk full')
  vi.spyOn(store, 'update').mockRejectedValueOnce(full).mockRejectedValueOnce(full)
  const ending = lives.end(live, 'canceled', {})
  await vi.advanceTimersByTimeAsync(10_000)
  await ending
  expect(faults).toEqual([full, full])
  expect(store.get(live.job.id)?.state).toBe('canceled')
})

test('a change of state that there is not is left out whole', async () => {
  const { lives, live, changes } = await addJob()
  lives.change(live, { state: 'canceling' })
  lives.change(live, { state: 'running', instance: 'other' })
  expect(live.job).toMatchObject({ state: 'canceling', instance: undefined })
  expect(changes).toEqual([['queued', 'canceling']])
})

test('is idle when the last job has ended, or when it is closed', async () => {
  const { lives, live } = await addJob()
  let isIdle = false
  const idle = lives.whenIdle(60_000).then(() => (isIdle = true))
  await Promise.resolve()
  expect(isIdle).toBe(false)
  await lives.end(live, 'canceled', {})
  await idle
  lives.add(live)
  const closing = lives.whenIdle(60_000)
  lives.close()
  await closing
  expect(lives.get(live.job.id)).toBe(live)
})

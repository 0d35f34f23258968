import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { jobStates, canBecome, isTerminal, type Job } from '../../src/jobs/job.ts'
import type { IdempotencyClaim, JobQuery, JobStore } from '../../src/jobs/job-store.ts'
import { completeJob, makeJob, makePayload, makeStored } from '../support/make-job.ts'

const states = fc.uniqueArray(fc.constantFrom(...jobStates), { minLength: 1 })
/** Few values, so that equal ones are common. */
const createdAtMs = fc.integer({ min: 1, max: 6 })
const workflow = fc.constantFrom('a', 'b/c', 'b/d', 'b2')
const tags = fc.subarray(['x', 'y', 'z:1'])

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('create' as const), createdAtMs, workflow, tags }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      which: fc.nat(),
      to: fc.constantFrom(...jobStates),
      atMs: fc.integer({ min: 7, max: 20 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('list' as const),
      query: fc.record(
        {
          states,
          workflow,
          workflowPrefix: fc.constantFrom('', 'b', 'b/', 'b/c', 'q'),
          tags,
          createdAfterMs: createdAtMs,
          createdBeforeMs: createdAtMs,
        },
        { requiredKeys: [] },
      ),
      limit: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const), which: fc.nat() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('forget' as const),
      beforeMs: fc.integer({ min: 7, max: 21 }),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
)

/** What a job store is compared with: the plainest thing that could be right. */
function expectedList(jobs: Iterable<Job>, query: JobQuery): Job[] {
  const { states, workflow, workflowPrefix = '', tags = [], after, limit } = query
  const { createdAfterMs = -Infinity, createdBeforeMs = Infinity } = query
  return [...jobs]
    .filter((job) => states === undefined || states.includes(job.state))
    .filter((job) => workflow === undefined || job.workflow === workflow)
    .filter((job) => job.workflow.startsWith(workflowPrefix))
    .filter((job) => tags.every((tag) => job.tags.includes(tag)))
    .filter(({ times }) => times.createdAtMs > createdAfterMs && times.createdAtMs < createdBeforeMs)
    .sort((a, b) => b.times.createdAtMs - a.times.createdAtMs || (a.id < b.id ? 1 : -1))
    .filter(
      (job) =>
        after === undefined ||
        job.times.createdAtMs < after.createdAtMs ||
        (job.times.createdAtMs === after.createdAtMs && job.id < after.id),
    )
    .slice(0, limit)
}

export interface JobStoreUnderTest {
  /** A store that starts empty. */
  open(now?: () => number): JobStore
  /** A store with what the given one had stored, after a normal end. The same store where nothing outlives it. */
  reopen(store: JobStore): Promise<JobStore>
  /** Closes every store and removes what they left. */
  dispose(): Promise<void>
}

/** What every job store promises. */
export function describeJobStore(name: string, createUnderTest: () => JobStoreUnderTest): void {
  describe(name, () => {
    let underTest: JobStoreUnderTest | undefined
    const open = (now?: () => number): JobStore => {
      underTest ??= createUnderTest()
      return underTest.open(now)
    }
    const reopen = async (store: JobStore): Promise<JobStore> => (await underTest?.reopen(store)) ?? store
    afterEach(async () => {
      await underTest?.dispose()
      underTest = undefined
    })

    test('knows nothing at first', () => {
      const store = open()
      expect(store.get(randomUUID())).toBeUndefined()
      expect(store.getPayload(randomUUID())).toBeUndefined()
      expect(store.list({ limit: 10 })).toEqual([])
      expect(store.listOpen()).toEqual([])
      expect(store.deleteCompletedBefore(Number.MAX_SAFE_INTEGER, 10)).toEqual([])
    })

    test('shows a job and its changes before they are committed, and afterwards', async () => {
      const store = open()
      const stored = makeStored()
      const created = store.create(stored)
      expect(store.get(stored.job.id)).toEqual(stored.job)
      expect(store.getPayload(stored.job.id)).toEqual(stored.payload)
      expect(store.list({ limit: 1 })).toEqual([stored.job])
      expect(await created).toEqual({ kind: 'created' })
      const done = completeJob(stored.job, 'succeeded', 5)
      const updated = store.update(done)
      expect(store.get(stored.job.id)).toEqual(done)
      expect(store.list({ limit: 1 })).toEqual([done])
      await updated
      expect(store.get(stored.job.id)).toEqual(done)
      expect(store.list({ limit: 1 })).toEqual([done])
      expect(store.getPayload(stored.job.id)).toEqual(stored.payload)
      expect(store.listOpen()).toEqual([])
    })

    test('shows a change that nobody waits for at once, and has it on disk when it is closed', async () => {
      const store = open()
      const stored = makeStored()
      await store.create(stored)
      const running: Job = { ...stored.job, state: 'running', instance: 'a', attempt: 1 }
      store.updateSoon(running)
      expect(store.get(stored.job.id)).toEqual(running)
      expect((await reopen(store)).get(stored.job.id)).toEqual(running)
    })

    test('gives back every field of a job and its payload, whether it stayed in memory or not', async () => {
      const store = open()
      const payload = makePayload({
        idFingerprint: 'f',
        input: { text: '\u0000 "🙂" \ud800', list: [1, null, { deep: true }] },
        inputFiles: [{ name: 'comfyui-api/ab.png', sha256: 'ab', contentType: 'image/png', sizeBytes: 3 }],
        previews: true,
        pngInfo: { workflow: { nodes: [{ id: 1 }] } },
        convertOutput: { format: 'webp', options: { quality: 80, lossless: false } },
      })
      const extra = { tags: ['b', 'a'], deadlineAtMs: 99, retryOf: 'other', isUnwanted: true }
      const job = makeJob(extra)
      const ended = jobStates.filter(isTerminal).map((state, index) => completeJob(makeJob(extra), state, 10 + index))
      await Promise.all([
        store.create({ job, payload }),
        ...ended.map((end) => store.create({ job: makeJob({ id: end.id }), payload })),
      ])
      await Promise.all(ended.map((end) => store.update(end)))
      const reopened = await reopen(store)
      expect(reopened.get(job.id)).toStrictEqual(job)
      expect(reopened.listOpen()).toStrictEqual([{ job, payload }])
      for (const end of ended) {
        expect(reopened.get(end.id)).toStrictEqual(end)
        expect(reopened.getPayload(end.id)).toStrictEqual(payload)
      }
    })

    test('keeps several changes of one turn as the last of them', async () => {
      const store = open()
      const { job, payload } = makeStored()
      const running: Job = { ...job, state: 'running', attempt: 1 }
      const done = completeJob(job, 'failed', 5)
      await Promise.all([store.create({ job, payload }), store.update(running), store.update(done)])
      expect((await reopen(store)).get(job.id)).toEqual(done)
    })

    test('refuses a second job with the same id, and keeps the first', async () => {
      const store = open()
      const first = makeStored()
      const second = { job: makeJob({ id: first.job.id, workflow: 'other' }), payload: makePayload({ previews: true }) }
      const creating = store.create(first)
      expect(await store.create(second)).toEqual({ kind: 'id_taken' })
      await creating
      expect(await store.create(second)).toEqual({ kind: 'id_taken' })
      await store.update(completeJob(first.job, 'succeeded', 5))
      const reopened = await reopen(store)
      expect(await reopened.create(second)).toEqual({ kind: 'id_taken' })
      expect(reopened.get(first.job.id)).toMatchObject({ workflow: first.job.workflow, state: 'succeeded' })
      expect(reopened.getPayload(first.job.id)).toEqual(first.payload)
    })

    test('never changes a terminal job, and updates none that it does not know', async () => {
      const store = open()
      const stored = makeStored()
      await store.create(stored)
      const done = completeJob(stored.job, 'canceled', 5)
      const ending = store.update(done)
      await expect(store.update({ ...done, state: 'failed' })).rejects.toMatchObject({ code: 'internal_error' })
      await ending
      await expect(store.update({ ...done, state: 'failed' })).rejects.toMatchObject({ code: 'internal_error' })
      await expect(store.update({ ...done, state: 'running' })).rejects.toMatchObject({ code: 'internal_error' })
      await expect(store.update(makeJob())).rejects.toMatchObject({ code: 'internal_error' })
      expect(store.get(done.id)).toEqual(done)
    })

    test('takes the end of a job that it knows already once more', async () => {
      let store = open()
      const stored = makeStored()
      await store.create(stored)
      const done = completeJob(stored.job, 'failed', 5)
      await Promise.all([store.update(done), store.update({ ...done })])
      await store.update({ ...done })
      store = await reopen(store)
      await store.update({ ...done })
      expect(store.get(done.id)).toEqual(done)
    })

    test('lists open jobs oldest first', async () => {
      const store = open()
      const jobs = [3, 1, 2].map((at) => makeStored({ times: { createdAtMs: at } }))
      await Promise.all(jobs.map((stored) => store.create(stored)))
      expect(store.listOpen().map(({ job }) => job.times.createdAtMs)).toEqual([1, 2, 3])
    })

    describe('idempotency claims', () => {
      const claim = (changes: Partial<IdempotencyClaim> = {}): IdempotencyClaim => ({
        key: 'caller POST /a key-1',
        fingerprint: 'f1',
        expiresAtMs: 2000,
        ...changes,
      })

      test('gives a repeated request the first job, in any state and after a restart', async () => {
        let store = open(() => 1000)
        const first = makeStored()
        await store.create(first, claim())
        const exists = { kind: 'exists', jobId: first.job.id, fingerprint: 'f1' }
        const second = makeStored()
        expect(await store.create(second, claim({ fingerprint: 'f2' }))).toEqual(exists)
        expect(store.get(second.job.id)).toBeUndefined()
        await store.update(completeJob(first.job, 'succeeded', 5))
        expect(await store.create(makeStored(), claim())).toEqual(exists)
        store = await reopen(store)
        expect(await store.create(makeStored(), claim())).toEqual(exists)
        expect(await store.create(makeStored(), claim({ key: 'another' }))).toEqual({ kind: 'created' })
      })

      test('makes one job for each of 1000 keys that come ten times at once', async () => {
        const store = open(() => 1000)
        const results = await Promise.all(
          Array.from({ length: 10_000 }, async (_, index) => {
            const stored = makeStored()
            const key = `key-${index % 1000}`
            const result = await store.create(stored, claim({ key }))
            return {
              key,
              jobId: result.kind === 'exists' ? result.jobId : stored.job.id,
              created: result.kind === 'created',
            }
          }),
        )
        expect(results.filter(({ created }) => created)).toHaveLength(1000)
        expect(new Set(results.map(({ key, jobId }) => `${key} ${jobId}`)).size).toBe(1000)
        expect(store.listOpen()).toHaveLength(1000)
      })

      test('shows a claim from when it is committed until it expires', async () => {
        let nowMs = 1000
        const store = open(() => nowMs)
        const stored = makeStored()
        await store.create(stored, claim({ expiresAtMs: 1500 }))
        const standing = { jobId: stored.job.id, fingerprint: 'f1' }
        expect([store.findClaim(claim().key), store.findClaim('another')]).toEqual([standing, undefined])
        nowMs = 1500
        expect(store.findClaim(claim().key)).toBeUndefined()
      })

      test('frees a key when the claim expires, and when its job is forgotten', async () => {
        let nowMs = 1000
        const store = open(() => nowMs)
        const first = makeStored()
        await store.create(first, claim({ expiresAtMs: 1500 }))
        nowMs = 1500
        const second = makeStored()
        expect(await store.create(second, claim())).toEqual({ kind: 'created' })
        expect(await store.create(makeStored(), claim())).toMatchObject({ kind: 'exists', jobId: second.job.id })
        await store.update(completeJob(second.job, 'succeeded', 1600))
        expect(store.deleteCompletedBefore(1601, 10)).toEqual([{ id: second.job.id, outputCount: 2 }])
        expect(await store.create(makeStored(), claim())).toEqual({ kind: 'created' })
      })
    })

    test('forgets terminal jobs that completed before a time, as many as asked', async () => {
      let store = open()
      const jobs = Array.from({ length: 6 }, () => makeJob())
      await Promise.all(jobs.map((job) => store.create({ job, payload: makePayload() })))
      const ended = jobs.slice(0, 5)
      await Promise.all(ended.map((job, index) => store.update(completeJob(job, 'succeeded', 100 + index))))
      const forgotten = [...store.deleteCompletedBefore(104, 3), ...store.deleteCompletedBefore(104, 3)]
      expect(new Set(forgotten.map(({ id }) => id))).toEqual(new Set(ended.slice(0, 4).map(({ id }) => id)))
      expect(store.deleteCompletedBefore(104, 3)).toEqual([])
      store = await reopen(store)
      for (const { id } of forgotten) {
        expect(store.get(id)).toBeUndefined()
        expect(store.getPayload(id)).toBeUndefined()
      }
      expect(new Set(store.list({ limit: 10 }).map(({ id }) => id))).toEqual(new Set(jobs.slice(4).map(({ id }) => id)))
    })

    describe('a job that is deleted', () => {
      const inputFiles = [{ name: 'comfyui-api/ab.png', sha256: 'ab', contentType: 'image/png', sizeBytes: 3 }]
      const claim: IdempotencyClaim = { key: 'key', fingerprint: 'f', expiresAtMs: 2000 }

      test.each(['queued', 'running', 'succeeded'] as const)('is gone when it was %s, now and later', async (state) => {
        let store = open(() => 1000)
        const { job, payload } = makeStored({ tags: ['a'] })
        await store.create({ job, payload })
        if (state !== 'queued') await store.update(state === 'running' ? { ...job, state } : completeJob(job, state, 5))
        await store.delete(job.id)
        await store.delete(job.id)
        for (let round = 0; round < 2; round += 1) {
          expect([store.get(job.id), store.getPayload(job.id)]).toEqual([undefined, undefined])
          expect([...store.list({ limit: 10 }), ...store.list({ limit: 10, tags: ['a'] })]).toEqual([])
          expect(store.listOpen()).toEqual([])
          store = await reopen(store)
        }
        if (state !== 'queued') {
          await expect(store.update(completeJob(job, 'failed', 6))).rejects.toMatchObject({ code: 'internal_error' })
        }
      })

      test('leaves its id and its key to another one', async () => {
        let store = open(() => 1000)
        const first = makeStored()
        await store.create(first, claim)
        await store.update(completeJob(first.job, 'succeeded', 5))
        await store.delete(first.job.id)
        const second = { job: makeJob({ id: first.job.id, workflow: 'other' }), payload: makePayload() }
        expect(await store.create(second)).toEqual({ kind: 'created' })
        expect(store.findClaim(claim.key)).toBeUndefined()
        store = await reopen(store)
        expect(store.get(first.job.id)).toEqual(second.job)
        expect(store.findClaim(claim.key)).toBeUndefined()
        expect(await store.create(makeStored(), claim)).toEqual({ kind: 'created' })
      })

      test('leaves its inputs to those that have them too', async () => {
        let store = open(() => 1000)
        const jobs = [makeJob(), makeJob()]
        const creating = jobs.map((job) => store.create({ job, payload: makePayload({ inputFiles }) }))
        const uses = () => store.usesInput('comfyui-api/ab.png')
        expect([uses(), store.usesInput('comfyui-api/ac.png')]).toEqual([true, false])
        await Promise.all(creating)
        store = await reopen(store)
        const [first = makeJob(), second = makeJob()] = jobs
        await store.delete(first.id)
        expect(uses()).toBe(true)
        await store.update(completeJob(second, 'succeeded', 5))
        expect(uses()).toBe(true)
        expect(store.deleteCompletedBefore(6, 10)).toHaveLength(1)
        expect(uses()).toBe(false)
      })
    })

    test('behaves like a plain list of jobs under any sequence of operations', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const model = new Map<string, Job>()
          const pending: Promise<unknown>[] = []
          let store = open()
          for (const action of steps) {
            switch (action.kind) {
              case 'create': {
                const { workflow, tags } = action
                const job = makeJob({ workflow, tags, times: { createdAtMs: action.createdAtMs } })
                model.set(job.id, job)
                pending.push(store.create({ job, payload: makePayload({ input: job.id }) }))
                break
              }
              case 'update': {
                const job = [...model.values()][action.which % Math.max(1, model.size)]
                if (job === undefined || !canBecome(job.state, action.to)) break
                const next = isTerminal(action.to)
                  ? completeJob(job, action.to, action.atMs)
                  : { ...job, state: action.to }
                model.set(job.id, next)
                pending.push(store.update(next))
                break
              }
              case 'list': {
                const query = { ...action.query, limit: action.limit }
                let after: JobQuery['after']
                for (;;) {
                  const page = store.list({ ...query, ...(after && { after }) })
                  expect(page).toEqual(expectedList(model.values(), { ...query, ...(after && { after }) }))
                  const last = page.at(-1)
                  if (last === undefined) break
                  after = { createdAtMs: last.times.createdAtMs, id: last.id }
                }
                break
              }
              case 'delete': {
                await Promise.all(pending.splice(0))
                const job = [...model.values()][action.which % Math.max(1, model.size)]
                if (job === undefined) break
                model.delete(job.id)
                await store.delete(job.id)
                break
              }
              case 'forget': {
                await Promise.all(pending.splice(0))
                const due = [...model.values()].filter(
                  ({ times }) => (times.completedAtMs ?? Infinity) < action.beforeMs,
                )
                const forgotten = store.deleteCompletedBefore(action.beforeMs, action.limit).map(({ id }) => id)
                expect(forgotten).toHaveLength(Math.min(due.length, action.limit))
                expect(due.map(({ id }) => id)).toEqual(expect.arrayContaining(forgotten))
                for (const id of forgotten) model.delete(id)
                break
              }
              case 'settle':
                await Promise.all(pending.splice(0))
                break
              case 'reopen':
                store = await reopen(store)
                break
            }
            for (const job of model.values()) expect(store.get(job.id)).toEqual(job)
          }
          await Promise.all(pending)
          expect(store.listOpen().map(({ job }) => job)).toEqual(
            expectedList(model.values(), {
              states: jobStates.filter((state) => !isTerminal(state)),
              limit: Infinity,
            }).reverse(),
          )
          for (const id of model.keys()) expect(store.getPayload(id)?.input).toBe(id)
          await underTest?.dispose()
        }),
        { numRuns: 100 },
      )
    }, 60_000)

    test('refuses new jobs and changes after it was closed', async () => {
      const store = open()
      const stored = makeStored()
      await store.create(stored)
      await store.close()
      await store.close()
      await expect(store.create(makeStored())).rejects.toMatchObject({ code: 'storage_unavailable' })
      await expect(store.update({ ...stored.job, state: 'running' })).rejects.toMatchObject({
        code: 'storage_unavailable',
      })
    })
  })
}

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeJob, makePayload } from '../../test/support/make-job.ts'
import { JobQueue } from './job-queue.ts'
import { LiveJob } from './live-job.ts'

const callers = ['a', 'b', undefined] as const

function live(id: string, priority: number): LiveJob {
  const caller = callers[Number(id) % callers.length]
  return new LiveJob(makeJob({ id }), makePayload({ priority, ...(caller !== undefined && { caller }) }))
}

test('gives jobs by priority, in the order of their acceptance, and tells whether one waits', () => {
  const arrivals = fc.array(fc.record({ priority: fc.integer({ min: -3, max: 3 }), isReturned: fc.boolean() }))
  fc.assert(
    fc.property(arrivals, fc.nat(), (jobs, seed) => {
      const queue = new JobQueue()
      const model = jobs.map(({ priority, isReturned }, index) => ({
        job: live(String(index), priority),
        isReturned,
        index,
      }))
      for (const { job, isReturned } of model) {
        if (isReturned) queue.pushBack(job)
        else queue.push(job)
      }
      const gone = model[seed % Math.max(1, model.length)]
      if (gone) expect([queue.delete(gone.job), queue.delete(gone.job)]).toEqual([true, false])
      const expected = model
        .filter((entry) => entry !== gone)
        .sort(
          (left, right) =>
            right.job.payload.priority - left.job.payload.priority ||
            Number(right.isReturned) - Number(left.isReturned) ||
            left.index - right.index,
        )
        .map(({ job }) => job)
      expect([...queue]).toEqual(expected)
      expect(queue.size).toBe(expected.length)
      for (const caller of ['a', 'b', 'c']) {
        expect(queue.countOf(caller)).toBe(expected.filter(({ payload }) => payload.caller === caller).length)
      }
      for (const { job } of model) expect(queue.has(job)).toBe(expected.includes(job))
    }),
  )
})

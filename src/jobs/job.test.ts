import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makePayload, makeStored } from '../../test/support/make-job.ts'
import { canBecome, isTerminal, jobStates, type JobState, type TerminalJobState } from './job.ts'
import { LiveJob } from './live-job.ts'
import { LiveJobs } from './live-jobs.ts'
import { createMemoryJobStore } from './stores/memory-job-store.ts'

const terminalStates: readonly TerminalJobState[] = jobStates.filter(isTerminal)

test('no path leads out of a terminal state, and from every other one a path leads into each end it can have', () => {
  for (const from of jobStates) {
    const reached = reachableFrom(from)
    if (isTerminal(from)) expect(reached).toEqual(new Set())
    else expect(terminalStates.every((state) => reached.has(state))).toBe(true)
  }
})

test('a job that is being canceled never waits or runs again', () => {
  expect([...reachableFrom('canceling')].filter((state) => !isTerminal(state))).toEqual([])
})

function reachableFrom(from: JobState): Set<JobState> {
  const reached = new Set<JobState>()
  const open = [from]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const next of jobStates) {
      if (reached.has(next) || !canBecome(state, next)) continue
      reached.add(next)
      open.push(next)
    }
  }
  return reached
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('change' as const), state: fc.constantFrom(...jobStates) }),
  fc.record({ kind: fc.constant('end' as const), state: fc.constantFrom(...terminalStates) }),
  fc.record({ kind: fc.constant('turn' as const) }),
)

test('whatever is asked of a job in whatever order, its states follow the edges and it ends once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const stored = makeStored()
      const store = createMemoryJobStore()
      await store.create(stored)
      const path: JobState[] = [stored.job.state]
      const lives = new LiveJobs({
        store,
        onJobChanged: (job, previous) => {
          expect(previous).toBe(path.at(-1))
          path.push(job.state)
        },
        onFault: (_message, error) => {
          throw error
        },
      })
      const live = new LiveJob(stored.job, makePayload())
      lives.add(live)
      const events: string[] = []
      live.journal.subscribe(live.job, undefined, ({ type }) => void events.push(type))
      const endings: Promise<void>[] = []
      for (const next of steps) {
        if (next.kind === 'turn') await Promise.resolve()
        else if (next.kind === 'end') endings.push(lives.end(live, next.state, {}))
        else if (!isTerminal(next.state)) lives.change(live, { state: next.state })
      }
      await Promise.all(endings)
      for (const [index, state] of path.slice(1).entries()) {
        const from = path[index] ?? state
        expect(isTerminal(from)).toBe(false)
        // An end may come from anywhere; everything before it goes along the edges.
        expect(isTerminal(state) || canBecome(from, state)).toBe(true)
      }
      const first = steps.find(({ kind }) => kind === 'end')
      expect(path.filter(isTerminal)).toHaveLength(first ? 1 : 0)
      expect(events.filter((type) => type === 'end')).toHaveLength(first ? 1 : 0)
      expect(store.get(stored.job.id)?.state).toBe(path.at(-1))
      if (first?.kind === 'end') expect(live.job.state).toBe(first.state)
    }),
    { numRuns: 500 },
  )
})

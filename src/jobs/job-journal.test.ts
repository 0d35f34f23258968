import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Job } from './job.ts'
import { JobJournal, type UnnumberedJobEvent } from './job-journal.ts'
import type { JobEvent } from './jobs.ts'

const job: Job = {
  id: 'a',
  promptId: 'b',
  workflow: 'w',
  state: 'running',
  times: { createdAtMs: 0 },
  attempt: 1,
  instance: 'i',
  outputs: [],
  error: undefined,
  warnings: [],
  nodeStartsMs: {},
  requestId: 'r',
  tags: [],
}
const progress: UnnumberedJobEvent = {
  type: 'progress',
  progress: {
    value: 0,
    nodesDone: 0,
    nodesTotal: 1,
    currentNode: undefined,
    currentNodeClass: undefined,
    step: undefined,
    steps: undefined,
  },
}
const preview: UnnumberedJobEvent = { type: 'preview', contentType: 'image/png', bytes: Buffer.of(1), nodeId: '3' }
const end: UnnumberedJobEvent = { type: 'end', job: { ...job, state: 'succeeded' } }

test('a reader who comes back gets the sequence of one who never left', () => {
  const middle = fc.array(fc.constantFrom<UnnumberedJobEvent>(progress, { type: 'status', job }), { maxLength: 60 })
  fc.assert(
    fc.property(middle, fc.nat(), fc.nat(), (events, cutSeed, backSeed) => {
      const journal = new JobJournal()
      const uncut: JobEvent[] = []
      const cut: JobEvent[] = []
      journal.subscribe(job, undefined, (event) => uncut.push(event))
      let reader = journal.subscribe(job, undefined, (event) => cut.push(event))
      const all = [...events, end]
      const cutAt = cutSeed % all.length
      const backAt = cutAt + (backSeed % (all.length - cutAt + 1))
      for (const [index, event] of all.entries()) {
        if (index === cutAt) reader.close()
        if (index === backAt) reader = journal.subscribe(job, cut.at(-1)?.id, (event) => cut.push(event))
        journal.append(event)
      }
      if (backAt === all.length) journal.subscribe(job, cut.at(-1)?.id, (event) => cut.push(event))
      expect(cut).toEqual(uncut)
    }),
  )
})

test('a reader whose events are gone gets the job as it is, then what comes', () => {
  const journal = new JobJournal()
  journal.subscribe(job, undefined, () => {}).close()
  for (let count = 0; count < 2000; count++) journal.append(progress)
  const seen: JobEvent[] = []
  journal.subscribe(job, 3, (event) => seen.push(event))
  journal.append(progress)
  expect(seen.map(({ id, type }) => [id, type])).toEqual([
    [2000, 'status'],
    [2001, 'progress'],
  ])
})

test('of previews only the last is replayed', () => {
  const journal = new JobJournal()
  journal.subscribe(job, undefined, () => {}).close()
  for (const event of [preview, progress, preview, progress]) journal.append(event)
  const seen: JobEvent[] = []
  journal.subscribe(job, 0, (event) => seen.push(event))
  expect(seen.map(({ id, type }) => [id, type])).toEqual([
    [2, 'progress'],
    [3, 'preview'],
    [4, 'progress'],
  ])
})

test('after the end every reader is told of it, also one who had heard it', () => {
  const journal = new JobJournal()
  journal.append(end)
  const seen: JobEvent[] = []
  journal.subscribe(job, undefined, (event) => seen.push(event))
  journal.subscribe(job, 1, (event) => seen.push(event))
  expect(seen.map(({ type }) => type)).toEqual(['status', 'end', 'end'])
})

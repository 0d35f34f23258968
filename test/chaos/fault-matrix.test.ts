import { afterAll, beforeAll, expect, test } from 'vitest'
import { countSubmissions, type Submissions } from './count-submissions.ts'
import { faultCases, type Phase } from './fault-cases.ts'
import { runCase } from './fault-matrix.ts'

let submissions: Submissions
let number = 0
beforeAll(() => {
  submissions = countSubmissions()
})
afterAll(() => submissions.close())

const cut: readonly (readonly [fault: string, phase: Phase])[] = [
  ['restart=now', 'running'],
  ['ws-close=now', 'finishing'],
  ['ws-garbage=now', 'queued'],
  ['prompt-drop,times=1', 'submitting'],
  ['prompt-500,times=1', 'queued'],
  ['refuse=now', 'submitting'],
  ['interrupted=progress,times=1', 'queued'],
  ['oom,times=1', 'finishing'],
  ['view=half,times=1', 'fetching outputs'],
]

test.concurrent.each(cut)(
  '%s, while a job is %s, has the right ends',
  async (fault, phase) => {
    const faultCase = faultCases.find((candidate) => candidate.fault === fault)
    if (faultCase === undefined) throw new Error(`no such case: ${fault}`)
    const run = { faultCase, phase, version: '0.33.0', retry: true } as const
    const report = await runCase(run, { submissions, nextNumber: () => ++number })
    expect(report.problems).toEqual([])
    expect(report.fired).toBeGreaterThan(0)
  },
  250_000,
)

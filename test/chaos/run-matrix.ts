import { createRandom } from '../../src/simulator/drawing/random.ts'
import { countSubmissions } from './count-submissions.ts'
import { faultCases, phases, versionsOf } from './fault-cases.ts'
import { type CaseReport, type CaseRun, runCase } from './fault-matrix.ts'

export interface MatrixOptions {
  readonly seed: string
  /** Runs of every fault in every phase. */
  readonly runs: number
  /** Only faults that begin with this. */
  readonly fault?: string | undefined
  readonly onReport: (report: CaseReport, left: number) => void
}

/** Cases that run at the same time: they mostly wait. */
const atOnce = 16
/** The last of so many runs is one whose job must not be submitted twice. */
const runsPerSingleAttempt = 5

/** Runs every fault in every phase, in an order that depends on the seed. */
export async function runMatrix({ seed, runs, fault = '', onReport }: MatrixOptions): Promise<CaseReport[]> {
  const random = createRandom(`matrix ${seed}`)
  const todo = shuffle(listRuns(runs, fault), random)
  const reports: CaseReport[] = []
  const submissions = countSubmissions()
  let number = 0
  const nextNumber = () => ++number
  async function work(): Promise<void> {
    for (let run = todo.pop(); run !== undefined; run = todo.pop()) {
      const report = await runCase(run, { submissions, nextNumber })
      reports.push(report)
      onReport(report, todo.length)
    }
  }
  try {
    await Promise.all(Array.from({ length: atOnce }, work))
  } finally {
    submissions.close()
  }
  return reports
}

function listRuns(runs: number, prefix: string): CaseRun[] {
  const chosen = faultCases.filter(({ fault }) => fault.startsWith(prefix))
  if (chosen.length === 0) throw new Error(`no fault begins with ${prefix}`)
  return chosen.flatMap((faultCase) =>
    phases.flatMap((phase) =>
      Array.from({ length: runs }, (_, run): CaseRun => {
        const [first, second = first] = versionsOf(faultCase)
        const retry = faultCase.needsRetry === true || run % runsPerSingleAttempt !== runsPerSingleAttempt - 1
        return { faultCase, phase, version: run % 2 === 0 ? first : second, retry }
      }),
    ),
  )
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, at: random() }))
    .toSorted((left, right) => left.at - right.at)
    .map(({ item }) => item)
}

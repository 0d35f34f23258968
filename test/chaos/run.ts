import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { createRandom } from '../../src/simulator/drawing/random.ts'
import { countSubmissions } from './count-submissions.ts'
import { faultCases, phases, versionsOf } from './fault-cases.ts'
import { type CaseReport, type CaseRun, runCase } from './fault-matrix.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(randomInt(1e9)) },
    only: { type: 'string' },
    fault: { type: 'string', default: '' },
    phase: { type: 'string', default: '' },
    at: { type: 'string', default: '12' },
  },
})
const print = (line: string): void => void process.stdout.write(`${line}\n`)

async function matrix(): Promise<boolean> {
  const random = createRandom(values.seed)
  const todo: CaseRun[] = []
  for (const faultCase of faultCases.filter(({ fault }) => fault.startsWith(values.fault))) {
    for (const phase of phases.filter((name) => name.startsWith(values.phase))) {
      for (let run = 0; run < Number(values.runs); run++) {
        const versions = versionsOf(faultCase)
        const version = versions[run % versions.length]
        if (version === undefined) throw new Error('no version')
        todo.push({ faultCase, phase, version, retry: run % 5 !== 4 })
      }
    }
  }
  todo.sort(() => random() - 0.5)
  const submissions = countSubmissions()
  let number = 0
  const reports: CaseReport[] = []
  const tools = { submissions, nextNumber: () => ++number }
  const work = async () => {
    for (let run = todo.pop(); run !== undefined; run = todo.pop()) {
      const report = await runCase(run, tools)
      reports.push(report)
      if (report.problems.length > 0 || values.fault !== '') {
        print(
          `${report.problems.length > 0 ? 'WRONG' : 'ok'} ${report.faultCase.fault} × ${report.phase} (${report.version}${report.retry ? '' : ', no retry'}) ${report.tookMs} ms fired ${report.fired} ${JSON.stringify(report.ends)}`,
        )
        for (const problem of report.problems) print(`    ${problem}`)
      }
    }
  }
  await Promise.all(Array.from({ length: Number(values.at) }, work))
  submissions.close()
  print(`${reports.length} cases, ${reports.filter(({ problems }) => problems.length > 0).length} wrong`)
  return reports.every(({ problems }) => problems.length === 0)
}

print(`seed ${values.seed}`)
if (!(await matrix())) process.exitCode = 1

import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { killGateway } from './kill-gateway.ts'
import { loseInstances } from './lose-instances.ts'
import { matrixTable } from './matrix-table.ts'
import { runMatrix } from './run-matrix.ts'

/*
 * What the gateway owes its callers when things go wrong, tried out. Ends with 1 when anything was not as promised.
 *
 *     npm run test:chaos [-- --runs 5 --seed N --only matrix|kill|instances --fault restart]
 */
const parts = ['matrix', 'kill', 'instances'] as const
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(randomInt(1e9)) },
    only: { type: 'string', multiple: true, default: [...parts] },
    fault: { type: 'string' },
    kills: { type: 'string', default: '40' },
    jobs: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '120' },
  },
})
const { seed } = values
const instanceDiesEveryMs = 3000
const shownProblems = 50
let wrong = 0

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function tell(problems: readonly string[]): void {
  wrong += problems.length
  for (const problem of problems.slice(0, shownProblems)) print(`  WRONG ${problem}`)
  if (problems.length > shownProblems) print(`  and ${problems.length - shownProblems} more`)
}

function counts(histogram: Readonly<Record<string, number>>): string {
  return Object.entries(histogram)
    .map(([times, count]) => `${times} × ${count}`)
    .join(', ')
}

async function tryMatrix(): Promise<void> {
  const reports = await runMatrix({
    seed,
    runs: Number(values.runs),
    fault: values.fault,
    onReport({ faultCase, phase, version, retry, problems, tookMs }, left) {
      if (left % 50 === 0) print(`  ${left} cases left`)
      if (problems.length === 0) return
      print(`  ${faultCase.fault} × ${phase} (${version}${retry ? '' : ', retry: false'}), ${tookMs} ms`)
      tell(problems)
    },
  })
  for (const line of matrixTable(reports)) print(line)
}

async function tryKills(): Promise<void> {
  const report = await killGateway({ seed, kills: Number(values.kills), jobs: Number(values.jobs) })
  print(`${report.kills} kills, ${report.killsDuringStart} of them during the start`)
  print(`${report.accepted} accepted jobs, ${report.repeatedCalls} calls that were cut and repeated`)
  print(`executions of a job × jobs: ${counts(report.executions)}; attempts: ${counts(report.attempts)}`)
  tell(report.problems)
}

async function tryInstances(): Promise<void> {
  const forMs = Number(values.seconds) * 1000
  const report = await loseInstances({ seed, forMs, everyMs: instanceDiesEveryMs })
  print(`${report.deaths} deaths of an instance, ${report.deathsAtWork} of them in the middle of a job`)
  print(`${report.jobs} jobs; attempts of a job × jobs: ${counts(report.attempts)}`)
  print(`the longest took ${(report.longestJobMs / 1000).toFixed(1)} s`)
  tell(report.problems)
}

print(`seed ${seed}`)
for (const part of parts.filter((name) => values.only.includes(name))) {
  const beganAtMs = Date.now()
  print(`\n${part}`)
  if (part === 'matrix') await tryMatrix()
  if (part === 'kill') await tryKills()
  if (part === 'instances') await tryInstances()
  print(`took ${Math.round((Date.now() - beganAtMs) / 1000)} s`)
}
print(wrong === 0 ? '\nAll as promised.' : `\n${wrong} things were not as promised.`)
process.exitCode = wrong === 0 ? 0 : 1

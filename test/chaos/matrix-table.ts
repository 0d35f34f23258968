import { phases } from './fault-cases.ts'
import type { CaseReport } from './fault-matrix.ts'

/** Lines of a Markdown table: for every fault how often it struck in each phase, and how the jobs ended. */
export function matrixTable(reports: readonly CaseReport[]): string[] {
  const byFault = Map.groupBy(reports, ({ faultCase }) => faultCase.fault)
  const rows = [...byFault]
    .toSorted(([left], [right]) => left.localeCompare(right))
    .map(([fault, of]) => rowOf(fault, of))
  const all = rowOf('all', reports)
  return [
    `| fault | ${phases.join(' | ')} | jobs | ends | longest case |`,
    `| --- | ${phases.map(() => '---').join(' | ')} | --- | --- | --- |`,
    ...[...rows, all].map((cells) => `| ${cells.join(' | ')} |`),
    '',
    `${reports.length} cases, ${reports.filter(({ problems }) => problems.length > 0).length} of them wrong.`,
  ]
}

function rowOf(fault: string, reports: readonly CaseReport[]): string[] {
  const fired = phases.map((phase) =>
    sum(reports.filter((report) => report.phase === phase).map((report) => report.fired)),
  )
  const ends = new Map<string, number>()
  for (const report of reports) {
    for (const [end, count] of Object.entries(report.ends)) ends.set(end, (ends.get(end) ?? 0) + count)
  }
  const longestMs = Math.max(...reports.map(({ tookMs }) => tookMs))
  return [
    fault === 'all' ? fault : `\`${fault}\``,
    ...fired.map(String),
    String(sum([...ends.values()])),
    [...ends].map(([end, count]) => `${count} ${end}`).join(', '),
    `${(longestMs / 1000).toFixed(1)} s`,
  ]
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

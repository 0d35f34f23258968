import { styleText } from 'node:util'
import type { CheckReport, CheckResult, ReportedProblem, UsedDefinitions } from './checking.ts'
import { countProblems } from './check-document.ts'
import { printable, wrap } from './wrap.ts'

export interface CheckTextOptions {
  /** Columns. Only words that are longer go beyond. */
  readonly width: number
  readonly isColored: boolean
}

const indent = 11
const tints = { error: ['red', 'bold'], warning: ['yellow'], note: ['cyan'] } as const

/** The report as a person reads it: what was used, what is wrong file by file, and how much that is. */
export function renderCheck(report: CheckReport, { width, isColored }: CheckTextOptions): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    isColored ? styleText(format, text, { validateStream: false }) : text

  const renderProblem = (problem: ReportedProblem): readonly string[] => {
    const place = wrap(placeOf(problem), width - indent)
    const label = paint([...tints[problem.severity]], problem.severity.padEnd(indent - 2))
    const below = [
      ...wrap(messageOf(problem, report), width - indent),
      ...labelled('fix: ', problem.fix, width),
      ...labelled('shown ', problem.when, width),
      ...labelled('only with ', problem.definitions?.join(', '), width),
    ]
    const [first, ...others] = place.length === 0 ? below : [...place, ...below]
    return [`  ${label}${first ?? ''}`, ...others.map((line) => ' '.repeat(indent) + line)]
  }

  const files = report.results
    .filter(({ problems }) => problems.length > 0)
    .flatMap(({ file, problems }) => [paint('bold', printable(file)), ...problems.flatMap(renderProblem), ''])
  const { error, warning } = countProblems(report)
  const summary = wrap(renderSummary(report), width).map((line) =>
    paint(error > 0 ? 'red' : warning > 0 ? 'yellow' : 'green', line),
  )
  return [...wrap(renderSource(report.definitions), width), '', ...files, ...summary].join('\n')
}

/** Says what the check knew, and what it cannot have known. */
function renderSource(definitions: readonly UsedDefinitions[]): string {
  const sources = definitions.map(({ source }) => source).join(', ')
  const isLimited = definitions.some(({ kind }) => kind === 'core')
  if (!isLimited) return `Checked against ${sources}.`
  return (
    `Checked against ${sources}. These say nothing of models, input files and custom nodes: ` +
    'for those give --comfyui-url or --object-info.'
  )
}

/** Node, input, parameter and line, as far as they are known. */
function placeOf({ node, classType, title, input, parameter, line }: ReportedProblem): string {
  const isTitleTelling = title !== undefined && title !== '' && title !== classType
  const nodeName = [node === undefined ? '' : `node ${node}`, classType ?? '', isTitleTelling ? `"${title}"` : '']
  const parts = [
    nodeName.filter((part) => part !== '').join(' '),
    input === undefined ? '' : `input ${input}`,
    parameter === undefined ? '' : `parameter ${parameter}`,
    line === undefined ? '' : `line ${String(line)}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}

/** The first line of the report says who was asked, where that is only one. */
function messageOf({ message }: ReportedProblem, { definitions }: CheckReport): string {
  const [only, ...others] = definitions
  return only === undefined || others.length > 0 ? message : message.replaceAll(` (asked: ${only.source})`, '')
}

function labelled(label: string, text: string | undefined, width: number): readonly string[] {
  if (text === undefined || text === '') return []
  return wrap(text, width - indent - label.length).map(
    (line, index) => (index === 0 ? label : ' '.repeat(label.length)) + line,
  )
}

function renderSummary(report: CheckReport): string {
  const { error, warning, note } = countProblems(report)
  const found = [
    ...(error > 0 ? [plural(error, 'error')] : []),
    ...(warning > 0 ? [plural(warning, 'warning')] : []),
    ...(note > 0 ? [plural(note, 'note')] : []),
  ]
  const graphs = report.results.reduce((sum, result) => sum + result.graphs, 0)
  const checked = [countOf(report.results, 'workflow'), countOf(report.results, 'prompt')].filter((part) => part !== '')
  return `${found.length === 0 ? 'No problems' : found.join(', ')} in ${checked.join(' and ')} (${plural(graphs, 'graph')}).`
}

function countOf(results: readonly CheckResult[], kind: CheckResult['kind']): string {
  const count = results.filter((result) => result.kind === kind).length
  return count === 0 ? '' : plural(count, kind)
}

function plural(count: number, word: string): string {
  return `${String(count)} ${word}${count === 1 ? '' : 's'}`
}

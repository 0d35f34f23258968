import { z } from 'zod'
import type { CheckReport, CheckResult, ReportedProblem } from './checking.ts'

/* What `check --json` prints. Strict, so that nothing is in it that is not described here. */

const verdictSchema = z.enum(['accepted', 'partly', 'refused', 'broken'])

const checkedProblemSchema = z.strictObject({
  severity: z.enum(['error', 'warning', 'note']),
  kind: z.string(),
  code: z.string(),
  node: z.string().optional(),
  class_type: z.string().optional(),
  title: z.string().optional(),
  input: z.string().optional(),
  parameter: z.string().optional(),
  value: z.unknown().optional(),
  message: z.string(),
  fix: z.string().optional(),
  when: z.string().optional(),
  line: z.int().min(1).optional(),
  /** Entries of the `definitions` of the document that show it, where others do not. */
  definitions: z.array(z.string()).optional(),
})

const checkedFileSchema = z.strictObject({
  kind: z.enum(['workflow', 'prompt']),
  file: z.string(),
  verdict: verdictSchema,
  /** One for each of the definitions. */
  verdicts: z.array(z.strictObject({ definitions: z.string(), verdict: verdictSchema })),
  graphs: z.int().min(0),
  problems: z.array(checkedProblemSchema),
})

const countsSchema = z.strictObject({
  workflows: z.int().min(0),
  prompts: z.int().min(0),
  graphs: z.int().min(0),
  errors: z.int().min(0),
  warnings: z.int().min(0),
  notes: z.int().min(0),
})

/** `file`, `verdict` and `problems` stand at the top where a single graph was checked, as in its entry of `results`. */
export const checkDocumentSchema = z.strictObject({
  definitions: z.array(z.strictObject({ source: z.string(), kind: z.enum(['core', 'file', 'instances']) })),
  file: z.string().optional(),
  verdict: verdictSchema.optional(),
  problems: z.array(checkedProblemSchema).optional(),
  results: z.array(checkedFileSchema),
  summary: countsSchema,
})
export type CheckDocument = z.infer<typeof checkDocumentSchema>

export function checkDocument(report: CheckReport): CheckDocument {
  const { definitions } = report
  const results = report.results.map((result) => describeResult(result, definitions))
  const [only] = results
  const isOnePrompt = results.length === 1 && only?.kind === 'prompt'
  const counts = countProblems(report)
  return {
    definitions: definitions.map(({ source, kind }) => ({ source, kind })),
    ...(isOnePrompt && { file: only.file, verdict: only.verdict, problems: only.problems }),
    results,
    summary: {
      workflows: results.filter(({ kind }) => kind === 'workflow').length,
      prompts: results.filter(({ kind }) => kind === 'prompt').length,
      graphs: results.reduce((sum, { graphs }) => sum + graphs, 0),
      errors: counts.error,
      warnings: counts.warning,
      notes: counts.note,
    },
  }
}

/** How many problems of each severity a report has. */
export function countProblems({ results }: CheckReport): Readonly<Record<ReportedProblem['severity'], number>> {
  const counts = { error: 0, warning: 0, note: 0 }
  for (const { problems } of results) for (const { severity } of problems) counts[severity] += 1
  return counts
}

function describeResult(
  result: CheckResult,
  definitions: CheckReport['definitions'],
): CheckDocument['results'][number] {
  return {
    kind: result.kind,
    file: result.file,
    verdict: result.verdict,
    verdicts: definitions.flatMap(({ source }, index) => {
      const verdict = result.verdicts[index]
      return verdict === undefined ? [] : { definitions: source, verdict }
    }),
    graphs: result.graphs,
    problems: result.problems.map(describeProblem),
  }
}

function describeProblem(problem: ReportedProblem): z.infer<typeof checkedProblemSchema> {
  const { severity, kind, code, classType, message, line, definitions, ...place } = problem
  return {
    severity,
    kind,
    code,
    ...(place.node !== undefined && { node: place.node }),
    ...(classType !== undefined && { class_type: classType }),
    ...(place.title !== undefined && { title: place.title }),
    ...(place.input !== undefined && { input: place.input }),
    ...(place.parameter !== undefined && { parameter: place.parameter }),
    ...(place.value !== undefined && { value: place.value }),
    message,
    ...(place.fix !== undefined && { fix: place.fix }),
    ...(place.when !== undefined && { when: place.when }),
    ...(line !== undefined && { line }),
    ...(definitions !== undefined && { definitions: [...definitions] }),
  }
}

import { errorCodes } from '../../errors/error-catalogue.ts'
import { isRecord } from '../../lib/json-record.ts'
import { problemContentType } from '../schemas/problem.ts'
import { problemExampleOf } from './examples.ts'

/** Gives each problem an example with its own status; the generator of the document passes none on. */
export function withProblemExamples(paths: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return mapRecord(paths, (item) =>
    mapRecord(item, (operation) =>
      isRecord(operation) ? { ...operation, responses: mapRecord(operation['responses'], withExample) } : operation,
    ),
  )
}

function withExample(response: unknown): unknown {
  if (!isRecord(response) || !isRecord(response['content'])) return response
  const { content, description } = response
  const problem = content[problemContentType]
  const codes = errorCodes.filter((code) => String(description).includes(`\`${code}\`:`))
  if (!isRecord(problem) || codes.length === 0) return response
  const example = problemExampleOf(codes)
  return { ...response, content: { ...content, [problemContentType]: { ...problem, example } } }
}

function mapRecord(record: unknown, change: (value: unknown) => unknown): Record<string, unknown> {
  return isRecord(record) ? Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)])) : {}
}

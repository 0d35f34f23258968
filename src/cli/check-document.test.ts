import { describe, expect, test } from 'vitest'
import { checkDocument, checkDocumentSchema, countProblems } from './check-document.ts'
import type { CheckReport, CheckResult, ReportedProblem } from './checking.ts'

const problem: ReportedProblem = {
  severity: 'error',
  kind: 'refused',
  code: 'value_not_in_list',
  node: '3',
  classType: 'KSampler',
  title: 'Refine',
  input: 'scheduler',
  parameter: '/scheduler',
  value: 'eular',
  message: 'no',
  fix: 'yes',
  when: 'always',
  line: 41,
  definitions: ['one'],
}

const prompt: CheckResult = {
  kind: 'prompt',
  file: 'graph.json',
  verdict: 'refused',
  verdicts: ['accepted', 'refused'],
  graphs: 1,
  problems: [problem, { severity: 'warning', kind: 'flawed', code: 'x', message: 'odd' }],
}
const workflow: CheckResult = { ...prompt, kind: 'workflow', file: 'a.ts', graphs: 4 }

function report(...results: readonly CheckResult[]): CheckReport {
  const definitions = ['one', 'two'].map((source) => ({ source, kind: 'instances' as const }))
  return { definitions, results }
}

describe('the document of a check', () => {
  test('has verdict and problems at its top where a single graph was checked, and in its results', () => {
    const document = checkDocumentSchema.parse(JSON.parse(JSON.stringify(checkDocument(report(prompt)))))
    expect(document).toMatchObject({ file: 'graph.json', verdict: 'refused' })
    expect(document.problems).toEqual([
      {
        severity: 'error',
        kind: 'refused',
        code: 'value_not_in_list',
        node: '3',
        class_type: 'KSampler',
        title: 'Refine',
        input: 'scheduler',
        parameter: '/scheduler',
        value: 'eular',
        message: 'no',
        fix: 'yes',
        when: 'always',
        line: 41,
        definitions: ['one'],
      },
      { severity: 'warning', kind: 'flawed', code: 'x', message: 'odd' },
    ])
    expect(document.results).toEqual([
      {
        kind: 'prompt',
        file: 'graph.json',
        verdict: 'refused',
        verdicts: [
          { definitions: 'one', verdict: 'accepted' },
          { definitions: 'two', verdict: 'refused' },
        ],
        graphs: 1,
        problems: document.problems,
      },
    ])
  })

  test.each([
    ['one workflow', [workflow]],
    ['two graphs', [prompt, { ...prompt, file: 'b.json' }]],
    ['a graph and a workflow', [prompt, workflow]],
  ])('has no verdict of its own for %s', (_, results) => {
    const document = checkDocumentSchema.parse(checkDocument(report(...results)))
    expect(document).not.toHaveProperty('verdict')
    expect(document.results).toHaveLength(results.length)
  })

  test('counts', () => {
    expect(checkDocument(report(prompt, workflow)).summary).toEqual({
      workflows: 1,
      prompts: 1,
      graphs: 5,
      errors: 2,
      warnings: 2,
      notes: 0,
    })
    expect(countProblems(report())).toEqual({ error: 0, warning: 0, note: 0 })
  })
})

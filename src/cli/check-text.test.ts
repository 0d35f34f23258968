import { stripVTControlCharacters } from 'node:util'
import { describe, expect, test } from 'vitest'
import { renderCheck } from './check-text.ts'
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
  line: 41,
  message: '"eular" is none of the 9 names that the input takes, which are written in lower case throughout.',
  fix: 'Did you mean "euler"?',
  when: 'with lora_name="x"',
}

function result(file: string, problems: readonly ReportedProblem[], more: Partial<CheckResult> = {}): CheckResult {
  return { kind: 'workflow', file, verdict: 'accepted', verdicts: ['accepted'], graphs: 3, problems, ...more }
}

function report(
  results: readonly CheckResult[],
  kind: CheckReport['definitions'][number]['kind'] = 'file',
): CheckReport {
  return { definitions: [{ source: 'object_info.json', kind }], results }
}

const plain = { width: 80, isColored: false }

describe('the text of a check', () => {
  test('groups by file, and says place, mistake, what to do and when it shows', () => {
    expect(renderCheck(report([result('a/b.ts', [problem])]), plain)).toMatchInlineSnapshot(`
      "Checked against object_info.json.

      a/b.ts
        error    node 3 KSampler "Refine", input scheduler, parameter /scheduler, line
                 41
                 "eular" is none of the 9 names that the input takes, which are
                 written in lower case throughout.
                 fix: Did you mean "euler"?
                 shown with lora_name="x"

      1 error in 1 workflow (3 graphs)."
    `)
  })

  test('leaves out what is not known, and files without problems', () => {
    const bare: ReportedProblem = { severity: 'warning', kind: 'flawed', code: 'x', message: 'Something is odd.' }
    const results = [
      result('good.ts', []),
      result('odd.json', [bare, { ...bare, severity: 'note' }], { kind: 'prompt' }),
    ]
    expect(renderCheck(report(results), plain)).toMatchInlineSnapshot(`
      "Checked against object_info.json.

      odd.json
        warning  Something is odd.
        note     Something is odd.

      1 warning, 1 note in 1 workflow and 1 prompt (6 graphs)."
    `)
  })

  test('does not repeat a title that says nothing', () => {
    const text = renderCheck(report([result('a.ts', [{ ...problem, title: 'KSampler' }])]), plain)
    expect(text).toContain('node 3 KSampler, input scheduler')
  })

  test('says that all is well, and what that does not mean', () => {
    const text = renderCheck(report([result('a.ts', []), result('b.ts', [])], 'core'), plain)
    expect(text).toContain('nothing of models')
    expect(text).toContain('--object-info')
    expect(text).toContain('\n\nNo problems in 2 workflows (6 graphs).')
  })

  test('does not repeat who was asked, where that is one', () => {
    const asked = { ...problem, message: 'There is no file "a" (asked: object_info.json).' }
    expect(renderCheck(report([result('a.ts', [asked])]), plain)).toContain('There is no file "a".\n')
  })

  test('names the definitions that show a problem where others do not', () => {
    const definitions = [
      { source: 'ComfyUI at http://a', kind: 'instances' as const },
      { source: 'ComfyUI at http://b', kind: 'instances' as const },
    ]
    const found = { ...problem, definitions: ['ComfyUI at http://b'] }
    const text = renderCheck({ definitions, results: [result('a.ts', [found])] }, plain)
    expect(text).toContain('Checked against ComfyUI at http://a, ComfyUI at http://b.')
    expect(text).toContain('only with ComfyUI at http://b')
  })

  test('keeps to the width, but for words that are longer', () => {
    const long = { ...problem, message: 'word '.repeat(60), fix: 'do this '.repeat(30), when: 'x '.repeat(70) }
    for (const width of [40, 80, 120]) {
      const lines = renderCheck(report([result('a.ts', [long])], 'core'), { width, isColored: false }).split('\n')
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width)
    }
  })

  test('is the same with colours, and nothing in it steers the terminal', () => {
    const evil = { ...problem, message: '\u001b]0;title\u0007 broken\nline', title: '\u001b[2J' }
    const results = [result('\u001b[1ma.ts', [evil, { ...evil, severity: 'warning' }, { ...evil, severity: 'note' }])]
    const text = renderCheck(report(results), plain)
    expect(['\u001b', '\u0007'].filter((character) => text.includes(character))).toEqual([])
    const colored = renderCheck(report(results), { width: 80, isColored: true })
    expect(colored).toContain('\u001b[')
    expect(stripVTControlCharacters(colored)).toBe(text)
  })
})

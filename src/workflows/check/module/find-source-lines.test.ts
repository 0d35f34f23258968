import { expect, test } from 'vitest'
import type { CheckProblem } from '../check-problem.ts'
import { findSourceLines } from './find-source-lines.ts'

const source = `import { z } from 'zod'
import { defineWorkflow, image } from 'comfyui-api'

const RequestSchema = z.object({
  // steps: z.int() was here
  steps: z.int().default(20),
  cfg: z.number(),
  picture: image(),
  size: z.object({ cfg: z.number() }),
})

export default defineWorkflow({
  RequestSchema,
  generateWorkflow: (input) => {
    const graph = {
      // '3': { class_type: 'KSampler', inputs: { seed: 1 } },
      '3': {
        class_type: 'KSampler',
        inputs: {
          steps: input.steps,
          cfg: input.cfg,
          text: "'9': { class_type: 'SaveImage' }",
          model: ['4', 0],
        },
        _meta: { title: 'inputs: {' },
      },
      4: { class_type: "Loader", inputs: { 'ckpt_name': \`a\${1}\` } },
      ...(input.cfg > 1 && { ['5']: { class_type: \`Plain\`, inputs: {} } }),
      '6': { class_type: 'Twice', inputs: {} },
    }
    if (input.steps > 2) graph['7'] = { class_type: 'Late', inputs: { cfg: 1, cfg: 2 } }
    graph['6'] = { class_type: 'Twice', inputs: {} }
    graph['8'] = { class_type: className, inputs: {} }
    return graph
  },
})
`

function lineOf(problem: Partial<CheckProblem>, text = source): number | undefined {
  const base = { severity: 'error', kind: 'refused', code: 'value_not_in_list', message: 'It is wrong.' } as const
  return findSourceLines(text, [{ ...base, ...problem }])[0]?.line
}

function numberOf(part: string): number {
  const at = source.split('\n').findIndex((line) => line.includes(part))
  expect(at).toBeGreaterThan(0)
  return at + 1
}

test.each([
  ['an input', { node: '3', classType: 'KSampler', input: 'steps' }, 'steps: input.steps'],
  ['a missing input', { node: '3', classType: 'KSampler', input: 'sampler_name' }, "      '3': {"],
  ['a node', { node: '3', classType: 'KSampler' }, "      '3': {"],
  ['a node with a number', { node: '4', classType: 'Loader', input: 'ckpt_name' }, '4: {'],
  ['a computed key', { node: '5', classType: 'Plain' }, "['5']: {"],
  ['a node that is added', { node: '7', classType: 'Late', input: 'cfg' }, "graph['7']"],
])('finds %s', (_what, problem, part) => {
  expect(lineOf(problem)).toBe(numberOf(part))
})

test.each([
  ['a node that is written twice', { node: '6', classType: 'Twice' }],
  ['a node of another class', { node: '3', classType: 'KSamplerAdvanced' }],
  ['a node in a string', { node: '9', classType: 'SaveImage' }],
  ['a node whose class is computed', { node: '8', classType: 'className' }],
  ['a node that is not there', { node: '99', classType: 'KSampler' }],
  ['no node', {}],
])('does not guess at %s', (_what, problem) => {
  expect(lineOf(problem)).toBeUndefined()
})

test.each([
  ['/steps', 'steps: z.int().default'],
  ['/picture', 'picture: image()'],
  ['/size', 'size: z.object'],
])('finds the parameter %s in the schema', (parameter, part) => {
  expect(lineOf({ code: 'dead_parameter', parameter })).toBe(numberOf(part))
  const feeding = { node: '3', classType: 'KSampler', input: 'steps' }
  expect(lineOf({ code: 'range_too_wide', parameter, ...feeding })).toBe(numberOf(part))
})

test('does not guess at a parameter of a name that is written twice', () => {
  expect(lineOf({ code: 'dead_parameter', parameter: '/cfg' })).toBeUndefined()
})

test('keeps a line that is known, and says nothing of a text that cannot be understood', () => {
  expect(lineOf({ line: 2, node: '3', classType: 'KSampler' })).toBe(2)
  expect(lineOf({ node: '3', classType: 'KSampler' }, `${source}}`)).toBeUndefined()
})

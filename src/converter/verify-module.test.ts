import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../comfyui/wire/prompt.ts'
import { isRecord } from '../lib/json-record.ts'
import { promptArbitrary } from '../../test/support/random-prompt.ts'
import { chooseParameters } from './parameters/choose-parameters.ts'
import type { Parameter, ParameterPlan } from './parameters/parameter-plan.ts'
import { fillPrompt, otherValue, verifyModule, type LoadedModule } from './verify-module.ts'

const prompt: Prompt = {
  '1': { class_type: 'LoadImage', inputs: { image: 'a.png' } },
  '2': { class_type: 'ImageScaleBy', inputs: { image: ['1', 0], upscale_method: 'area', scale_by: 2 } },
  '3': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
}
const plan = chooseParameters(prompt, { lookUp: coreNode })

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {}
}

/** A module that does right but for what is put in place of it. */
function makeModule(broken: Partial<LoadedModule> = {}, of: ParameterPlan = plan, from: Prompt = prompt): LoadedModule {
  const defaults = of.parameters.flatMap((each): [string, unknown][] => {
    const value = each.type.kind === 'choices' ? recordOf(each.value)['__value__'] : each.value
    return each.default.kind === 'none'
      ? []
      : [[each.name, each.default.kind === 'random' ? (each.default.from ?? 0) : value]]
  })
  return {
    parse: (sent) => ({ ...Object.fromEntries(defaults), ...recordOf(sent) }),
    generate: (input) => fillPrompt(from, of.parameters, new Map(Object.entries(recordOf(input)))),
    ...broken,
  }
}

const wrongGraphs: readonly (readonly [
  string,
  (graph: Prompt, input: Readonly<Record<string, unknown>>) => unknown,
  string,
])[] = [
  ['lacks a node', ({ '3': _, ...rest }) => rest, 'with its defaults: node 3 is missing'],
  [
    'has a node more',
    (graph) => ({ ...graph, '4': { class_type: 'X', inputs: {} } }),
    'with its defaults: node 4 is new',
  ],
  [
    'has another class',
    (graph) => ({ ...graph, '3': { ...graph['3'], class_type: 'PreviewImage' } }),
    'with its defaults: node 3 is a PreviewImage, not a SaveImage',
  ],
  [
    'lacks an input',
    (graph) => ({ ...graph, '3': { class_type: 'SaveImage', inputs: { images: ['2', 0] } } }),
    'with its defaults: input filename_prefix of node 3 is missing, not "x"',
  ],
  [
    'ignores a parameter',
    (graph, { image }) => fillPrompt(graph, plan.parameters, new Map(Object.entries({ image, scale_by: 2 }))),
    'with another scale_by: input scale_by of node 2 is 2, not 3',
  ],
  [
    'changes what a parameter does not stand for',
    (graph, { scale_by: by }) =>
      by === 2
        ? graph
        : { ...graph, '3': { class_type: 'SaveImage', inputs: { images: ['2', 1], filename_prefix: 'x' } } },
    'with another scale_by: input images of node 3 is ["2",1], not ["2",0]',
  ],
  ['is none', () => undefined, 'with its defaults: the graph is no object'],
]

describe('verifyModule', () => {
  test('has nothing to say of a module that does as its plan says', async () => {
    expect(await verifyModule({ module: makeModule(), plan, prompt })).toEqual([])
  })

  test.each(wrongGraphs)('tells of a graph that %s', async (_, change, problem) => {
    const right = makeModule()
    const module = makeModule({
      generate: (input) =>
        change(fillPrompt(prompt, plan.parameters, new Map(Object.entries(recordOf(input)))), recordOf(input)),
    })
    expect(right.generate({ image: 'a.png' })).toEqual(prompt)
    expect(await verifyModule({ module, plan, prompt })).toContain(problem)
  })

  test('tells of another default, and of parameters that are refused', async () => {
    const other = makeModule({ parse: (sent) => ({ scale_by: 1, ...recordOf(sent) }) })
    expect(await verifyModule({ module: other, plan, prompt })).toContain('with its defaults: scale_by is 1, not 2')
    const strict = makeModule({
      parse: () => {
        throw new Error('must be a picture')
      },
    })
    expect(await verifyModule({ module: strict, plan, prompt })).toContain('with its defaults: must be a picture')
  })

  test('tells of a seed that is drawn beyond its limit', async () => {
    const noise: Prompt = {
      '1': { class_type: 'RandomNoise', inputs: { noise_seed: 18446744073709552000 } },
      '2': { class_type: 'PreviewAny', inputs: { source: ['1', 0] } },
    }
    const of = chooseParameters(noise, { lookUp: coreNode })
    expect(await verifyModule({ module: makeModule({}, of, noise), plan: of, prompt: noise })).toEqual([])
    const negative = makeModule({ parse: (sent) => ({ seed: -1, ...recordOf(sent) }) }, of, noise)
    expect(await verifyModule({ module: negative, plan: of, prompt: noise })).toEqual([
      'with its defaults: the default of seed is -1',
    ])
  })

  test('takes any plan of any prompt for what it is', async () => {
    await fc.assert(
      fc.asyncProperty(promptArbitrary, async (random) => {
        const of = chooseParameters(random, { lookUp: coreNode, all: true })
        expect(await verifyModule({ module: makeModule({}, of, random), plan: of, prompt: random })).toEqual([])
      }),
      { numRuns: 40 },
    )
  })
})

test.each<[string, Pick<Parameter, 'type' | 'value'>, unknown]>([
  ['the next number', { type: { kind: 'integer', min: 0, max: 9 }, value: 5 }, 6],
  ['the one before at the end', { type: { kind: 'integer', min: 0, max: 9 }, value: 9 }, 8],
  ['one that its step allows', { type: { kind: 'integer', min: 0, max: 64, multipleOf: 8 }, value: 8 }, 16],
  ['nothing between equal limits', { type: { kind: 'integer', min: 3, max: 3 }, value: 3 }, undefined],
  ['a part between narrow limits', { type: { kind: 'number', min: 0, max: 0.5 }, value: 0.25 }, 0.375],
  ['the other flag', { type: { kind: 'boolean' }, value: true }, false],
  ['another choice', { type: { kind: 'choice', choices: ['a', 'b'] }, value: 'a' }, 'b'],
  ['no other where there is one', { type: { kind: 'choice', choices: ['a'] }, value: 'a' }, undefined],
  ['another list', { type: { kind: 'choices', choices: ['a'] }, value: { __value__: [] } }, ['a']],
])('another value is %s', (_, given, expected) => {
  expect(
    otherValue({ name: 'x', level: 'main', default: { kind: 'value' }, description: '', targets: [], ...given }),
  ).toEqual(expected)
})

import { expect, test } from 'vitest'
import { readNodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { FieldError } from '../errors/gateway-error.ts'
import type { SharedCatalogue } from '../instances/instance-pool.ts'
import { createRefusalPredictor } from './predict-refusal.ts'

const loader = (...models: string[]) => ({ input: { required: { model: [models, {}] } }, output: ['MODEL'] })
const save = { input: { required: { model: ['MODEL', {}], size: ['INT', { max: 9 }] } }, output: [], output_node: true }

function shared(instances: string[], classes: Record<string, unknown>): SharedCatalogue {
  return { catalogue: readNodeCatalogue(classes, { source: 'test', comfyuiVersion: '0.33.0' }), instances }
}

const job = (model: string, size = 1) => ({
  workflow: 'w',
  input: { model, size },
  prompt: {
    '1': { class_type: 'Load', inputs: { model }, _meta: {} },
    '2': { class_type: 'Save', inputs: { model: ['1', 0], size }, _meta: {} },
  },
})

function predictor(catalogues: SharedCatalogue[], changes: { isLearning?: boolean; comes?: SharedCatalogue[] } = {}) {
  let known = catalogues
  const refreshed: string[][] = []
  const asked: string[][] = []
  const predict = createRefusalPredictor({
    pool: {
      catalogues: () =>
        known.map((each) => {
          const { catalogue } = each
          return {
            ...each,
            catalogue: { ...catalogue, lookUp: (name) => (note(each.instances), catalogue.lookUp(name)) },
          }
        }),
      isLearning: changes.isLearning ?? false,
      refreshLists: async (classTypes) => {
        refreshed.push([...classTypes])
        known = changes.comes ?? known
      },
    },
    nameParameters: async (_workflow, _input, errors): Promise<readonly FieldError[]> =>
      errors.map((error) => (error.node?.id === '2' ? { pointer: '/size', ...error } : error)),
  })
  function note(instances: readonly string[]): void {
    if (asked.at(-1)?.[0] !== instances[0]) asked.push([...instances])
  }
  return { predict, refreshed, asked }
}

const a = shared(['a'], { Load: loader('x'), Save: save })
const bc = shared(['b', 'c'], { Load: loader('y'), Save: save })

test('what most instances run is decided by asking those, at once, and none of the others', () => {
  const { predict, asked, refreshed } = predictor([a, bc])
  expect(predict(job('y'))).toBeUndefined()
  expect(asked).toEqual([['b', 'c']])
  expect(predict(job('x'))).toBeUndefined()
  expect(asked).toEqual([['b', 'c'], ['a']])
  expect(refreshed).toEqual([])
})

test('nothing is predicted where nothing is known, and nothing is refused as long as more may be known soon', async () => {
  expect(predictor([]).predict(job('z'))).toBeUndefined()
  const { predict, refreshed } = predictor([a], { isLearning: true })
  expect(await predict(job('z'))).toBeUndefined()
  expect(refreshed).toEqual([])
})

test('lists are read anew before something is refused', async () => {
  const { predict, refreshed } = predictor([a], { comes: [shared(['a'], { Load: loader('x', 'z'), Save: save })] })
  expect(await predict(job('z'))).toBeUndefined()
  expect(refreshed).toEqual([['Load', 'Save']])
})

test('what nobody has is refused with what was meant and who was asked; those with the least to mend say why', async () => {
  const { predict } = predictor([shared(['d'], { Load: loader('x') }), a, bc])
  const unavailable = await predict(job('xx'))
  expect(unavailable).toMatchObject({ code: 'workflow_unavailable', errors: [{ code: 'value_not_in_list' }] })
  expect(unavailable?.errors[0]?.message).toMatch(/no instance has "xx" \(asked: b, c, d, a\); there are "y", "x"/)
  const invalid = await predict(job('y', 10))
  expect(invalid).toMatchObject({
    code: 'invalid_workflow',
    errors: [{ pointer: '/size', code: 'value_bigger_than_max' }],
  })
})

test('a class that nobody has is named, and the one that was probably meant', async () => {
  const { predict } = predictor([shared(['a'], { Loads: loader('x'), Save: save })])
  const error = await predict(job('x'))
  expect(error).toMatchObject({ code: 'workflow_unavailable', errors: [{ node: { id: '1', classType: 'Load' } }] })
  expect(error?.detail).toContain('no instance has the node class "Load" (asked: a); did you mean "Loads"?')
})

test('a type that stands for all types goes with every other, whatever the release', () => {
  const classes = { Load: loader('x'), Save: { ...save, input: { required: { model: ['*', {}] } } } }
  const catalogue = readNodeCatalogue(classes, { source: 'old', comfyuiVersion: '0.3.64' })
  expect(predictor([{ catalogue, instances: ['old'] }]).predict(job('x'))).toBeUndefined()
})

test('what code of custom nodes may take is not refused, but for names of files', async () => {
  const custom = (definition: object) => ({ ...definition, python_module: 'custom_nodes.pack' })
  const mode = shared(['a'], { Load: custom(loader('soft', 'hard')), Save: custom(save) })
  expect(predictor([mode]).predict(job('softer'))).toBeUndefined()
  expect(predictor([mode]).predict(job('soft', 10))).toBeUndefined()
  // Save is not custom: its own rule is known.
  const mixed = shared(['a'], { Load: custom(loader('soft', 'hard')), Save: save })
  expect(await predictor([mixed]).predict(job('softer', 10))).toMatchObject({ code: 'invalid_workflow' })
  const files = shared(['a'], { Load: custom(loader('a.safetensors')), Save: save })
  expect(await predictor([files]).predict(job('b.safetensors'))).toMatchObject({ code: 'workflow_unavailable' })
  const none = shared(['a'], { Load: custom(loader()), Save: save })
  expect(await predictor([none]).predict(job('b.safetensors'))).toMatchObject({ code: 'workflow_unavailable' })
})

import { expect, test } from 'vitest'
import { coreNode, type CoreNodesVersion } from '../core-nodes.ts'
import type { NodeDefinition } from '../object-info.ts'
import { promptRules } from './prompt-rules.ts'
import { validatePrompt, type PromptVerdict } from './validate-prompt.ts'

const image = { class_type: 'EmptyImage', inputs: { width: 64, height: 64, batch_size: 1, color: 255 } }
const save = { class_type: 'SaveImage', inputs: { filename_prefix: 'v', images: ['1', 0] } }

function validate(prompt: unknown, targets?: unknown, version: CoreNodesVersion = '0.33.0'): PromptVerdict {
  return validatePrompt(structuredClone(prompt), targets, {
    nodes: (classType) => coreNode(classType, version),
    rules: promptRules(version),
    fileExists: (name) => name === 'there.png',
  })
}

/** `node type input` of each error; instead of them the verdict when there are none. */
function errorsOf(verdict: PromptVerdict): string[] {
  if (verdict.kind === 'crash') return ['crash']
  const errors = Object.entries(verdict.nodeErrors).flatMap(([nodeId, node]) =>
    node.errors.map(({ type, extra_info }) => [nodeId, type, extra_info['input_name']].filter(Boolean).join(' ')),
  )
  if (errors.length > 0) return errors
  return verdict.kind === 'refused' ? [verdict.error.type] : ['accepted']
}

const withImage = (changes: Record<string, unknown>) => ({
  1: { ...image, inputs: { ...image.inputs, ...changes } },
  9: save,
})

test('accepts a good prompt and stores converted values', () => {
  const verdict = validate(withImage({ width: '48', zzz: 1 }))
  expect(verdict).toMatchObject({
    kind: 'accepted',
    outputs: ['9'],
    nodeErrors: {},
    prompt: { 1: { inputs: { width: 48, zzz: 1 } } },
  })
})

test.each<[name: string, prompt: unknown, errors: string[]]>([
  ['a value above the maximum', withImage({ width: 99999 }), ['1 value_bigger_than_max width']],
  ['a value below the minimum', withImage({ width: -1 }), ['1 value_smaller_than_min width']],
  ['a word for a number', withImage({ width: 'wide' }), ['1 invalid_input_type width']],
  ['a list for a number', withImage({ width: [1, 2, 3] }), ['1 bad_linked_input width']],
  ['a wrapped list for a number', withImage({ width: { __value__: [1] } }), ['1 invalid_input_type width']],
  [
    'a missing input',
    { 1: { class_type: 'EmptyImage', inputs: { width: 8, height: 8, color: 0 } }, 9: save },
    ['1 required_input_missing batch_size'],
  ],
  [
    'a link to no node',
    { 9: { ...save, inputs: { filename_prefix: 'v', images: ['77', 0] } } },
    ['9 exception_during_validation'],
  ],
  [
    'a link to no slot',
    { 1: image, 9: { ...save, inputs: { filename_prefix: 'v', images: ['1', 5] } } },
    ['9 exception_during_validation'],
  ],
  [
    'a link of another type',
    { 1: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } }, 9: save },
    ['9 return_type_mismatch images'],
  ],
  [
    'a broken link further up',
    { 1: { class_type: 'ImageInvert', inputs: { image: ['8', 0] } }, 9: save },
    ['1 exception_during_inner_validation images'],
  ],
  [
    'a choice that is none',
    {
      1: {
        class_type: 'ImageScale',
        inputs: { image: ['2', 0], upscale_method: 'magic', width: 8, height: 8, crop: 'disabled' },
      },
      2: image,
      9: save,
    },
    ['1 value_not_in_list upscale_method'],
  ],
  [
    'a file that is not there',
    { 1: { class_type: 'LoadImage', inputs: { image: 'nope.png' } }, 9: save },
    ['1 custom_validation_failed image'],
  ],
  ['a file that is there', { 1: { class_type: 'LoadImage', inputs: { image: 'there.png' } }, 9: save }, ['accepted']],
  [
    'a cycle',
    {
      1: { class_type: 'ImageInvert', inputs: { image: ['2', 0] } },
      2: { class_type: 'ImageInvert', inputs: { image: ['1', 0] } },
      9: save,
    },
    ['1 dependency_cycle', '2 dependency_cycle'],
  ],
  [
    'a broken node that nothing needs',
    { 1: image, 5: { class_type: 'ImageInvert', inputs: { image: ['77', 0] } }, 9: save },
    ['accepted'],
  ],
  ['an unknown class', { 1: { class_type: 'Nope', inputs: {} }, 9: save }, ['missing_node_type']],
  ['no class', { 1: { inputs: {} }, 9: save }, ['missing_node_type']],
  ['no output', { 1: image }, ['prompt_no_outputs']],
  ['nothing at all', {}, ['prompt_no_outputs']],
  ['the format of the editor', { nodes: [], links: [] }, ['crash']],
  ['a null', null, ['crash']],
])('%s', (_name, prompt, errors) => {
  expect(errorsOf(validate(prompt))).toEqual(errors)
})

test('runs the good outputs and names the errors of the others', () => {
  const bad = { class_type: 'EmptyImage', inputs: { width: -5, height: 1, batch_size: 1, color: 0 } }
  const verdict = validate({
    1: image,
    2: bad,
    8: { ...save, inputs: { filename_prefix: 'x', images: ['2', 0] } },
    9: save,
  })
  expect(verdict).toMatchObject({
    kind: 'accepted',
    outputs: ['9'],
    nodeErrors: { 2: { class_type: 'EmptyImage', dependent_outputs: ['8'] } },
  })
})

test('runs only the targets', () => {
  const prompt = { 1: image, 8: save, 9: save }
  expect(validate(prompt, ['8'])).toMatchObject({ outputs: ['8'] })
  expect(validate(prompt, null)).toMatchObject({ outputs: ['8', '9'] })
  expect(errorsOf(validate(prompt, []))).toEqual(['prompt_no_outputs'])
})

test('checks the inputs that a chosen option and grown inputs declare', () => {
  const resize = (inputs: Record<string, unknown>) => ({
    1: { class_type: 'ResizeImageMaskNode', inputs: { input: ['2', 0], scale_method: 'area', ...inputs } },
    2: image,
    9: save,
  })
  expect(errorsOf(validate(resize({ resize_type: 'scale by multiplier', 'resize_type.multiplier': 99 })))).toEqual([
    '1 value_bigger_than_max resize_type.multiplier',
  ])
  expect(errorsOf(validate(resize({ resize_type: 'scale by multiplier' })))).toEqual([
    '1 required_input_missing resize_type.multiplier',
  ])
  expect(errorsOf(validate(resize({ resize_type: 'nonsense' })))).toEqual(['accepted'])
  const batch = (inputs: Record<string, unknown>) => ({
    1: { class_type: 'BatchImagesNode', inputs },
    2: image,
    9: save,
  })
  expect(errorsOf(validate(batch({ 'images.image0': ['2', 0] })))).toEqual(['accepted'])
  expect(errorsOf(validate(batch({ 'images.image1': ['2', 0] })))).toEqual(['1 required_input_missing images.image0'])
})

test('knows the largest seed to the last digit', () => {
  const sampler = { class_type: 'RandomNoise', inputs: { noise_seed: 2n ** 64n } }
  const prompt = { 1: sampler, 9: { class_type: 'PreviewAny', inputs: { source: ['1', 0] } } }
  expect(errorsOf(validate(prompt))).toEqual(['1 value_bigger_than_max noise_seed'])
  sampler.inputs.noise_seed -= 1n
  expect(errorsOf(validate(prompt))).toEqual(['accepted'])
})

test('an older release has other words, and checks less', () => {
  const older = (prompt: unknown) => errorsOf(validate(prompt, undefined, '0.3.64'))
  expect(older({ 1: { class_type: 'Nope', inputs: {} }, 9: save })).toEqual(['invalid_prompt'])
  expect(older([])).toEqual(['prompt_no_outputs'])
  const invert = (source: string) => ({ class_type: 'ImageInvert', inputs: { image: [source, 0] } })
  expect(older({ 1: invert('2'), 2: invert('1'), 9: save })).toEqual(['prompt_outputs_failed_validation'])
  const upscale = { class_type: 'UpscaleModelLoader', inputs: { model_name: 'absent.pth' } }
  const upscaled = { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['3', 0], image: ['2', 0] } }
  const prompt = { 1: upscaled, 2: image, 3: upscale, 9: save }
  expect(older(prompt)).toEqual(['accepted'])
  expect(errorsOf(validate(prompt))).toEqual(['3 value_not_in_list model_name'])
})

/** Classes of a node pack, with what core nodes have not. */
const packNodes: Readonly<Record<string, NodeDefinition>> = {
  PackLoader: {
    python_module: 'custom_nodes.pack',
    input: { required: { image: [['listed.png'], { image_upload: true }] } },
    output: ['IMAGE'],
  },
  PackTags: {
    python_module: 'custom_nodes.pack',
    input: {
      required: { tags: ['COMBO', { options: ['a', 'b', 1], multiselect: true }], one: [['x', true, 2], {}] },
      optional: { remote: ['COMBO', { remote: { route: '/tags' } }], free: ['FLOAT,INT', { min: 0 }] },
    },
    output: ['IMAGE', 'MASK'],
  },
}

function errorsInPack(prompt: unknown, rules = promptRules('0.33.0')): string[] {
  const verdict = validatePrompt(prompt, undefined, {
    nodes: (classType) => packNodes[classType] ?? coreNode(classType),
    rules,
    fileExists: (name) => name === 'there.png',
  })
  return errorsOf(verdict)
}

const saved = (class_type: string, inputs: Record<string, unknown>) => ({ 1: { class_type, inputs }, 9: save })

test('a file that exists is as good as a listed one where a node pack offers uploads', () => {
  expect(errorsInPack(saved('PackLoader', { image: 'listed.png' }))).toEqual(['accepted'])
  expect(errorsInPack(saved('PackLoader', { image: 'there.png' }))).toEqual(['accepted'])
  expect(errorsInPack(saved('PackLoader', { image: 'absent.png' }))).toEqual(['1 value_not_in_list image'])
  expect(errorsInPack(saved('PackLoader', { image: null }))).toEqual(['1 value_not_in_list image'])
})

test.each<[name: string, changes: Record<string, unknown>, errors: string[]]>([
  ['one of the choices', {}, ['accepted']],
  ['several where several may be chosen', { tags: { __value__: ['a', 'b'] } }, ['accepted']],
  ['none where several may be chosen', { tags: { __value__: [] } }, ['accepted']],
  ['one of several that is no choice', { tags: { __value__: ['a', 'c'] } }, ['1 value_not_in_list tags']],
  ['several where one may be chosen', { one: { __value__: ['x'] } }, ['1 value_not_in_list one']],
  ['true, which is 1', { tags: true, one: 1 }, ['accepted']],
  ['a word in other letters', { one: 'X' }, ['1 value_not_in_list one']],
  ['a choice that only the server can fetch', { remote: 'a' }, ['1 value_not_in_list remote']],
  ['a limit of a union', { free: -1 }, ['1 value_smaller_than_min free']],
  ['a word where a union has limits', { free: '1' }, ['1 exception_during_inner_validation images']],
  ['nothing where a union has limits', { free: null }, ['1 exception_during_inner_validation images']],
  ['the name of an inherited property', { constructor: 5, toString: ['9', 0] }, ['accepted']],
])('a node pack gets %s', (_name, changes, errors) => {
  expect(errorsInPack(saved('PackTags', { tags: 'a', one: 'x', ...changes }))).toEqual(errors)
})

test.each<[name: string, slot: unknown, errors: string[]]>([
  ['the first', 0, ['accepted']],
  ['the first from the end', -2, ['accepted']],
  ['false, which is 0', false, ['accepted']],
  ['true, which is 1', true, ['9 return_type_mismatch images']],
  ['the last', -1, ['9 return_type_mismatch images']],
  ['one too many', 2, ['9 exception_during_validation']],
  ['one too many from the end', -3, ['9 exception_during_validation']],
  ['a text', '0', ['9 exception_during_validation']],
  ['a part of one', 0.5, ['9 exception_during_validation']],
  ['nothing', null, ['9 exception_during_validation']],
])('a link to %s of the outputs', (_name, slot, errors) => {
  const linked = { ...save, inputs: { filename_prefix: 'v', images: ['1', slot] } }
  const source = { class_type: 'PackTags', inputs: { tags: 'a', one: 'x' } }
  expect(errorsInPack({ 1: source, 9: linked })).toEqual(errors)
})

test.each(['constructor', '__proto__', 'toString'])('a link to a node named %s that is not there', (id) => {
  const linked = { ...save, inputs: { filename_prefix: 'v', images: [id, 0] } }
  expect(errorsOf(validate({ 9: linked }))).toEqual(['9 exception_during_validation'])
})

test('a chain is as long as the stack of the server lets it be', () => {
  const chain = (length: number) => {
    const nodes: Record<string, unknown> = {}
    for (let index = 0; index < length - 2; index++) {
      const source = index === 0 ? '1' : `n${index - 1}`
      nodes[`n${index}`] = { class_type: 'ImageInvert', inputs: { image: [source, 0] } }
    }
    const last = { ...save, inputs: { filename_prefix: 'v', images: [`n${length - 3}`, 0] } }
    return { 1: image, ...nodes, 9: last }
  }
  expect(errorsOf(validate(chain(982)))).toEqual(['accepted'])
  expect(errorsOf(validate(chain(983)))).toEqual(['1 exception_during_inner_validation image'])
})

test('a node on a cycle is blamed for its own mistakes as well', () => {
  const blend = (image1: string, blend_factor: number) => ({
    class_type: 'ImageBlend',
    inputs: { image1: [image1, 0], image2: ['3', 0], blend_factor, blend_mode: 'normal' },
  })
  const prompt = { 1: blend('2', 5), 2: blend('1', 0.5), 3: image, 9: save }
  expect(errorsOf(validate(prompt))).toEqual([
    '1 dependency_cycle',
    '1 value_bigger_than_max blend_factor',
    '2 dependency_cycle',
  ])
})

test('a class that checks all of its inputs is blamed for each of them', () => {
  const load = { class_type: 'Load3D', inputs: { model_file: 'gone.glb', width: 99999, height: 1, linked: ['1', 0] } }
  const preview = { class_type: 'PreviewAny', inputs: { source: ['2', 0] } }
  expect(errorsOf(validate({ 1: image, 2: load, 9: preview }))).toEqual([
    '2 required_input_missing image',
    '2 custom_validation_failed model_file',
    '2 custom_validation_failed width',
    '2 custom_validation_failed height',
    '2 custom_validation_failed linked',
  ])
})

test.each<[classType: string, inputs: Record<string, unknown>, errors: string[]]>([
  ['Load3D', { model_file: 'none' }, ['2 required_input_missing image']],
  ['Load3D', { model_file: null, image: '' }, ['accepted']],
  ['Load3D', { model_file: 5, image: '' }, ['2 exception_during_inner_validation source']],
  ['Load3D', { image: '' }, ['2 exception_during_inner_validation source']],
  ['CustomCombo', { choice: 'free text' }, ['accepted']],
  ['CustomCombo', {}, ['2 exception_during_inner_validation source']],
  ['SelectModelDevice', { model: 0, device: 'any' }, ['accepted']],
  ['SelectModelDevice', { model: 0 }, ['2 required_input_missing device']],
  ['FluxProUltraImageNode', { aspect_ratio: ' 16 : 9 ' }, ['accepted']],
  ['FluxProUltraImageNode', { aspect_ratio: '1_0:10' }, ['accepted']],
  ['FluxProUltraImageNode', { aspect_ratio: '1:5' }, ['2 exception_during_inner_validation source']],
  ['FluxProUltraImageNode', { aspect_ratio: '16:9:1' }, ['2 exception_during_inner_validation source']],
  ['FluxProUltraImageNode', { aspect_ratio: 1 }, ['2 exception_during_inner_validation source']],
  ['LoadImage', { image: null }, ['2 exception_during_inner_validation source']],
  ['LoadImage', { image: ['1', 0] }, ['2 exception_during_inner_validation source']],
  ['LoadImage', {}, ['2 exception_during_inner_validation source']],
])('the own check of %s gets %o', (class_type, inputs, errors) => {
  const defaults: Readonly<Record<string, Record<string, unknown>>> = {
    Load3D: { width: 1, height: 1 },
    FluxProUltraImageNode: { prompt: '', prompt_upsampling: false, seed: 0, raw: false },
  }
  const node = { class_type, inputs: { ...defaults[class_type], ...inputs } }
  const prompt = { 1: image, 2: node, 9: { class_type: 'PreviewAny', inputs: { source: ['2', 0] } } }
  expect(errorsOf(validate(prompt))).toEqual(errors)
})

test('does not change the prompt', () => {
  const prompt = withImage({ width: '48', height: { __value__: '64' } })
  const before = structuredClone(prompt)
  expect(
    validatePrompt(prompt, undefined, { nodes: coreNode, rules: promptRules('0.33.0'), fileExists: () => true }),
  ).toMatchObject({ kind: 'accepted', prompt: { 1: { inputs: { width: 48, height: 64 } } } })
  expect(prompt).toEqual(before)
})

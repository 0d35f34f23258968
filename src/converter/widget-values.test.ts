import { describe, expect, test } from 'vitest'
import { convertFile, definition, inputsOf } from '../../test/support/convert-file.ts'
import { editorFile } from '../../test/support/editor-file.ts'
import type { NodeDefinition } from '../comfyui/wire/object-info.ts'

/** What a node of this class gets of saved values, and the codes of the warnings. */
function read(
  type: string,
  values: unknown,
  options: { classes?: Record<string, NodeDefinition>; named?: Record<string, unknown> } = {},
) {
  const { classes, named } = options
  const file = editorFile([{ id: 1, type, values, ...(named !== undefined && { named }) }])
  const conversion = convertFile(file, classes)
  const codes = conversion.warnings.map(({ code }) => code).filter((code) => code !== 'missing_input')
  return { inputs: inputsOf(conversion)['1'], codes }
}

const own = (inputs: Record<string, unknown[]>, optional: Record<string, unknown[]> = {}) => ({
  classes: { Own: definition(inputs, { optional }) },
})

const sampler = { seed: 5, steps: 11, cfg: 3, sampler_name: 'dpmpp_2m', scheduler: 'simple', denoise: 0.5 }

describe('controls', () => {
  test.each([
    ['a word', 'fixed'],
    ['a boolean, as old versions wrote it', true],
  ])('%s behind a seed is passed over', (_name, control) => {
    const values = [5, control, 11, 3, 'dpmpp_2m', 'simple', 0.5]
    expect(read('KSampler', values)).toEqual({ inputs: sampler, codes: [] })
  })

  test('that are not there take no value', () => {
    expect(read('KSampler', [5, 11, 3, 'dpmpp_2m', 'simple', 0.5])).toEqual({ inputs: sampler, codes: [] })
  })

  test('follow seeds by their names, unless their definition says otherwise', () => {
    const inputs = { noise_seed: ['INT', {}], seed: ['INT', { control_after_generate: false }], rand_seed: ['INT', {}] }
    expect(read('Own', [11, 'fixed', 22, 33], own(inputs)).inputs).toEqual({ noise_seed: 11, seed: 22, rand_seed: 33 })
  })

  test('follow every kind of number and combos, which have a filter besides', () => {
    const control = { control_after_generate: true }
    const inputs = {
      combo: ['COMBO', { options: ['p', 'q'], ...control }],
      float: ['FLOAT', control],
      int: ['INT', { control_after_generate: 'fixed' }],
      text: ['STRING', {}],
    }
    const values = ['q', 'fixed', 'flt', 2.5, 'increment', 3, 'randomize', 'T']
    expect(read('Own', values, own(inputs)).inputs).toEqual({ combo: 'q', float: 2.5, int: 3, text: 'T' })
  })

  test('are no values of their own where a choice is called fixed', () => {
    const inputs = { mode: [['fixed', 'random']], count: ['INT', {}] }
    expect(read('Own', ['fixed', 4], own(inputs))).toEqual({ inputs: { mode: 'fixed', count: 4 }, codes: [] })
  })

  test('are passed over where old versions left them behind the inputs of a dynamic one', () => {
    const inputs = {
      model: dynamic({ A: { seed: ['INT', { control_after_generate: true }], tag: ['STRING', {}] } }),
      tail: ['STRING', {}],
    }
    const { inputs: values, codes } = read('Own', ['A', 42, 'fixed', 'tag', 'randomize', 'tail'], own(inputs))
    expect(values).toEqual({ model: 'A', 'model.seed': 42, 'model.tag': 'tag', tail: 'tail' })
    expect(codes).toEqual(['values_realigned'])
    expect(read('Own', ['A', 42, 'fixed', 'tag', 'tail'], own(inputs))).toEqual({ inputs: values, codes: [] })
  })
})

describe('defaults', () => {
  test('stand in for values that are not there', () => {
    expect(read('KSampler', [5, 'fixed', 11]).inputs).toEqual({
      ...sampler,
      cfg: 8,
      sampler_name: 'euler',
      scheduler: 'simple',
      denoise: 1,
    })
  })

  test('are those of the type where the definition has none', () => {
    const inputs = { i: ['INT', { min: 3 }], f: ['FLOAT'], s: ['STRING'], b: ['BOOLEAN'], c: [['x', 'y']], none: [[]] }
    expect(read('Own', [], own(inputs)).inputs).toEqual({ i: 0, f: 0, s: '', b: false, c: 'x' })
  })

  test('that are lists are wrapped, as ComfyUI would take them for links', () => {
    expect(read('Own', [], own({ c: ['COMBO', { options: [], default: [1, 2] }] })).inputs).toEqual({
      c: { __value__: [1, 2] },
    })
  })

  test('take the place of null only where a widget cannot hold it', () => {
    const inputs = { c: [['x', 'y']], multi: ['STRING', { multiline: true }], s: ['STRING', {}], i: ['INT', {}] }
    expect(read('Own', [null, null, null, null], own(inputs)).inputs).toEqual({ c: 'x', multi: '', s: null, i: null })
  })
})

describe('values', () => {
  test('are not coerced', () => {
    expect(read('EmptyImage', ['640', '512', 1.7, 0])).toEqual({
      inputs: { width: '640', height: '512', batch_size: 1.7, color: 0 },
      codes: [],
    })
  })

  test('that are none of the choices stay, with a warning; names of files do without', () => {
    expect(read('ImageScaleBy', ['nosuch', 2])).toEqual({
      inputs: { upscale_method: 'nosuch', scale_by: 2 },
      codes: ['value_not_in_list'],
    })
    expect(read('CheckpointLoaderSimple', ['mine.safetensors']).codes).toEqual([])
  })

  test('of an old spelling get the new one', () => {
    const { inputs } = read('KSampler', [5, 'fixed', 11, 3, 'sample_dpm_2', 'simple', 0.5])
    expect(inputs).toMatchObject({ sampler_name: 'dpm_2' })
  })

  test('with choices and comments stay as they were written', () => {
    const text = 'a {red|blue} /* or not */ fox, https://example.com/x'
    expect(read('CLIPTextEncode', [text])).toEqual({ inputs: { text }, codes: ['kept_literally'] })
    expect(read('CLIPTextEncode', ['a {red} fox']).codes).toEqual([])
    expect(read('SaveImage', ['%date:yyyy-MM-dd%/fox']).codes).toEqual(['kept_literally'])
  })

  test('of the wrong type stay where no other reading fits, with a warning', () => {
    expect(read('CLIPTextEncode', [['a', 'b']])).toEqual({
      inputs: { text: { __value__: ['a', 'b'] } },
      codes: ['value_type'],
    })
  })

  test('left over are told, unless they are those of buttons and previews', () => {
    expect(read('EmptyLatentImage', [64, 64, 1, 'more']).codes).toEqual(['values_left_over'])
    expect(read('PreviewAny', [null, false, 'some text']).codes).toEqual([])
  })
})

describe('buttons', () => {
  test('for uploads come behind all widgets', () => {
    expect(read('LoadImageMask', ['a.png', 'red', 'image'])).toEqual({
      inputs: { image: 'a.png', channel: 'red' },
      codes: [],
    })
    const optional = { k: ['INT', {}] }
    const image = own({ image: [[], { image_upload: true }] }, optional)
    expect(read('Own', ['a.png', 8, 'image'], image)).toEqual({ inputs: { image: 'a.png', k: 8 }, codes: [] })
  })

  test('and players of sound may leave empty values', () => {
    for (const rest of [[], [null, ''], ['', '']]) {
      expect(read('LoadAudio', ['x.wav', ...rest])).toEqual({ inputs: { audio: 'x.wav' }, codes: [] })
    }
  })

  test('of lists that the browser asks for come behind the value', () => {
    const remote = { remote: { route: '/files', refresh_button: true } }
    const inputs = { file: ['COMBO', remote], count: ['INT', {}] }
    expect(read('Own', ['f.bin', false, 'refresh', 9], own(inputs)).inputs).toEqual({ file: 'f.bin', count: 9 })
  })
})

describe('definitions that changed', () => {
  const sockets = {
    st: ['STRING', { forceInput: true }],
    nm: ['STRING', {}],
    num: ['INT', {}],
  }
  const optional = { ov: ['INT', { defaultInput: true }], z: ['FLOAT', {}] }

  test('values of inputs that are sockets now are passed over, as long as all others fit', () => {
    const expected = { nm: 'n', num: 77, z: 0.25 }
    expect(read('Own', ['x', 'n', 77, 88, 0.25], own(sockets, optional))).toEqual({
      inputs: expected,
      codes: ['values_realigned'],
    })
    expect(read('Own', ['n', 77, 0.25], own(sockets, optional))).toEqual({ inputs: expected, codes: [] })
    const seeded = own({ s: ['STRING', { forceInput: true }], seed: ['INT', {}] })
    expect(read('Own', [7, 'fixed'], seeded)).toEqual({ inputs: { seed: 7 }, codes: [] })
  })

  test('a required defaultInput keeps its widget', () => {
    expect(read('Own', [3], own({ n: ['INT', { defaultInput: true }] })).inputs).toEqual({ n: 3 })
  })

  test('an input that the file does not know yet gets its default where only that fits', () => {
    const inputs = { text: ['STRING', {}], count: ['INT', {}] }
    const newer = { added: ['BOOLEAN', { default: true }], last: ['STRING', {}] }
    expect(read('Own', ['t', 3, 'end'], own(inputs, newer))).toEqual({
      inputs: { text: 't', count: 3, added: true, last: 'end' },
      codes: ['values_realigned'],
    })
  })

  test('names decide where positions do not fit', () => {
    const inputs = { flag: ['BOOLEAN', {}], text: ['STRING', {}] }
    const named = { flag: true, text: 'by name' }
    expect(read('Own', ['by position', false], { ...own(inputs), named })).toEqual({
      inputs: named,
      codes: ['values_realigned'],
    })
  })

  test('positions decide where they fit, whatever the names say, with a warning', () => {
    const named = { upscale_method: 'bicubic', scale_by: 4 }
    expect(read('ImageScaleBy', ['area', 4], { named })).toEqual({
      inputs: { upscale_method: 'area', scale_by: 4 },
      codes: ['values_disagree'],
    })
  })

  test('a gap that no widget can hold is passed over', () => {
    const inputs = { a: ['BOOLEAN', {}], b: ['STRING', {}], c: ['INT', {}] }
    expect(read('Own', [true, null, 'b', 3], own(inputs))).toEqual({
      inputs: { a: true, b: 'b', c: 3 },
      codes: ['values_realigned'],
    })
  })
})

describe('kinds of widgets', () => {
  test('the widget type of an input of several types makes it a widget', () => {
    const inputs = { rate: ['FLOAT,INT', { widgetType: 'FLOAT' }], socket: ['FLOAT,INT', {}], count: ['INT', {}] }
    expect(read('Own', [24, 3], own(inputs)).inputs).toEqual({ rate: 24, count: 3 })
  })

  test('dynamic inputs bring those of the selected option, also inside of each other', () => {
    const inner = dynamic({ fast: { speed: ['INT', {}] }, slow: {} })
    const inputs = { prompt: ['STRING', {}], model: dynamic({ A: {}, B: { ratio: [['1:1', '2:1']], mode: inner } }) }
    const tail = { tail: ['STRING', {}] }
    expect(read('Own', ['hello', 'B', '2:1', 'fast', 4, 'tail'], own(inputs, tail)).inputs).toEqual({
      prompt: 'hello',
      model: 'B',
      'model.ratio': '2:1',
      'model.mode': 'fast',
      'model.mode.speed': 4,
      tail: 'tail',
    })
    expect(read('Own', ['hello', 'A', 'tail'], own(inputs, tail)).inputs).toEqual({
      prompt: 'hello',
      model: 'A',
      tail: 'tail',
    })
  })

  test('an unknown option of a dynamic input is kept and told', () => {
    expect(read('Own', ['C', 5], own({ model: dynamic({ A: {} }), count: ['INT', {}] }))).toEqual({
      inputs: { model: 'C', count: 5 },
      codes: ['unknown_option'],
    })
  })

  test('a seed inside of a dynamic input has a control only when it asks for one', () => {
    const inputs = { model: dynamic({ A: { seed: ['INT', {}], count: ['INT', {}] } }) }
    expect(read('Own', ['A', 1, 2], own(inputs)).inputs).toEqual({ model: 'A', 'model.seed': 1, 'model.count': 2 })
  })

  test('curves, boxes, several choices and comparisons have forms of their own', () => {
    const box = { x: 1, y: 2, width: 3, height: 4 }
    const inputs = {
      curve: ['CURVE', {}],
      box: ['BOUNDING_BOX', {}],
      many: ['COMBO', { options: ['a', 'b'], multiselect: true }],
      view: ['IMAGECOMPARE', {}],
      count: ['INT', {}],
    }
    const expected = {
      curve: { __type__: 'CURVE', __value__: [[0, 0]] },
      box,
      many: { __value__: ['a'] },
      view: { __value__: ['', ''] },
      count: 7,
    }
    expect(read('Own', [[[0, 0]], box, 1, 2, 3, 4, ['a'], 7], own(inputs))).toEqual({ inputs: expected, codes: [] })
    expect(read('Own', [[[0, 0]], box, ['a'], 7], own(inputs))).toEqual({ inputs: expected, codes: [] })
  })

  test.each([
    [['b', 0, 'a', 'b', 'c', ''], { choice: 'b', index: 1, option1: 'a', option2: 'b', option3: 'c', option4: '' }],
    [['zz', 5, 'a', 'b'], { choice: 'zz', index: -1, option1: 'a', option2: 'b', option3: '' }],
    [[], { index: -1, option1: '' }],
  ])('CustomCombo has its own choices among the values: %j', (values, expected) => {
    expect(read('CustomCombo', values).inputs).toEqual(expected)
  })

  test('3D previews have a view that is always empty', () => {
    for (const values of [['a.glb'], ['a.glb', '']]) {
      expect(read('Preview3D', values).inputs).toEqual({ model_file: 'a.glb', image: '' })
    }
  })

  test('what only a browser can record is told', () => {
    expect(read('RecordAudio', [''])).toEqual({ inputs: { audio: '' }, codes: ['browser_completes'] })
    expect(read('RecordAudio', ['a.wav']).codes).toEqual([])
  })
})

describe('objects of values by name', () => {
  test('are taken by name, with a warning for classes that save none', () => {
    expect(read('EmptyLatentImage', { width: 768, height: 512, batch_size: 1 })).toEqual({
      inputs: { width: 768, height: 512, batch_size: 1 },
      codes: ['values_by_name'],
    })
  })

  test('of VideoHelperSuite keep what belongs to the format, and lose previews and buttons', () => {
    const combine = definition({ images: ['IMAGE'], frame_rate: ['FLOAT', {}], save_output: ['BOOLEAN', {}] })
    const values = {
      frame_rate: 24,
      save_image: true,
      pix_fmt: 'yuv420p',
      crf: 19,
      videopreview: { hidden: false },
      'choose video to upload': 'image',
    }
    expect(read('VHS_VideoCombine', values, { classes: { VHS_VideoCombine: combine } })).toEqual({
      inputs: { frame_rate: 24, save_output: true, pix_fmt: 'yuv420p', crf: 19 },
      codes: [],
    })
  })
})

function dynamic(options: Record<string, Record<string, unknown[]>>): unknown[] {
  const list = Object.entries(options).map(([key, required]) => ({ key, inputs: { required } }))
  return ['COMFY_DYNAMICCOMBO_V3', { options: list }]
}

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreClassTypes, coreNode } from '../../../comfyui/wire/core-nodes.ts'
import { coreCatalogue, readNodeCatalogue, type NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import type { CheckProblem } from '../check-problem.ts'
import { checkPrompt, type PromptCheck } from './check-prompt.ts'

const custom = {
  Mine: {
    input: {
      required: { image: ['IMAGE'], amount: ['FLOAT', { min: 0, max: 1 }], path: ['STRING', {}] },
      optional: { extra1: ['*'] },
    },
    output: ['IMAGE'],
    output_node: false,
    python_module: 'custom_nodes.mine',
  },
}

/** A server with one model and one file. */
const server = serverOf('0.33.0')

function serverOf(version: '0.33.0' | '0.3.64'): NodeCatalogue {
  const core = Object.fromEntries(
    coreClassTypes(version).map((classType) => [classType, structuredClone(coreNode(classType, version))]),
  )
  const list = (classType: string, input: string, files: readonly string[]): void => {
    const spec = core[classType]?.input.required?.[input]
    if (spec === undefined) throw new Error(`${classType} has no ${input}`)
    if (Array.isArray(spec[0])) spec[0] = files
    else spec[1] = { ...(spec[1] ?? {}), options: files }
  }
  list('CheckpointLoaderSimple', 'ckpt_name', ['model.safetensors'])
  list('LoadImage', 'image', ['there.png'])
  return readNodeCatalogue({ ...core, ...custom }, { source: 'the server', comfyuiVersion: version })
}

interface Node {
  class_type: string
  inputs: Record<string, unknown>
}
const node = (class_type: string, inputs: Record<string, unknown> = {}): Node => ({ class_type, inputs })

/** A sound graph: a picture is loaded, made larger and saved. */
function graph(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    '1': node('LoadImage', { image: 'there.png' }),
    '2': node('ImageScale', { image: ['1', 0], upscale_method: 'lanczos', width: 64, height: 64, crop: 'disabled' }),
    '3': node('SaveImage', { images: ['2', 0], filename_prefix: 'out/v' }),
    ...changes,
  }
}

function scale(changes: Record<string, unknown>): Record<string, unknown> {
  const inputs = { image: ['1', 0], upscale_method: 'lanczos', width: 64, height: 64, crop: 'disabled', ...changes }
  return graph({ '2': node('ImageScale', inputs) })
}

function without(all: Record<string, unknown>, id: string, input: string): Record<string, unknown> {
  const found = all[id] as Node
  const inputs = Object.fromEntries(Object.entries(found.inputs).filter(([name]) => name !== input))
  return { ...all, [id]: { ...found, inputs } }
}

const check = (prompt: unknown, catalogue = server): PromptCheck => checkPrompt(prompt, { catalogue })

/** `severity kind code node input` of a problem. */
function inShort({ severity, kind, code, node: id, input }: CheckProblem): string {
  return [severity, kind, code, id, input].filter((part) => part !== undefined).join(' ')
}

const dynamic = (choice: Record<string, unknown>): Record<string, unknown> => ({
  '1': node('LoadImage', { image: 'there.png' }),
  '2': node('ResizeImageMaskNode', { input: ['1', 0], scale_method: 'area', ...choice }),
  '3': node('PreviewImage', { images: ['2', 0] }),
})

function chain(length: number): Record<string, unknown> {
  const links = Array.from({ length }, (_, index) =>
    node('ImageInvert', { image: [index === 0 ? '1' : `n${index - 1}`, 0] }),
  )
  return graph({
    ...Object.fromEntries(links.map((link, index) => [`n${index}`, link])),
    '3': node('SaveImage', { images: [`n${length - 1}`, 0], filename_prefix: 'v' }),
    '2': node('PreviewImage', { images: ['1', 0] }),
  })
}

describe('a sound graph has no problem', () => {
  test.each<[title: string, prompt: unknown]>([
    ['of core nodes', graph()],
    [
      'with whole numbers for numbers, and titles',
      graph({ '2': { ...(graph()['2'] as Node), _meta: { title: 'x' } } }),
    ],
    ['with a choice of inputs', dynamic({ resize_type: 'scale by multiplier', 'resize_type.multiplier': 2 })],
    [
      'with what editors write for themselves',
      graph({ '1': node('LoadImage', { image: 'there.png', upload: 'image' }) }),
    ],
    ['with a file in a folder, of which lists say nothing', graph({ '1': node('LoadImage', { image: 'sub/a.png' }) })],
    ['with a custom node', graph({ '2': node('Mine', { image: ['1', 0], amount: 0.5, path: 'x' }) })],
    ['with a long chain', chain(880)],
  ])('%s', (_title, prompt) => {
    expect(check(prompt)).toEqual({ verdict: 'accepted', problems: [] })
  })
})

type Row = [
  title: string,
  prompt: unknown,
  verdict: PromptCheck['verdict'],
  problem: string,
  says: RegExp,
  fix?: RegExp,
]

describe('what ComfyUI refuses', () => {
  test.each<Row>([
    ['no object', 'x', 'refused', 'error refused invalid_graph', /a text, not an object/, /API format/],
    ['a list', [], 'refused', 'error refused invalid_graph', /a list, not an object/],
    ['nothing', null, 'refused', 'error refused invalid_graph', /nothing, not an object/],
    ['no nodes', {}, 'refused', 'error refused no_nodes', /no nodes/],
    [
      'the format of the editor',
      { nodes: [], links: [], version: 0.4 },
      'refused',
      'error refused editor_format',
      /format of the editor/,
      /API format/,
    ],
    [
      'a graph in a wrapping',
      { prompt: graph() },
      'refused',
      'error refused missing_node_type prompt',
      /inside of `prompt`/,
    ],
    [
      'a node that is no object',
      graph({ '2': 5 }),
      'refused',
      'error refused invalid_node 2',
      /a number, not an object/,
    ],
    [
      'a node without class',
      graph({ '2': { inputs: {} } }),
      'refused',
      'error refused missing_node_type 2',
      /no `class_type`/,
    ],
    [
      'a class that is an object',
      graph({ '2': { class_type: {}, inputs: {} } }),
      'refused',
      'error refused invalid_class_type 2',
      /an object, not a text/,
    ],
    [
      'inputs that are a list',
      graph({ '2': { class_type: 'ImageScale', inputs: [] } }),
      'refused',
      'error refused invalid_inputs 2',
      /a list, not an object/,
    ],
    [
      'a class that is not there',
      graph({ '2': node('ImageScael', { image: ['1', 0] }) }),
      'refused',
      'error refused missing_node_type 2',
      /no node class "ImageScael" \(asked: the server\)/,
      /Did you mean ImageScale\?/,
    ],
    ['no output', { '1': graph()['1'] }, 'refused', 'error refused prompt_no_outputs', /nothing to run/, /SaveImage/],
    [
      'an input that is missing',
      without(graph(), '2', 'width'),
      'refused',
      'error refused required_input_missing 2 width',
      /ImageScale needs this input/,
      /default 512/,
    ],
    [
      'a link that is missing',
      without(graph(), '2', 'image'),
      'refused',
      'error refused required_input_missing 2 image',
      /needs this input/,
      /\["1", 0\] of LoadImage/,
    ],
    [
      'a list that is no link',
      scale({ width: [1, 2, 3] }),
      'refused',
      'error refused bad_linked_input 2 width',
      /a list but no link/,
      /__value__/,
    ],
    [
      'a link of another type',
      scale({ image: ['1', 1] }),
      'refused',
      'error refused return_type_mismatch 2 image',
      /Slot 1 of node 1 \(LoadImage\) is MASK, and IMAGE is needed/,
      /slot 0 of node 1/,
    ],
    [
      'a text for a number',
      scale({ width: 'wide' }),
      'refused',
      'error refused invalid_input_type 2 width',
      /"wide" is no whole number/,
      /from 0 to 16384/,
    ],
    [
      'too little',
      scale({ width: -1 }),
      'refused',
      'error refused value_smaller_than_min 2 width',
      /-1 is less than 0/,
    ],
    [
      'too much',
      scale({ width: 99999 }),
      'refused',
      'error refused value_bigger_than_max 2 width',
      /99999 is more than 16384/,
      /from 0 to 16384/,
    ],
    [
      'a value that is no choice',
      scale({ upscale_method: 'lancsoz' }),
      'refused',
      'error refused value_not_in_list 2 upscale_method',
      /"lancsoz" is not one of the 5 allowed values/,
      /Did you mean "lanczos"\?/,
    ],
    [
      'a file that is not there',
      graph({ '1': node('LoadImage', { image: 'away.png' }) }),
      'refused',
      'error refused custom_validation_failed 1 image',
      /no file "away.png" in the input folder/,
      /Upload it/,
    ],
    [
      'a file outside of its folder',
      graph({ '1': node('LoadImage', { image: '../away.png' }) }),
      'refused',
      'error refused custom_validation_failed 1 image',
      /outside of the input folder/,
    ],
    [
      'a link to no node',
      scale({ image: ['9', 0] }),
      'refused',
      'error refused exception_during_inner_validation 2 image',
      /Links to node "9", which is not in the graph/,
    ],
    [
      'a link of an output node to no slot',
      graph({ '3': node('SaveImage', { images: ['2', 7], filename_prefix: 'v' }) }),
      'refused',
      'error refused exception_during_validation 3 images',
      /slot 7 of node 2, but ImageScale has one output/,
    ],
    [
      'a list with a number for the id',
      scale({ image: [1, 0] }),
      'refused',
      'error refused exception_during_inner_validation 2 image',
      /\[1, 0\] is no link/,
      /Write \["1", 0\]/,
    ],
    [
      'a file name that is a number',
      graph({ '1': node('LoadImage', { image: 5 }) }),
      'refused',
      'error refused exception_during_inner_validation 1 image',
      /cannot take 5/,
    ],
    [
      'a node without inputs that an output needs',
      graph({ '1': { class_type: 'EmptyImage' } }),
      'refused',
      'error refused exception_during_inner_validation 1',
      /no `inputs`/,
      /"inputs": \{\}/,
    ],
  ])('%s', (_title, prompt, verdict, problem, says, fix) => {
    const found = check(prompt)
    expect(found.verdict).toBe(verdict)
    const told = found.problems.find((each) => inShort(each) === problem)
    expect(told, found.problems.map(inShort).join(', ')).toMatchObject({ message: expect.stringMatching(says) })
    if (fix !== undefined) expect(told?.fix).toMatch(fix)
    expect(found.problems.filter(({ severity }) => severity === 'error')).toHaveLength(1)
  })

  test('a model names the folder that it belongs into', () => {
    const prompt = {
      '1': node('CheckpointLoaderSimple', { ckpt_name: 'other.safetensors' }),
      '2': node('VAEDecode', { samples: ['3', 0], vae: ['1', 2] }),
      '3': node('EmptyLatentImage', { width: 64, height: 64, batch_size: 1 }),
      '4': node('PreviewImage', { images: ['2', 0] }),
    }
    expect(check(prompt).problems).toEqual([
      {
        severity: 'error',
        kind: 'refused',
        code: 'value_not_in_list',
        node: '1',
        classType: 'CheckpointLoaderSimple',
        input: 'ckpt_name',
        value: 'other.safetensors',
        message: 'There is no file "other.safetensors" in models/checkpoints (asked: the server).',
        fix: 'Put the file into models/checkpoints.',
      },
    ])
    expect(check(prompt, coreCatalogue())).toEqual({ verdict: 'accepted', problems: [] })
  })

  test('every class that is not there is named, and what is wrong beside them', () => {
    const prompt = { ...scale({ width: -1 }), '4': node('Nobody'), '5': node('Nothing', { a: ['4', 3] }) }
    expect(check(prompt).problems.map(inShort)).toEqual([
      'error refused missing_node_type 4',
      'error refused missing_node_type 5',
      'error refused value_smaller_than_min 2 width',
    ])
  })

  test('a cycle names its nodes', () => {
    const prompt = graph({ '1': node('ImageInvert', { image: ['2', 0] }) })
    expect(check(prompt)).toMatchObject({ verdict: 'refused' })
    expect(check(prompt).problems.map(inShort)).toEqual([
      'error refused dependency_cycle 1',
      'error refused dependency_cycle 2',
    ])
  })

  test('one bad output of two is the verdict partly', () => {
    const prompt = graph({ '4': node('PreviewImage', { images: ['1', 1] }) })
    expect(check(prompt).verdict).toBe('partly')
    expect(check(prompt).problems.map(inShort)).toEqual(['error refused return_type_mismatch 4 images'])
  })

  test('classes outside of the built-in table may be custom nodes: the rest of the graph is checked', () => {
    const prompt = graph({ '2': node('Mine', { image: ['1', 0] }) })
    const { verdict, problems } = check(prompt, coreCatalogue())
    expect(verdict).toBe('accepted')
    expect(problems.map(inShort)).toEqual(['warning refused unknown_class 2'])
    expect(problems[0]?.message).toContain('the core nodes of ComfyUI 0.33.0')

    const faulty = graph({ '2': node('Mine', { image: ['1', 0] }), '4': node('PreviewImage', {}) })
    expect(check(faulty, coreCatalogue()).verdict).toBe('partly')
    expect(check(faulty, coreCatalogue()).problems.map(inShort)).toContain(
      'error refused required_input_missing 4 images',
    )
    const classless = graph({ '2': node('Mine', { image: ['1', 0] }), '4': { inputs: {} } })
    expect(check(classless, coreCatalogue()).verdict).toBe('refused')
  })

  test('an older release calls it otherwise, and takes more', () => {
    const older = serverOf('0.3.64')
    const codes = (prompt: unknown): string[] => check(prompt, older).problems.map(inShort)
    expect(codes(graph({ '2': node('Nobody', { image: ['1', 0] }) }))).toEqual(['error refused invalid_prompt 2'])
    expect(codes(graph({ '4': { class_type: 'EmptyImage', inputs: null } }))).toContain('error fatal invalid_inputs 4')
    expect(codes(graph({ '1': node('ImageInvert', { image: ['2', 0] }) }))).toEqual([
      expect.stringMatching(/^error fails dependency_cycle/),
    ])
  })
})

describe('what ComfyUI accepts, and fails or ends of', () => {
  const wrapped = graph({
    '2': node('Mine', { image: ['1', 0], amount: 0.5, path: 'x', extra1: { __value__: ['9', 0] } }),
  })
  test.each<Row>([
    [
      'a node without inputs that nothing needs',
      graph({ '4': { class_type: 'EmptyImage' } }),
      'accepted',
      'error fatal missing_inputs 4',
      /its worker ends/,
      /"inputs": \{\}/,
    ],
    [
      'a link to no node under a name that is not declared',
      scale({ other: ['9', 0] }),
      'accepted',
      'error fatal unknown_source 2 other',
      /Links to node "9"/,
    ],
    ['the same inside of __value__', wrapped, 'accepted', 'error fatal unknown_source 2 extra1', /Links to node "9"/],
    [
      'a link to no slot under a name that is not declared',
      scale({ other: ['1', 2] }),
      'accepted',
      'error fatal slot_out_of_range 2 other',
      /slot 2 of node 1, but LoadImage has 2 outputs/,
    ],
    [
      'a slot that is no whole number',
      scale({ other: ['1', 0.5] }),
      'accepted',
      'error fatal invalid_slot 2 other',
      /slot 0.5/,
    ],
    [
      'a link under a choice that is not chosen',
      dynamic({ resize_type: 'scale by multiplier', 'resize_type.multiplier': 2, 'resize_type.width': ['9', 0] }),
      'accepted',
      'error fatal unknown_source 2 resize_type.width',
      /Links to node "9"/,
    ],
    ['a chain of 975 nodes', chain(973), 'accepted', 'error fatal chain_too_long 3', /chain of 975 nodes/],
    [
      'a link under a name that is not declared',
      scale({ other: ['1', 0] }),
      'accepted',
      'error fails undeclared_link 2 other',
      /ImageScale has no input "other": this link makes the job fail/,
    ],
    [
      'a cycle through a name that is not declared',
      graph({ '1': node('LoadImage', { image: 'there.png', other: ['2', 0] }) }),
      'accepted',
      'error fails dependency_cycle 2 image',
      /which needs this node: a cycle/,
    ],
    [
      'no choice of inputs',
      dynamic({}),
      'accepted',
      'error fails missing_dynamic_choice 2 resize_type',
      /chooses which other inputs/,
      /"scale by multiplier"/,
    ],
    [
      'an unknown choice of inputs',
      dynamic({ resize_type: 'scale by multiplyer', 'resize_type.multiplier': 2 }),
      'accepted',
      'error fails unknown_dynamic_choice 2 resize_type',
      /no choice here/,
      /Did you mean "scale by multiplier"\?/,
    ],
    [
      'a link for a choice of inputs',
      { ...dynamic({ resize_type: ['4', 0] }), '4': node('PrimitiveString', { value: 'x' }) },
      'accepted',
      'error fails unknown_dynamic_choice 2 resize_type',
      /cannot be a link/,
    ],
    [
      'a text for a picture',
      scale({ image: 'there.png' }),
      'accepted',
      'error fails literal_for_link 2 image',
      /"there.png" stands where a link/,
      /gives IMAGE/,
    ],
    [
      'a prefix that leads out of the output folder',
      graph({ '3': node('SaveImage', { images: ['2', 0], filename_prefix: 'a/../../b' }) }),
      'accepted',
      'error fails unsafe_filename_prefix 3 filename_prefix',
      /leads out of the output folder/,
    ],
  ])('%s', (_title, prompt, verdict, problem, says, fix) => {
    const found = check(prompt)
    expect(found.verdict).toBe(verdict)
    const told = found.problems.find((each) => inShort(each) === problem)
    expect(told, found.problems.map(inShort).join(', ')).toMatchObject({ message: expect.stringMatching(says) })
    if (fix !== undefined) expect(told?.fix).toMatch(fix)
  })
})

test('of many nodes that lead to no output those are told that nothing uses', () => {
  const chain = Object.fromEntries(
    Array.from({ length: 500 }, (_, index) => [
      `c${index}`,
      node('ImageInvert', { image: [index === 0 ? '1' : `c${index - 1}`, 0] }),
    ]),
  )
  const { problems } = check(graph(chain))
  const unused = problems.filter(({ code }) => code === 'unused_node')
  expect(unused.map(({ node: id }) => id)).toEqual(['c499'])
  expect(unused[0]?.message).toContain('nor 499 other nodes that lead to no output (c0, c1, c2, c3, c4 and 494 more)')
})

describe('what ComfyUI runs in another way than is written', () => {
  test.each<[title: string, prompt: unknown, problem: string, says: RegExp, fix?: RegExp]>([
    [
      'an input that the class does not have',
      scale({ uspcale_metod: 'area' }),
      'warning flawed undeclared_input 2 uspcale_metod',
      /ImageScale has no input "uspcale_metod": ComfyUI ignores it/,
      /Leave it out/,
    ],
    [
      'a node that nothing uses, on the way of which it should be',
      graph({ '4': node('ImageInvert', { image: ['1', 0] }) }),
      'warning flawed unused_node 4',
      /Nothing uses what it makes/,
      /input image of node 2 \(ImageScale\) to \["4", 0\]: it takes what node 1 \(LoadImage\) gives/,
    ],
    [
      'a node that only such a node uses',
      graph({
        '4': node('EmptyImage', { width: 8, height: 8, batch_size: 1, color: 0 }),
        '5': node('ImageInvert', { image: ['4', 0] }),
      }),
      'warning flawed unused_node 4',
      /goes to node 5 \(ImageInvert\), which leads to no output/,
    ],
    [
      'a bad value in a node that nothing uses',
      graph({ '4': node('EmptyImage', { width: -8, height: 8, batch_size: 1, color: 0 }) }),
      'warning flawed value_smaller_than_min 4 width',
      /-8 is less than 1.*does not look at it/,
    ],
    [
      'a cycle that nothing uses',
      graph({ '4': node('ImageInvert', { image: ['5', 0] }), '5': node('ImageInvert', { image: ['4', 0] }) }),
      'warning flawed dependency_cycle 5 image',
      /a cycle/,
    ],
    [
      'a link to nowhere in a node that nothing uses',
      graph({ '4': node('ImageInvert', { image: ['9', 0] }) }),
      'warning flawed unknown_source 4 image',
      /the gateway refuses it/,
    ],
    [
      'a list with a number for the id in a node that nothing uses',
      graph({ '4': node('ImageInvert', { image: [1, 0] }) }),
      'warning flawed exception_during_validation 4 image',
      /\[1, 0\] is no link.*does not look at it/,
      /Write \["1", 0\]/,
    ],
    ['a slot from the end', scale({ image: ['1', -2] }), 'warning flawed invalid_slot 2 image', /counts from 0/],
    [
      'what looks like a link deep inside of a value',
      graph({ '2': node('Mine', { image: ['1', 0], amount: 0.5, path: 'x', extra1: { a: [['9', 0]] } }) }),
      'warning flawed link_inside_value 2 extra1',
      /looks like a link to node "9"/,
    ],
    [
      'a fraction for a whole number',
      scale({ width: 7.9 }),
      'warning flawed value_converted 2 width',
      /makes 7 of 7.9/,
    ],
    ['a text for a whole number', scale({ width: '7' }), 'note flawed value_converted 2 width', /makes 7 of "7"/],
    [
      'nothing for a text',
      graph({ '3': node('SaveImage', { images: ['2', 0], filename_prefix: null }) }),
      'warning flawed value_converted 3 filename_prefix',
      /makes "None" of null/,
    ],
    [
      'a text for a boolean',
      graph({
        '2': node('ImageScale', { ...(graph()['2'] as Node).inputs, width: ['4', 0] }),
        '4': node('PrimitiveInt', { value: ['5', 0] }),
        '5': node('PrimitiveInt', { value: 8 }),
        '6': node('PrimitiveBoolean', { value: 'false' }),
        '7': node('PreviewAny', { source: ['6', 0] }),
      }),
      'warning flawed value_converted 6 value',
      /makes true of "false"/,
      /Write false/,
    ],
    [
      'a class that is deprecated',
      graph({
        '4': node('ImageBatch', { image1: ['1', 0], image2: ['1', 0] }),
        '5': node('PreviewImage', { images: ['4', 0] }),
      }),
      'note flawed deprecated_class 4',
      /deprecated/,
    ],
    [
      'a literal for a picture of a custom node',
      graph({ '2': node('Mine', { image: 'x', amount: 0.5, path: 'x' }) }),
      'warning flawed literal_for_link 2 image',
      /needed/,
    ],
    [
      'an input that a custom node does not declare',
      graph({ '2': node('Mine', { image: ['1', 0], amount: 0.5, path: 'x', other: 1 }) }),
      'note flawed undeclared_input 2 other',
      /unless the class takes/,
    ],
    [
      'a link that a custom node does not declare',
      graph({ '2': node('Mine', { image: ['1', 0], amount: 0.5, path: 'x', extra2: ['1', 0] }) }),
      'note flawed undeclared_link 2 extra2',
      /unless the class takes/,
    ],
    [
      'the name of a file outside',
      graph({ '2': node('Mine', { image: ['1', 0], amount: 0.5, path: '/data/a.png' }) }),
      'warning flawed unsafe_file_name 2 path',
      /absolute path/,
    ],
    [
      'an id with a control character',
      graph({ 'a\n': node('PreviewImage', { images: ['1', 0] }) }),
      'warning flawed invalid_node_id a\n',
      /control/,
    ],
    ['a chain that is nearly too long', chain(920), 'warning flawed chain_too_long 3', /chain of 922 nodes/],
  ])('%s', (_title, prompt, problem, says, fix) => {
    const found = check(prompt)
    expect(found.verdict).toBe('accepted')
    const told = found.problems.find((each) => inShort(each) === problem)
    expect(told, found.problems.map(inShort).join(', ')).toMatchObject({ message: expect.stringMatching(says) })
    if (fix !== undefined) expect(told?.fix).toMatch(fix)
    expect(found.problems.filter(({ severity }) => severity === 'error')).toEqual([])
  })

  test('a misspelt name is told with the one that is meant', () => {
    const prompt = without(scale({ upscale_metod: 'area' }), '2', 'upscale_method')
    expect(check(prompt).problems.map(({ code, input, fix }) => [code, input, fix])).toEqual([
      ['required_input_missing', 'upscale_method', 'Rename the input upscale_metod to upscale_method.'],
      ['undeclared_input', 'upscale_metod', 'Did you mean upscale_method?'],
    ])
  })

  test('a graph of unusual size', () => {
    const many = Array.from(
      { length: 5001 },
      (_, index) => [`n${index}`, node('PreviewImage', { images: ['1', 0] })] as const,
    )
    const { verdict, problems } = check(graph(Object.fromEntries(many)))
    expect(verdict).toBe('accepted')
    expect(problems.map(inShort)).toEqual(['warning flawed too_many_nodes'])
  })
})

test('what only a link of an undeclared name leads to is not refused', () => {
  const { verdict, problems } = check({
    1: { class_type: 'ImageInvert', inputs: { image: ['2', 1e300] } },
    2: { class_type: 'EmptyImage', inputs: { width: 8, height: 8, batch_size: 1, color: 0 } },
    3: { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x', other: ['1', 0] } },
  })
  expect(verdict).toBe('accepted')
  expect(problems.filter(({ kind }) => kind === 'refused')).toEqual([])
  expect(problems).toContainEqual(expect.objectContaining({ code: 'invalid_slot', kind: 'fatal', node: '1' }))
})

test('a link to a name that every object has leads to no node', () => {
  const { problems } = check({ 1: { class_type: 'Load3DAdvanced', inputs: { image: ['__proto__', 0] } } })
  expect(problems.map(({ node }) => node)).toContain('1')
})

test('whatever comes is told of and left alone', () => {
  const inputs = fc.dictionary(
    fc.constantFrom('image', 'images', 'width', 'resize_type', 'x', '__proto__', 'constructor'),
    fc.oneof(
      fc.tuple(fc.constantFrom('1', '2', '9', '__proto__'), fc.constantFrom(0, -1, 0.5, 1e300, true, '0')),
      fc.record({ __value__: fc.anything() }),
      fc.anything({ withBigInt: true }),
    ),
    { maxKeys: 4 },
  )
  const nodes = fc.oneof(
    { weight: 5, arbitrary: fc.record({ class_type: fc.constantFrom(...coreClassTypes(), 'X', '__proto__'), inputs }) },
    fc.anything(),
  )
  const ids = fc.constantFrom('1', '2', '3', '4', '', '__proto__', 'toString')
  fc.assert(
    fc.property(
      fc.oneof({ weight: 9, arbitrary: fc.dictionary(ids, nodes, { minKeys: 1 }) }, fc.anything()),
      (prompt) => {
        const { verdict, problems } = check(prompt)
        const refusals = problems.filter(({ kind }) => kind === 'refused')
        expect(refusals.length === 0).toBe(verdict === 'accepted')
        for (const { message, fix = 'None.' } of problems) {
          expect(message).toMatch(/^[^]*\.$/)
          expect(fix).toMatch(/^[^]*[.?]$/)
        }
      },
    ),
    { numRuns: 500 },
  )
})

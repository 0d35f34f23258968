import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt } from '../../comfyui/wire/prompt.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { findEmbeddedMedia, pointIntoPrompt, readRawPrompt } from './raw-prompt.ts'

const filenamePrefix = 'comfyui-api/test'
const read = (graph: unknown): Prompt => readRawPrompt(graph, { filenamePrefix, nodes: coreNode })

const loader = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a.safetensors' } }
const withInput = (value: unknown): object => ({
  '4': loader,
  '5': { class_type: 'CLIPTextEncode', inputs: { clip: value } },
})

function chain(length: number): object {
  const link = (index: number): object => (index === 0 ? {} : { anything: [String(index - 1), 0] })
  return Object.fromEntries(
    Array.from({ length }, (_, index) => [String(index), { class_type: 'Custom', inputs: link(index) }]),
  )
}

test('a graph of the API format becomes a prompt: complete, with our prefix, and nothing else changed', () => {
  const graph = {
    '3': { class_type: 'KSampler', inputs: { model: ['4', 0], seed: 7, cfg: 7.5 }, _meta: { title: 'Sample' } },
    '4': { ...loader, is_changed: ['x'] },
    '12:9': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: '../../etc/x' } },
    '10': { class_type: 'Custom', inputs: { list: { __value__: [1, ['a', 'b']] }, on: true, nothing: null } },
  }
  expect(read(graph)).toEqual({
    '3': { class_type: 'KSampler', inputs: { model: ['4', 0], seed: 7, cfg: 7.5 }, _meta: { title: 'Sample' } },
    '4': { ...loader, _meta: { title: 'CheckpointLoaderSimple' } },
    '12:9': {
      class_type: 'SaveImage',
      inputs: { images: ['3', 0], filename_prefix: filenamePrefix },
      _meta: { title: 'SaveImage' },
    },
    '10': {
      class_type: 'Custom',
      inputs: { list: { __value__: [1, ['a', 'b']] }, on: true, nothing: null },
      _meta: { title: 'Custom' },
    },
  })
})

describe('is refused with the place in the body', () => {
  const refused: [title: string, graph: unknown, pointer: string, code: string][] = [
    ['a list', [], '/prompt', 'invalid_graph'],
    ['null', null, '/prompt', 'invalid_graph'],
    ['a text', '{}', '/prompt', 'invalid_graph'],
    ['no node at all', {}, '/prompt', 'no_nodes'],
    ['the format of the editor', { nodes: [], links: [], version: 0.4 }, '/prompt', 'editor_format'],
    ['a node that is null', { '4': null }, '/prompt/4', 'invalid_node'],
    ['a node that is a list', { '4': [] }, '/prompt/4', 'invalid_node'],
    ['a node without a class', { '4': { inputs: {} } }, '/prompt/4/class_type', 'missing_class_type'],
    [
      'a class that is no text',
      { '4': { class_type: ['A'], inputs: {} } },
      '/prompt/4/class_type',
      'missing_class_type',
    ],
    ['a node without inputs', { '4': loader, x: { class_type: 'A' } }, '/prompt/x/inputs', 'missing_inputs'],
    ['inputs that are null', { '4': { class_type: 'A', inputs: null } }, '/prompt/4/inputs', 'missing_inputs'],
    ['inputs that are a list', { '4': { class_type: 'A', inputs: [] } }, '/prompt/4/inputs', 'missing_inputs'],
    ['inputs that are a text', { '4': { class_type: 'A', inputs: 'x' } }, '/prompt/4/inputs', 'missing_inputs'],
    ['_meta that is no object', { '4': { ...loader, _meta: null } }, '/prompt/4/_meta', 'invalid_meta'],
    ['an empty id', { '': loader }, '/prompt/', 'invalid_node_id'],
    ['an id with a control character', { 'a\n': loader }, '/prompt/a\n', 'invalid_node_id'],
    ['a link to nowhere', withInput(['99', 0]), '/prompt/5/inputs/clip', 'unknown_source'],
    [
      'a link to nowhere under a name that the class does not have',
      { '4': { ...loader, inputs: { 'no/such~input': ['99', 0] } } },
      '/prompt/4/inputs/no~1such~0input',
      'unknown_source',
    ],
    [
      'a link to nowhere inside of __value__',
      withInput({ __value__: ['99', 0] }),
      '/prompt/5/inputs/clip',
      'unknown_source',
    ],
    ['a link to nowhere deep inside', withInput({ a: [{ b: ['99', 0] }] }), '/prompt/5/inputs/clip', 'unknown_source'],
    ['a link to a member of every object', withInput(['toString', 0]), '/prompt/5/inputs/clip', 'unknown_source'],
    ['a link to itself', withInput(['5', 0]), '/prompt/5/inputs/clip', 'dependency_cycle'],
    ['a number as id of a link', withInput([4, 1]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['a number as id of a link to nowhere', withInput([99, 1]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['null as id of a link', withInput([null, 1]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['a text as slot', withInput(['4', '1']), '/prompt/5/inputs/clip', 'invalid_link'],
    ['null as slot', withInput(['4', null]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['true as slot', withInput(['4', true]), '/prompt/5/inputs/clip', 'invalid_link'],
    [
      'true as slot inside of __value__',
      withInput({ __value__: ['4', true] }),
      '/prompt/5/inputs/clip',
      'invalid_slot',
    ],
    ['a negative slot', withInput(['4', -1]), '/prompt/5/inputs/clip', 'invalid_slot'],
    ['a slot between two', withInput(['4', 0.5]), '/prompt/5/inputs/clip', 'invalid_slot'],
    ['a huge slot', withInput(['4', 1e300]), '/prompt/5/inputs/clip', 'invalid_slot'],
    ['a slot beyond all numbers', withInput(['4', JSON.parse('1e999')]), '/prompt/5/inputs/clip', 'invalid_slot'],
    ['a slot that the class does not have', withInput(['4', 3]), '/prompt/5/inputs/clip', 'slot_out_of_range'],
    ['a list of one', withInput(['4']), '/prompt/5/inputs/clip', 'invalid_link'],
    ['a list of three', withInput(['4', 1, 0]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['an empty list', withInput([]), '/prompt/5/inputs/clip', 'invalid_link'],
    ['a number that JSON cannot say', withInput(JSON.parse('-1e999')), '/prompt/5/inputs/clip', 'invalid_value'],
    ['a chain of 900 nodes', chain(900), '/prompt/899', 'chain_too_long'],
    ['a chain far longer than a stack', chain(4999), '/prompt/899', 'chain_too_long'],
    ['more nodes than anybody means', chain(5001), '/prompt', 'too_many_nodes'],
  ]
  test.each(refused)('%s', (_title, graph, pointer, code) => {
    expect(() => read(graph)).toThrow(
      expect.objectContaining({ code: 'invalid_workflow', errors: [expect.objectContaining({ pointer, code })] }),
    )
  })

  test('a cycle of several nodes', () => {
    const node = (source: string): object => ({ class_type: 'Custom', inputs: { in: [source, 0] } })
    expect(() => read({ a: node('b'), b: node('c'), c: node('a') })).toThrow(
      expect.objectContaining({
        errors: [expect.objectContaining({ pointer: '/prompt/c/inputs/in', code: 'dependency_cycle' })],
      }),
    )
  })

  test('values nested deeper than a stack', () => {
    const deep = JSON.parse(`${'['.repeat(5000)}${']'.repeat(5000)}`) as unknown
    expect(() => read(withInput({ __value__: deep }))).toThrow(
      expect.objectContaining({ errors: [expect.objectContaining({ code: 'too_deep' })] }),
    )
    expect(() => read(deep)).toThrow(GatewayError)
  })
})

test('a chain of 899 nodes and a list of a single link pass', () => {
  expect(Object.keys(read(chain(899)))).toHaveLength(899)
  expect(() => read(withInput(['4', 1]))).not.toThrow()
})

describe('files', () => {
  const embedded = (graph: object) =>
    findEmbeddedMedia(read(graph), coreNode).map(({ pointer, value }) => [pointer, value])

  test('texts in place of an uploaded file are told with where they stand', () => {
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: 'AAAA' } },
      '2': { class_type: 'LoadImageMask', inputs: { image: 'example.png', channel: 'red' } },
      '3': { class_type: 'CLIPTextEncode', inputs: { text: '/etc/passwd', clip: ['4', 1] } },
      '4': loader,
    }
    expect(embedded(graph)).toEqual([
      ['/prompt/1/inputs/image', 'AAAA'],
      ['/prompt/2/inputs/image', 'example.png'],
    ])
  })

  test('assets in place of an uploaded file are told with their kind', () => {
    const graph = {
      '1': { class_type: 'LoadImage', inputs: { image: { asset: 'a' } } },
      '2': { class_type: 'LoadVideo', inputs: { file: { asset: 'b' } } },
      '3': { class_type: 'Load3D', inputs: { model_file: { asset: 'c' }, image: {} } },
      '4': { class_type: 'LoadImage', inputs: { image: 'AAAA' } },
    }
    const found = findEmbeddedMedia(read(graph), coreNode)
    expect(found.map(({ pointer, kind, assetId }) => [pointer, kind, assetId])).toEqual([
      ['/prompt/1/inputs/image', 'image', 'a'],
      ['/prompt/2/inputs/file', 'video', 'b'],
      ['/prompt/3/inputs/model_file', '3d', 'c'],
      ['/prompt/4/inputs/image', 'image', undefined],
    ])
  })

  test('paths of nodes that do not say where they come from are files as well', () => {
    const nodes = () => ({ input: { required: { path: ['STRING', {}] } }, output: [] })
    const prompt = read({ '1': { class_type: 'Mine', inputs: { path: 'x' } } })
    expect(() => findEmbeddedMedia(prompt, nodes)).toThrow(expect.objectContaining({ code: 'unsafe_prompt' }))
    const core = () => ({ ...nodes(), python_module: 'comfy_extras.nodes_x' })
    expect(findEmbeddedMedia(prompt, core)).toEqual([])
  })

  const chosen: [title: string, graph: object, pointer: string][] = [
    [
      'a folder',
      { '1': { class_type: 'VHS_LoadImagesPath', inputs: { directory: 'input' } } },
      '/prompt/1/inputs/directory',
    ],
    ['a path', { '1': { class_type: 'VHS_LoadVideoPath', inputs: { video: 'AAAA' } } }, '/prompt/1/inputs/video'],
    [
      'a path of an unknown class',
      { '1': { class_type: 'Mine', inputs: { file_path: 'x' } } },
      '/prompt/1/inputs/file_path',
    ],
    [
      'a folder to save to',
      { '1': { class_type: 'Image Save', inputs: { output_path: '' } } },
      '/prompt/1/inputs/output_path',
    ],
    [
      'a name in a list',
      { '1': { class_type: 'LoadImage', inputs: { image: { __value__: ['x.png'] } } } },
      '/prompt/1/inputs/image',
    ],
    [
      'a name beside the id of an asset',
      { '1': { class_type: 'LoadImage', inputs: { image: { asset: 'a', name: 'x.png' } } } },
      '/prompt/1/inputs/image',
    ],
    [
      'an asset in place of a folder',
      { '1': { class_type: 'VHS_LoadImagesPath', inputs: { directory: { asset: 'a' } } } },
      '/prompt/1/inputs/directory',
    ],
    [
      'an asset that another node hands over',
      {
        '1': { class_type: 'LoadImage', inputs: { image: ['2', 0] } },
        '2': { class_type: 'PrimitiveString', inputs: { value: { asset: 'a' } } },
      },
      '/prompt/2/inputs/value',
    ],
    [
      'a text that another node hands over',
      {
        '1': { class_type: 'LoadImage', inputs: { image: ['2', 0] } },
        '2': { class_type: 'PrimitiveString', inputs: { value: 'secret.png' } },
      },
      '/prompt/2/inputs/value',
    ],
  ]
  test.each(chosen)('%s of the caller is refused', (_title, graph, pointer) => {
    expect(() => embedded(graph)).toThrow(
      expect.objectContaining({ code: 'unsafe_prompt', errors: [expect.objectContaining({ pointer })] }),
    )
  })
})

test('errors of ComfyUI are pointed into the body', () => {
  const node = { id: '3/4', classType: 'KSampler' }
  expect(
    pointIntoPrompt([
      { code: 'value_bigger_than_max', message: 'too big', node: { ...node, input: 'cfg' } },
      { code: 'dependency_cycle', message: 'a cycle', node },
      { code: 'missing_node_type', message: 'not there', node },
      { code: 'prompt_no_outputs', message: 'no outputs' },
      { code: 'other', message: 'known', pointer: '/known' },
    ]).map(({ pointer }) => pointer),
  ).toEqual(['/prompt/3~14/inputs/cfg', '/prompt/3~14', '/prompt/3~14/class_type', '/prompt', '/known'])
})

describe('whatever JSON comes', () => {
  const ids = fc.constantFrom('1', '2', '3', '4', 'a:b', 'constructor', '')
  const slots = fc.oneof({ weight: 6, arbitrary: fc.nat(3) }, fc.constantFrom(-1, 0.5, 1e300, true, null, '0'))
  const links = fc.tuple(fc.oneof({ weight: 9, arbitrary: fc.constantFrom('1', '2', '3', '4') }, ids, fc.nat(5)), slots)
  const values = fc.oneof(
    { weight: 4, arbitrary: links },
    fc.record({ __value__: links }),
    fc.record({ deep: fc.array(links, { maxLength: 2 }) }),
    { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
    fc.string(),
  )
  const nodes = fc.record(
    {
      class_type: fc.constantFrom('CheckpointLoaderSimple', 'Custom', 'SaveImage', 'LoadImage', ''),
      inputs: fc.oneof(
        {
          weight: 20,
          arbitrary: fc.dictionary(fc.constantFrom('a', 'image', 'path', 'filename_prefix', 'x~/y'), values, {
            maxKeys: 3,
          }),
        },
        fc.jsonValue({ maxDepth: 1 }),
      ),
      _meta: fc.oneof({ weight: 9, arbitrary: fc.constant({ title: 'x' }) }, fc.jsonValue({ maxDepth: 1 })),
    },
    { requiredKeys: ['class_type', 'inputs'] },
  )
  const graphs = fc.oneof(
    { weight: 8, arbitrary: fc.dictionary(ids, nodes, { minKeys: 1, maxKeys: 4 }) },
    fc.dictionary(ids, fc.oneof({ weight: 6, arbitrary: nodes }, fc.jsonValue({ maxDepth: 2 })), { maxKeys: 4 }),
    fc.jsonValue(),
  )

  test('a place is named, or the prompt keeps the rules', () => {
    const seen = { taken: 0, refused: 0 }
    fc.assert(
      fc.property(graphs, (graph) => {
        try {
          const prompt = read(graph)
          seen.taken += 1
          expect(brokenRule(prompt)).toBeUndefined()
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error
          seen.refused += 1
          expect(error.code).toBe('invalid_workflow')
          expect(error.errors.map(({ pointer }) => pointer)).toEqual([expect.stringMatching(/^\/prompt(\/|$)/)])
        }
      }),
      { numRuns: 3000 },
    )
    expect(seen.taken).toBeGreaterThan(100)
    expect(seen.refused).toBeGreaterThan(100)
  })

  test('a text that names a file is found, or refused with its place', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const prompt = readOrNothing(graph)
        try {
          for (const { id, input, value } of findEmbeddedMedia(prompt, coreNode)) {
            expect(prompt[id]?.inputs[input]).toBe(value)
            if (prompt[id]) prompt[id].inputs[input] = 'ours'
          }
          for (const { class_type: name, inputs } of Object.values(prompt)) {
            if (name === 'LoadImage' && typeof inputs['image'] === 'string') expect(inputs['image']).toBe('ours')
          }
        } catch (error) {
          if (!(error instanceof GatewayError)) throw error
          expect(error.code).toBe('unsafe_prompt')
          expect(error.errors.map(({ pointer }) => pointer)).toEqual([expect.stringMatching(/^\/prompt\/./)])
        }
      }),
      { numRuns: 2000 },
    )
  })
})

function readOrNothing(graph: unknown): Prompt {
  try {
    return read(graph)
  } catch {
    return {}
  }
}

/** The rules once more, as plainly as can be. */
function brokenRule(prompt: Prompt): string | undefined {
  const ids = Object.keys(prompt)
  if (ids.length === 0) return 'no nodes'
  const linked = new Map<string, string[]>()
  for (const [id, node] of Object.entries(prompt)) {
    if (!/^[^\p{Cc}]{1,200}$/u.test(id)) return `id ${JSON.stringify(id)}`
    if (node.class_type === '') return 'no class'
    if (typeof node._meta?.title !== 'string') return 'no title'
    if (Object.prototype.toString.call(node.inputs) !== '[object Object]') return 'no inputs'
    const sources: string[] = []
    for (const [name, value] of Object.entries(node.inputs)) {
      if (name === 'filename_prefix' && value !== filenamePrefix) return 'a prefix of the caller'
      const text = JSON.stringify(value)
      for (const [, source] of text.matchAll(/\["((?:[^"\\]|\\.)*)",(?:-?\d[\d.eE+-]*|true|false)\]/g)) {
        if (!ids.includes(JSON.parse(`"${source ?? ''}"`) as string)) return `a link to nowhere: ${text}`
      }
      let inner: unknown = value
      while (typeof inner === 'object' && inner !== null && '__value__' in inner) inner = inner.__value__
      const followed = /^\["((?:[^"\\]|\\.)*)",(-?\d[\d.eE+-]*|true|false)\]$/.exec(JSON.stringify(inner))
      if (Array.isArray(value) && followed === null) return `a list that is no link: ${text}`
      if (followed === null) continue
      if (!/^\d{1,4}$/.test(followed[2] ?? '')) return `a slot: ${text}`
      const source = JSON.parse(`"${followed[1] ?? ''}"`) as string
      if (prompt[source]?.class_type === 'CheckpointLoaderSimple' && Number(followed[2]) > 2) return `a slot: ${text}`
      sources.push(source)
    }
    linked.set(id, sources)
  }
  for (let before = -1; before !== linked.size;) {
    before = linked.size
    for (const [id, sources] of linked) if (!sources.some((source) => linked.has(source))) linked.delete(id)
  }
  return linked.size === 0 ? undefined : 'a cycle'
}

import { describe, expect, test } from 'vitest'
import { convertFile } from '../../test/support/convert-file.ts'
import { editorFile, type EditorNode, type EditorSubgraph, type From } from '../../test/support/editor-file.ts'

const scaling = '11111111-1111-4111-8111-111111111111'
const wide = (from: From, label?: string) => ({ from, isWidget: true, ...(label !== undefined && { label }) })

const image: EditorNode = { id: 1, type: 'LoadImage', values: ['a.png', 'image'], outputs: ['IMAGE', 'MASK'] }
const host = (id: number, more: Partial<EditorNode> = {}): EditorNode => ({
  id,
  type: scaling,
  inputs: { image: [1, 0] },
  outputs: ['IMAGE'],
  ...more,
})
const scaler: EditorSubgraph = {
  id: scaling,
  name: 'Scale',
  inputs: [
    { name: 'image', type: 'IMAGE' },
    { name: 'scale_by', type: 'FLOAT', label: 'Factor' },
    { name: 'upscale_method', type: 'COMBO' },
  ],
  outputs: [{ name: 'IMAGE', type: 'IMAGE', from: [6, 0] }],
  nodes: [
    {
      id: 6,
      type: 'ImageScaleBy',
      values: ['area', 2],
      inputs: { image: ['input', 0], scale_by: wide(['input', 1]), upscale_method: wide(['input', 2]) },
      outputs: ['IMAGE'],
    },
  ],
}
const hintsOf = (nodes: readonly EditorNode[], extra: Record<string, unknown> = {}) =>
  convertFile(editorFile(nodes, { subgraphs: [scaler], extra })).hints

describe('promoted inputs', () => {
  test('are those of each host, with their labels and the inputs behind them', () => {
    const { promoted } = hintsOf([image, host(2, { title: 'Bigger' }), host(3)])
    const behind = (id: number, input: string) => [{ node: `${id}:6`, input }]
    const scale = { source: 'subgraph', name: 'scale_by', label: 'Factor', depth: 0 }
    const method = { source: 'subgraph', name: 'upscale_method', depth: 0 }
    expect(promoted).toEqual([
      { ...scale, host: 'Bigger', targets: behind(2, 'scale_by') },
      { ...method, host: 'Bigger', targets: behind(2, 'upscale_method') },
      { ...scale, host: 'Scale', targets: behind(3, 'scale_by') },
      { ...method, host: 'Scale', targets: behind(3, 'upscale_method') },
    ])
  })

  test('come in the order in which older hosts show them, without those that have a link', () => {
    const number = { id: 9, type: 'PrimitiveFloat', values: [7.5], outputs: ['FLOAT'] }
    const proxyWidgets = [
      ['6', 'upscale_method'],
      ['6', 'scale_by'],
    ]
    const shown = hintsOf([image, host(2, { properties: { proxyWidgets } })]).promoted
    expect(shown?.map(({ name }) => name)).toEqual(['upscale_method', 'scale_by'])
    const inputs = { image: [1, 0] as From, scale_by: wide([9, 0]) }
    expect(hintsOf([image, number, host(2, { inputs })]).promoted?.map(({ name }) => name)).toEqual(['upscale_method'])
  })

  test('are also the values of primitives, through reroutes and hosts', () => {
    const primitive = { id: 9, type: 'PrimitiveNode', title: 'Factor', values: [3, 'randomize'], outputs: ['FLOAT'] }
    const reroute = { id: 10, type: 'Reroute', inputs: { '': [9, 0] as From }, outputs: ['*'] }
    const inputs = { image: [1, 0] as From, scale_by: wide([10, 0]) }
    const direct = {
      id: 4,
      type: 'ImageScaleBy',
      values: ['area', 1],
      inputs: { image: [1, 0] as From, scale_by: wide([9, 0]) },
    }
    const { promoted, nodes } = hintsOf([image, primitive, reroute, host(2, { inputs }), direct])
    const targets = [
      { node: '2:6', input: 'scale_by' },
      { node: '4', input: 'scale_by' },
    ]
    expect(promoted?.find(({ source }) => source === 'primitive')).toEqual({
      source: 'primitive',
      name: 'value',
      label: 'Factor',
      depth: 0,
      targets,
    })
    expect(nodes?.get('4')?.controls).toEqual({ scale_by: 'randomize' })
  })
})

describe('nodes', () => {
  test('have the titles, labels, controls, ranges and packs of the file', () => {
    const number: EditorNode = {
      id: 1,
      type: 'PrimitiveInt',
      title: 'Steps',
      values: [20, 'fixed'],
      outputs: ['INT'],
      properties: { min: 1, max: 50, step: 'x', cnr_id: 'comfy-core', ver: '0.3.75' },
    }
    const empty: EditorNode = {
      id: 2,
      type: 'EmptyImage',
      title: 'EmptyImage',
      values: [1, 1, 1, 0],
      inputs: { width: wide([1, 0], 'How wide'), height: { isWidget: true, label: 'height' } },
      outputs: ['IMAGE'],
      properties: { aux_id: 'who/what' },
    }
    const { nodes } = hintsOf([number, empty])
    expect(nodes?.get('1')).toEqual({
      title: 'Steps',
      controls: { value: 'fixed' },
      range: { min: 1, max: 50 },
      pack: { cnrId: 'comfy-core', version: '0.3.75' },
    })
    expect(nodes?.get('2')).toEqual({ labels: { width: 'How wide' }, pack: { auxId: 'who/what' } })
  })

  test('know what is around them', () => {
    expect(hintsOf([image, host(2, { title: 'Bigger' })]).nodes?.get('2:6')).toEqual({ hosts: ['Bigger'] })
  })
})

describe('the file', () => {
  test('has notes, and models of nodes and of the whole, each once', () => {
    const model = { name: 'm.safetensors', directory: 'checkpoints', url: 'https://example.com/m', hash_type: 'SHA256' }
    const loader = (id: number): EditorNode => ({
      id,
      type: 'CheckpointLoaderSimple',
      values: ['m.safetensors'],
      properties: { models: [model, { url: 'nameless' }] },
    })
    const note = { id: 7, type: 'MarkdownNote', values: ['Read me'] }
    const file = { ...editorFile([loader(1), loader(2), note]), models: [{ name: 'other.bin' }] }
    const { notes, models } = convertFile(file).hints
    expect(notes).toEqual(['Read me'])
    expect(models).toEqual([
      { name: 'm.safetensors', directory: 'checkpoints', url: 'https://example.com/m', hashType: 'SHA256' },
      { name: 'other.bin' },
    ])
  })

  test('lists what app mode shows: of nodes, hosts, primitives, and nodes inside; not what is gone', () => {
    const primitive = { id: 9, type: 'PrimitiveNode', values: [3, 'fixed'], outputs: ['INT'] }
    const empty = {
      id: 4,
      type: 'EmptyImage',
      values: [1, 1, 1, 0],
      inputs: { width: wide([9, 0], 'W') },
      outputs: ['IMAGE'],
    }
    const save = { id: 5, type: 'SaveImage', values: ['out'], inputs: { images: [4, 0] as From } }
    const inputs = [
      ['4', 'width'],
      [2, 'Factor'],
      ['9', 'value'],
      [6, 'upscale_method'],
      [99, 'gone'],
      'some-id:4:height',
    ]
    const { appInputs, appOutputs } = hintsOf([image, host(2), primitive, empty, save], {
      linearData: { inputs, outputs: ['5', 99] },
    })
    expect(appInputs).toEqual([
      { name: 'width', label: 'W', targets: [{ node: '4', input: 'width' }] },
      { name: 'scale_by', label: 'Factor', targets: [{ node: '2:6', input: 'scale_by' }] },
      { name: 'value', targets: [{ node: '4', input: 'width' }] },
      { name: 'upscale_method', targets: [{ node: '2:6', input: 'upscale_method' }] },
      { name: 'height', targets: [{ node: '4', input: 'height' }] },
    ])
    expect(appOutputs).toEqual(['5'])
  })
})

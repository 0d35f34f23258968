import { describe, expect, test } from 'vitest'
import { convertFile, inputsOf, refusalOf } from '../../test/support/convert-file.ts'
import { editorFile, type EditorNode, type EditorSubgraph, type From } from '../../test/support/editor-file.ts'

const scaling = '11111111-1111-4111-8111-111111111111'
const around = '22222222-2222-4222-8222-222222222222'

const image: EditorNode = { id: 1, type: 'LoadImage', values: ['a.png', 'image'], outputs: ['IMAGE', 'MASK'] }
const save = (id: number, from: From): EditorNode => ({
  id,
  type: 'SaveImage',
  values: ['out'],
  inputs: { images: from },
})
const scale = (id: number, image: From, factor: From | undefined, more: Partial<EditorNode> = {}): EditorNode => ({
  id,
  type: 'ImageScaleBy',
  values: ['area', 2],
  inputs: { image, ...(factor !== undefined && { scale_by: { from: factor, isWidget: true } }) },
  outputs: ['IMAGE'],
  ...more,
})

/** Scales by its own value 2, which its host shows as `scale_by`. */
const scaler: EditorSubgraph = {
  id: scaling,
  name: 'Scale',
  inputs: [
    { name: 'image', type: 'IMAGE' },
    { name: 'scale_by', type: 'FLOAT', label: 'Factor' },
  ],
  outputs: [{ name: 'IMAGE', type: 'IMAGE', from: [6, 0] }],
  nodes: [scale(6, ['input', 0], ['input', 1])],
}
const host = (id: number, more: Partial<EditorNode> = {}): EditorNode => ({
  id,
  type: scaling,
  inputs: { image: [1, 0] },
  outputs: ['IMAGE'],
  ...more,
})
const file = (more: Partial<EditorNode>, extra: readonly EditorNode[] = [], subgraph: EditorSubgraph = scaler) =>
  editorFile([image, ...extra, host(2, more), save(3, [2, 0])], { subgraphs: [subgraph] })
/** The inputs of the node inside of the host. */
const inner = (exported: unknown, id = '2:6') => inputsOf(convertFile(exported))[id]

describe('subgraphs', () => {
  test('are put in the place of their instances, with the id of the instance before their own', () => {
    expect(inputsOf(convertFile(file({})))).toEqual({
      1: { image: 'a.png' },
      3: { filename_prefix: 'out', images: ['2:6', 0] },
      '2:6': { upscale_method: 'area', scale_by: 2, image: ['1', 0] },
    })
  })

  test('inputs of hosts are bound by name, outputs by index', () => {
    const two: EditorSubgraph = {
      ...scaler,
      outputs: [
        { name: 'A', type: 'IMAGE', from: [5, 0] },
        { name: 'B', type: 'IMAGE', from: [6, 0] },
        { name: 'C', type: 'IMAGE' },
      ],
      nodes: [scale(5, ['input', 0], undefined), ...scaler.nodes],
    }
    const inputs = { scale_by: { from: [9, 0] as From, isWidget: true }, image: [1, 0] as From }
    const number = { id: 9, type: 'PrimitiveFloat', values: [7.5], outputs: ['FLOAT'] }
    const nodes = [
      image,
      number,
      host(2, { inputs, outputs: ['IMAGE', 'IMAGE', 'IMAGE'] }),
      save(3, [2, 1]),
      save(4, [2, 2]),
    ]
    expect(inputsOf(convertFile(editorFile(nodes, { subgraphs: [two] })))).toMatchObject({
      3: { images: ['2:6', 0] },
      4: { filename_prefix: 'out' },
      '2:6': { image: ['1', 0], scale_by: ['9', 0] },
    })
  })

  test('ids that are taken get the next free one', () => {
    const nodes = [image, { ...image, id: 6 }, host(2), save(3, [2, 0])]
    const taken = editorFile(nodes, { subgraphs: [scaler], lastNodeId: 100 })
    expect(inputsOf(convertFile(taken))).toMatchObject({ 3: { images: ['2:101', 0] }, '2:101': { image: ['1', 0] } })
  })

  test('ids beyond counting are left as they are', () => {
    const nodes = [image, { ...image, id: 1e300 }, host(2), save(3, [2, 0])]
    const twice = { ...scaler, nodes: [...scaler.nodes, { ...image, id: 1e300 }] }
    const odd = editorFile(nodes, { subgraphs: [twice], lastNodeId: 1e300 })
    expect(Object.keys(convertFile(odd).prompt)).toContain('2:1e+300')
  })

  test('a bypassed instance hands on what comes in, a muted one nothing, and neither runs', () => {
    expect(inputsOf(convertFile(file({ mode: 4 })))).toEqual({
      1: { image: 'a.png' },
      3: { filename_prefix: 'out', images: ['1', 0] },
    })
    expect(inputsOf(convertFile(file({ mode: 2 })))).toEqual({ 1: { image: 'a.png' }, 3: { filename_prefix: 'out' } })
  })

  test('a bypassed node inside hands on what comes in from outside', () => {
    const nodes = [scale(6, ['input', 0], undefined, { mode: 4 })]
    expect(inputsOf(convertFile(file({}, [], { ...scaler, nodes })))['3']).toMatchObject({ images: ['1', 0] })
  })

  test('an output may be an input of the subgraph itself', () => {
    const through: EditorSubgraph = { ...scaler, outputs: [{ name: 'IMAGE', type: 'IMAGE', from: ['input', 0] }] }
    expect(inputsOf(convertFile(file({}, [], through)))['3']).toMatchObject({ images: ['1', 0] })
  })

  test('one that contains itself is refused', () => {
    const endless: EditorSubgraph = { ...scaler, nodes: [...scaler.nodes, host(7)] }
    expect(refusalOf(() => convertFile(file({}, [], endless)))).toMatchObject([{ code: 'recursive_subgraph' }])
  })

  test('small files of endless size are refused', () => {
    const ids = Array.from(
      { length: 20 },
      (_, level) => `${String(level).padStart(8, '0')}-0000-4000-8000-000000000000`,
    )
    const subgraphs = ids.map((id, level): EditorSubgraph => {
      const type = ids[level + 1]
      return { id, nodes: type === undefined ? [] : [1, 2].map((copy) => ({ id: `${level}.${copy}`, type })) }
    })
    const exported = editorFile([{ id: 1, type: ids[0] ?? '' }], { subgraphs })
    expect(refusalOf(() => convertFile(exported))).toMatchObject([{ code: 'too_large' }])
  })
})

describe('values of hosts', () => {
  test('are those of the nodes inside where the host has none', () => {
    expect(inner(file({ values: [] }))).toMatchObject({ scale_by: 2 })
  })

  test('belong to the promoted inputs in the order of the subgraph', () => {
    expect(inner(file({ values: [3.5] }))).toMatchObject({ scale_by: 3.5 })
  })

  test('are found by name where they are an object', () => {
    expect(inner(file({ values: { scale_by: 4.5 } }))).toMatchObject({ scale_by: 4.5 })
  })

  test('belong to the tuples where the host has them', () => {
    const several: EditorSubgraph = {
      ...scaler,
      nodes: [
        ...scaler.nodes,
        { id: 7, type: 'ImageFromBatch', values: [1, 12], inputs: { image: [6, 0] }, outputs: ['IMAGE'] },
      ],
    }
    const proxyWidgets = [
      ['7', 'length'],
      ['6', '$$canvas-image-preview'],
      ['6', 'control_after_generate'],
      ['-1', 'scale_by'],
      ['7', '7: batch_index'],
    ]
    const exported = file({ values: [99, null, 'fixed', 5.5, 3], properties: { proxyWidgets } }, [], several)
    expect(inputsOf(convertFile(exported))).toMatchObject({
      '2:6': { scale_by: 5.5 },
      '2:7': { batch_index: 3, length: 99 },
    })
    expect(inner(file({ values: [], properties: { proxyWidgets } }, [], several), '2:7')).toMatchObject({ length: 12 })
    const direct = file({ values: [6.5], properties: { proxyWidgets: [['6', 'scale_by']] } })
    expect(inner(direct)).toMatchObject({ scale_by: 6.5 })
  })

  test('that belong to nothing are told', () => {
    const { warnings } = convertFile(file({ values: [1], properties: { proxyWidgets: [['66', 'gone']] } }))
    expect(warnings).toMatchObject([{ code: 'unplaced_host_value', node: '2' }])
  })

  test('in quarantine count', () => {
    const proxyWidgetErrorQuarantine = [{ originalEntry: ['-1', 'scale_by'], reason: 'x', hostValue: 8.5 }]
    expect(inner(file({ values: [3], properties: { proxyWidgetErrorQuarantine } }))).toMatchObject({ scale_by: 8.5 })
    expect(inner(file({ properties: { proxyWidgetErrorQuarantine } }))).toMatchObject({ scale_by: 8.5 })
  })

  test('of null become the first choice of combos, and stay for numbers', () => {
    const both: EditorSubgraph = {
      ...scaler,
      inputs: [...(scaler.inputs ?? []), { name: 'upscale_method', type: 'COMBO' }],
      nodes: [
        scale(6, ['input', 0], undefined, {
          inputs: {
            image: ['input', 0],
            scale_by: { from: ['input', 1], isWidget: true },
            upscale_method: { from: ['input', 2], isWidget: true },
          },
        }),
      ],
    }
    expect(inner(file({ values: [null, null] }, [], both))).toMatchObject({
      scale_by: null,
      upscale_method: 'nearest-exact',
    })
  })

  test('give way to a link of the host, also to one that leads nowhere', () => {
    const inputs = { image: [1, 0] as From, scale_by: { from: [9, 0] as From, isWidget: true } }
    const source = (mode: number) => ({ id: 9, type: 'PrimitiveFloat', mode, values: [7.5], outputs: ['FLOAT'] })
    expect(inner(file({ values: [3], inputs }, [source(0)]))).toMatchObject({ scale_by: ['9', 0] })
    expect(inner(file({ values: [3], inputs }, [source(2)]))).toMatchObject({ scale_by: 2 })
    const primitive = { id: 9, type: 'PrimitiveNode', values: [7.5], outputs: ['FLOAT'] }
    expect(inner(file({ values: [3], inputs }, [primitive]))).toMatchObject({ scale_by: 2 })
  })

  test('go to all inputs behind the promoted one; where there is none, the value of the first does', () => {
    const fork: EditorSubgraph = {
      ...scaler,
      nodes: [...scaler.nodes, scale(7, [6, 0], ['input', 1], { values: ['area', 8] })],
    }
    const values = (more: Partial<EditorNode>) => inputsOf(convertFile(file(more, [], fork)))
    expect(values({ values: [5] })).toMatchObject({ '2:6': { scale_by: 5 }, '2:7': { scale_by: 5 } })
    expect(values({})).toMatchObject({ '2:6': { scale_by: 2 }, '2:7': { scale_by: 2 } })
  })

  test('inputs of one name share one value, the last', () => {
    const twice: EditorSubgraph = {
      ...scaler,
      inputs: [...(scaler.inputs ?? []), { name: 'scale_by', type: 'FLOAT' }],
      nodes: [...scaler.nodes, scale(7, [6, 0], ['input', 2])],
    }
    expect(inputsOf(convertFile(file({ values: [3, 4] }, [], twice)))).toMatchObject({
      '2:6': { scale_by: 4 },
      '2:7': { scale_by: 4 },
    })
  })

  test('of a PrimitiveNode inside go to what it is linked to', () => {
    const primitive: EditorSubgraph = {
      ...scaler,
      inputs: [{ name: 'image', type: 'IMAGE' }],
      nodes: [{ id: 8, type: 'PrimitiveNode', values: [3], outputs: ['FLOAT'] }, scale(6, ['input', 0], [8, 0])],
    }
    const properties = { proxyWidgets: [['8', 'value']] }
    expect(inner(file({ values: [9], properties }, [], primitive))).toMatchObject({ scale_by: 9 })
    expect(inner(file({ values: [], properties }, [], primitive))).toMatchObject({ scale_by: 3 })
  })

  test('a bypass that goes on at a promoted widget yields its value', () => {
    const classes: EditorSubgraph = {
      id: scaling,
      inputs: [{ name: 'value', type: 'FLOAT' }],
      outputs: [],
      nodes: [
        {
          id: 5,
          type: 'PrimitiveFloat',
          mode: 4,
          values: [1],
          inputs: { value: { from: ['input', 0], isWidget: true } },
          outputs: ['FLOAT'],
        },
        scale(6, [5, 1], [5, 0]),
      ],
    }
    expect(inner(file({ values: [0.25] }, [], classes))).toMatchObject({ scale_by: 0.25 })
  })

  test('CustomCombo keeps the position of its own choice when the host has another', () => {
    const combo: EditorSubgraph = {
      id: scaling,
      inputs: [{ name: 'choice', type: 'COMBO' }],
      outputs: [{ name: 'STRING', type: 'STRING', from: [8, 0] }],
      nodes: [
        {
          id: 8,
          type: 'CustomCombo',
          values: ['b', 1, 'a', 'b', 'c', ''],
          inputs: { choice: { from: ['input', 0], isWidget: true } },
          outputs: ['STRING', 'INT'],
        },
      ],
    }
    expect(inner(file({ values: ['c'] }, [], combo), '2:8')).toMatchObject({ choice: 'c', index: 1 })
  })
})

describe('subgraphs inside of subgraphs', () => {
  const nested = (mode = 0, more: readonly EditorNode[] = []): EditorSubgraph => ({
    id: around,
    name: 'Around',
    inputs: [
      { name: 'image', type: 'IMAGE' },
      { name: 'first', type: 'FLOAT' },
      { name: 'second', type: 'FLOAT' },
    ],
    outputs: [{ name: 'IMAGE', type: 'IMAGE', from: [5, 0] }],
    nodes: [inside(4, ['input', 0], ['input', 1], 1.5), { ...inside(5, [4, 0], ['input', 2], 1.75), mode }, ...more],
  })
  const inside = (id: number, from: From, factor: From, value: number): EditorNode => ({
    ...host(id),
    inputs: { image: from, scale_by: { from: factor, isWidget: true } },
    values: [value],
  })
  const outer = (id: number, from: From, values?: readonly unknown[]): EditorNode => ({
    ...host(id),
    type: around,
    inputs: { image: from },
    values,
  })

  test('every copy has the values of its own host', () => {
    const nodes = [image, outer(10, [1, 0], [3, 3.5]), outer(11, [10, 0], [4]), save(12, [11, 0])]
    const inputs = inputsOf(convertFile(editorFile(nodes, { subgraphs: [scaler, nested()] })))
    expect(inputs).toMatchObject({
      12: { images: ['11:5:6', 0] },
      '10:4:6': { scale_by: 3, image: ['1', 0] },
      '10:5:6': { scale_by: 3.5, image: ['10:4:6', 0] },
      '11:4:6': { scale_by: 4, image: ['10:5:6', 0] },
      '11:5:6': { scale_by: 1.75, image: ['11:4:6', 0] },
    })
  })

  test('one that is bypassed hands on, and what is in it runs nevertheless, with a warning', () => {
    const saving: EditorSubgraph = { ...scaler, nodes: [...scaler.nodes, save(9, [6, 0])] }
    const nodes = [image, outer(10, [1, 0]), save(12, [10, 0])]
    const conversion = convertFile(editorFile(nodes, { subgraphs: [saving, nested(4)] }))
    expect(inputsOf(conversion)).toMatchObject({ 12: { images: ['10:4:6', 0] }, '10:5:9': { images: ['10:5:6', 0] } })
    expect(conversion.warnings).toMatchObject([{ code: 'muted_subgraph_runs', node: '10:5' }])
  })

  test('getters find setters around them, but not one of two', () => {
    const set = (id: number): EditorNode => ({
      id,
      type: 'SetNode',
      values: ['pic'],
      inputs: { IMAGE: { from: [1, 0], type: 'IMAGE' } },
    })
    const getting: EditorSubgraph = {
      id: scaling,
      outputs: [{ name: 'IMAGE', type: 'IMAGE', from: [7, 0] }],
      nodes: [{ id: 7, type: 'GetNode', values: ['pic'], outputs: ['IMAGE'] }],
    }
    const nodes = [image, set(20), { ...host(2), inputs: {} }, save(3, [2, 0])]
    expect(inputsOf(convertFile(editorFile(nodes, { subgraphs: [getting] })))['3']).toMatchObject({ images: ['1', 0] })
    const two = editorFile([...nodes, set(21)], { subgraphs: [getting] })
    expect(inputsOf(convertFile(two))['3']).toEqual({ filename_prefix: 'out' })
  })
})

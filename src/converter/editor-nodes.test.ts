import { describe, expect, test } from 'vitest'
import { convertFile, definition, inputsOf, refusalOf } from '../../test/support/convert-file.ts'
import { editorFile, type EditorNode, type From } from '../../test/support/editor-file.ts'

const image = (id: number, mode = 0): EditorNode => ({
  id,
  type: 'LoadImage',
  mode,
  values: ['a.png', 'image'],
  outputs: ['IMAGE', 'MASK'],
})
const save = (id: number, from: From): EditorNode => ({
  id,
  type: 'SaveImage',
  values: ['out'],
  inputs: { images: from },
})
const preview = (id: number, from: From): EditorNode => ({ id, type: 'PreviewAny', inputs: { source: from } })
const empty = (id: number, width: From, more: Partial<EditorNode> = {}): EditorNode => ({
  id,
  type: 'EmptyImage',
  values: [640, 512, 1, 0],
  inputs: { width: { from: width, isWidget: true } },
  outputs: ['IMAGE'],
  ...more,
})
const scale = (id: number, from: From, more: Partial<EditorNode> = {}): EditorNode => ({
  id,
  type: 'ImageScaleBy',
  values: ['area', 2],
  inputs: { image: from },
  outputs: ['IMAGE'],
  ...more,
})

const codes = (file: unknown) => convertFile(file).warnings.map(({ code }) => code)

describe('links to widgets', () => {
  const number = (mode: number): EditorNode => ({
    id: 1,
    type: 'PrimitiveInt',
    mode,
    values: [7, 'fixed'],
    outputs: ['INT'],
  })

  test.each([
    ['an active node give its output', 0, ['1', 0]],
    ['a muted node leave the value of the widget', 2, 640],
    ['a bypassed node without inputs leave the value of the widget', 4, 640],
  ])('to %s', (_name, mode, expected) => {
    expect(inputsOf(convertFile(editorFile([number(mode), empty(2, [1, 0])])))['2']).toMatchObject({ width: expected })
  })

  test.each([0, 2, 4])('a PrimitiveNode of mode %d writes its value into all that it is linked to', (mode) => {
    const primitive = { id: 1, type: 'PrimitiveNode', mode, values: [321, 'fixed'], outputs: ['INT'] }
    const file = editorFile([primitive, empty(2, [1, 0]), empty(3, [1, 0])])
    expect(inputsOf(convertFile(file))).toMatchObject({ 2: { width: 321 }, 3: { width: 321 } })
  })

  test('a PrimitiveNode rounds to the steps of the first widget', () => {
    const primitive = { id: 1, type: 'PrimitiveNode', values: [1025], outputs: ['INT'] }
    const latent = { id: 2, type: 'EmptyLatentImage', values: [64, 64, 1], inputs: { width: wide([1, 0]) } }
    const inputs = inputsOf(convertFile(editorFile([primitive, latent, empty(3, [1, 0])])))
    expect(inputs).toMatchObject({ 2: { width: 1024 }, 3: { width: 1024 } })
    const float = { id: 1, type: 'PrimitiveNode', values: [2.123456], outputs: ['FLOAT'] }
    const scaled = { id: 2, type: 'ImageScaleBy', values: ['area', 1], inputs: { scale_by: wide([1, 0]) } }
    expect(inputsOf(convertFile(editorFile([float, scaled])))['2']).toMatchObject({ scale_by: 2.12 })
  })

  test('a PrimitiveNode writes nothing through a Reroute, and nothing at all when its first link goes to one', () => {
    const primitive = { id: 1, type: 'PrimitiveNode', values: [321], outputs: ['INT'] }
    const file = editorFile([primitive, reroute(4, [1, 0]), empty(2, [4, 0]), empty(3, [1, 0])])
    expect(inputsOf(convertFile(file))).toMatchObject({ 2: { width: 640 }, 3: { width: 640 } })
  })
})

describe('muted and bypassed nodes', () => {
  test('a socket that leads to a muted node is left out, with a warning where it is required', () => {
    const conversion = convertFile(editorFile([image(1, 2), scale(2, [1, 0]), save(3, [2, 0])]))
    expect(inputsOf(conversion)['2']).toEqual({ upscale_method: 'area', scale_by: 2 })
    expect(conversion.warnings).toMatchObject([{ code: 'missing_input', node: '2', input: 'image' }])
  })

  test('modes 1 and 3 are like 0', () => {
    const file = editorFile([image(1, 1), scale(2, [1, 0], { mode: 3 }), save(3, [2, 0])])
    expect(Object.keys(convertFile(file).prompt)).toEqual(['1', '2', '3'])
  })

  test('a bypass hands on what comes in, also over several nodes', () => {
    const bypassed = { mode: 4 }
    const file = editorFile([image(1), scale(2, [1, 0], bypassed), scale(3, [2, 0], bypassed), save(4, [3, 0])])
    expect(inputsOf(convertFile(file))).toEqual({
      1: { image: 'a.png' },
      4: { filename_prefix: 'out', images: ['1', 0] },
    })
  })

  test('a bypass goes on at the same index where types fit, else at the first of the type', () => {
    const classes = { Swap: definition({ a: ['IMAGE'], b: ['LATENT'] }, { output: ['LATENT', 'IMAGE'] }) }
    const latent = { id: 1, type: 'EmptyLatentImage', values: [64, 64, 1], outputs: ['LATENT'] }
    const swap = {
      id: 3,
      type: 'Swap',
      mode: 4,
      inputs: { a: [2, 0] as From, b: [1, 0] as From },
      outputs: ['LATENT', 'IMAGE'],
    }
    const file = editorFile([latent, image(2), swap, save(4, [3, 1])])
    expect(inputsOf(convertFile(file, classes))['4']).toMatchObject({ images: ['2', 0] })
    const either = { Swap: definition({ a: ['MASK'], b: ['IMAGE,MASK'], c: ['IMAGE'] }, { output: ['MASK', 'IMAGE'] }) }
    const inputs = { a: [2, 1] as From, b: [2, 1] as From, c: [2, 0] as From }
    const mixed = editorFile([image(2), { ...swap, inputs, outputs: ['MASK', 'IMAGE'] }, save(4, [3, 1])])
    expect(inputsOf(convertFile(mixed, either))['4']).toMatchObject({ images: ['2', 1] })
  })

  test('a bypass that chooses an input without a link goes no further', () => {
    const classes = { Two: definition({ a: ['IMAGE'], b: ['IMAGE'] }) }
    const two = { id: 2, type: 'Two', mode: 4, inputs: { b: [1, 0] as From }, outputs: ['IMAGE'] }
    const inputs = inputsOf(convertFile(editorFile([image(1), two, save(3, [2, 0])]), classes))
    expect(inputs['3']).toEqual({ filename_prefix: 'out' })
  })

  test('what takes any type goes on at the index, where sockets count before widgets', () => {
    const classes = { Talk: definition({ text: ['STRING', {}], picture: ['IMAGE'] }, { output: ['STRING'] }) }
    const talk = {
      id: 2,
      type: 'Talk',
      mode: 4,
      values: ['x'],
      inputs: { picture: [1, 0] as From },
      outputs: ['STRING'],
    }
    const inputs = inputsOf(convertFile(editorFile([image(1), talk, preview(3, [2, 0])]), classes))
    expect(inputs['3']).toEqual({ source: ['1', 0] })
  })

  test('rows of growing inputs count, also empty ones', () => {
    const math = {
      id: 2,
      type: 'ComfyMathExpression',
      mode: 4,
      values: ['a'],
      inputs: { 'values.a': [1, 0] as From },
      outputs: ['FLOAT', 'INT', 'BOOLEAN'],
    }
    const number = { id: 1, type: 'PrimitiveInt', values: [3, 'fixed'], outputs: ['INT'] }
    const file = editorFile([number, math, preview(3, [2, 0]), empty(4, [2, 1])])
    expect(inputsOf(convertFile(file))).toMatchObject({ 3: { source: ['1', 0] }, 4: { width: 640 } })
  })

  test('matched types are those of the file', () => {
    const resize = {
      id: 2,
      type: 'ResizeImageMaskNode',
      mode: 4,
      values: ['scale by multiplier', 2, 'area'],
      inputs: { input: { from: [1, 1], type: 'MASK' } as const },
      outputs: ['MASK'],
    }
    const toImage = { id: 3, type: 'MaskToImage', inputs: { mask: [2, 0] as From }, outputs: ['IMAGE'] }
    const file = editorFile([image(1), resize, toImage, save(4, [3, 0])])
    expect(inputsOf(convertFile(file))['3']).toEqual({ mask: ['1', 1] })
  })
})

describe('nodes that only the editor knows', () => {
  test('reroutes hand on; muted ones do not, and those in a circle neither', () => {
    const file = (mode: number) => editorFile([image(1), { ...reroute(2, [1, 0]), mode }, save(3, [2, 0])])
    expect(inputsOf(convertFile(file(0)))['3']).toMatchObject({ images: ['1', 0] })
    expect(inputsOf(convertFile(file(4)))['3']).toMatchObject({ images: ['1', 0] })
    expect(inputsOf(convertFile(file(2)))['3']).toEqual({ filename_prefix: 'out' })
    const circle = editorFile([reroute(1, [2, 0]), reroute(2, [1, 0]), save(3, [2, 0])])
    expect(inputsOf(convertFile(circle))).toEqual({ 3: { filename_prefix: 'out' } })
  })

  test('getters get what the setter of their name has', () => {
    const set = (id: number, name: string, from: From): EditorNode => ({
      id,
      type: 'SetNode',
      values: [name],
      inputs: { IMAGE: { from, type: 'IMAGE' } },
      outputs: ['*'],
    })
    const get = (id: number, name: string): EditorNode => ({ id, type: 'GetNode', values: [name], outputs: ['IMAGE'] })
    const file = editorFile([
      image(1),
      image(2),
      set(3, 'a', [1, 0]),
      set(4, 'b', [2, 0]),
      get(5, 'b'),
      save(6, [5, 0]),
    ])
    expect(inputsOf(convertFile(file))['6']).toMatchObject({ images: ['2', 0] })
    expect(codes(editorFile([image(1), get(5, 'c'), save(6, [5, 0])]))).toEqual(['unresolved_getter', 'missing_input'])
  })

  test('notes are dropped, labels of unknown packs with a warning', () => {
    const note = { id: 2, type: 'MarkdownNote', values: ['text'] }
    const label = { id: 3, type: 'Somebody Label', values: ['hi'] }
    const conversion = convertFile(editorFile([image(1), note, label]))
    expect(Object.keys(conversion.prompt)).toEqual(['1'])
    expect(conversion.warnings).toMatchObject([{ code: 'unknown_label', node: '3' }])
  })

  test('what adds links in the browser is told', () => {
    const everywhere = { id: 2, type: 'Anything Everywhere', inputs: { anything: [1, 0] as From } }
    expect(codes(editorFile([image(1), everywhere]))).toEqual(['browser_completes'])
  })
})

describe('inputs of the file', () => {
  test('slots of links may be stale, ids and names count', () => {
    const file = editorFile([image(1), scale(2, [1, 0]), save(3, [2, 0])])
    const stale = { ...file, links: file.links.map((link) => link.with(4, 7)) }
    expect(convertFile(stale).prompt).toEqual(convertFile(file).prompt)
  })

  test('ids and slots may be strings, and links objects as in schema 1', () => {
    const file = editorFile([image(1), scale(2, [1, 0]), save(3, [2, 0])])
    const texts = {
      ...file,
      nodes: file.nodes.map((node) => ({ ...node, id: String(node.id) })),
      links: file.links.map(([id, ...rest]) => [id, ...rest.slice(0, 4).map(String), rest[4]]),
    }
    expect(convertFile(texts).prompt).toEqual(convertFile(file).prompt)
    const links = file.links.map(([id, origin_id, origin_slot, target_id, target_slot]) => ({
      ...{ id, origin_id, origin_slot, target_id, target_slot },
      parentId: 5,
    }))
    const newer = {
      ...file,
      version: 1,
      last_node_id: undefined,
      state: { lastNodeId: 9 },
      links,
      reroutes: [{ id: 5 }],
    }
    expect(convertFile(newer).prompt).toEqual(convertFile(file).prompt)
  })

  test('inputs that the definition does not have are kept, but no widgets that are gone', () => {
    const inputs = { image: [1, 0] as From, dyn_socket: [9, 0] as From, old: { from: [9, 0] as From, isWidget: true } }
    const number = { id: 9, type: 'PrimitiveInt', values: [8, 'fixed'], outputs: ['INT'] }
    const file = editorFile([image(1), number, scale(2, [1, 0], { inputs })])
    expect(inputsOf(convertFile(file))['2']).toEqual({
      upscale_method: 'area',
      scale_by: 2,
      image: ['1', 0],
      dyn_socket: ['9', 0],
    })
  })

  test('a link that is not there counts as none, with a warning', () => {
    const file = editorFile([image(1), scale(2, [1, 0]), save(3, [2, 0])])
    const withoutLink = { ...file, links: file.links.slice(1) }
    expect(inputsOf(convertFile(withoutLink))['2']).toEqual({ upscale_method: 'area', scale_by: 2 })
    expect(codes(withoutLink)).toEqual(['broken_link', 'missing_input'])
    const withoutNode = { ...file, nodes: file.nodes.slice(1) }
    expect(codes(withoutNode)).toEqual(['broken_link', 'missing_input'])
  })

  test('a link from an output that cannot be counts as none', () => {
    const file = editorFile([image(1), save(3, [1, 0])])
    for (const slot of ['x', -1, 0.5, null]) {
      const odd = { ...file, links: file.links.map((link) => [...link.slice(0, 2), slot, ...link.slice(3)]) }
      expect(inputsOf(convertFile(odd))['3']).toEqual({ filename_prefix: 'out' })
      expect(codes(odd)).toEqual(['broken_link', 'missing_input'])
    }
  })

  test('nodes in a circle are written as they are', () => {
    const invert = (id: number, from: From) => ({
      id,
      type: 'ImageInvert',
      inputs: { image: from },
      outputs: ['IMAGE'],
    })
    expect(inputsOf(convertFile(editorFile([invert(1, [2, 0]), invert(2, [1, 0])])))).toEqual({
      1: { image: ['2', 0] },
      2: { image: ['1', 0] },
    })
  })

  test('titles are those of the file, else what the class is called', () => {
    const nodes = [
      { ...image(1), title: '' },
      { ...image(2), title: null },
      { ...image(3), title: 'Mein Bild' },
    ]
    const titles = Object.values(convertFile(editorFile(nodes)).prompt).map((node) => node._meta?.title)
    expect(titles).toEqual(['Load Image', 'Load Image', 'Mein Bild'])
  })
})

describe('refusals', () => {
  test('name every unknown class at once, with its pack, but none of nodes that do not run', () => {
    const unknown = (id: number, mode = 0) => ({
      id,
      type: 'NoSuchNode',
      mode,
      title: 'Mystery',
      inputs: { image: [1, 0] as From },
      outputs: ['IMAGE'],
      properties: { cnr_id: 'some-pack', 'Node name for S&R': 'OldName' },
    })
    const other = { id: 5, type: 'Else', outputs: ['IMAGE'], properties: { aux_id: 'who/else' } }
    const file = editorFile([image(1), unknown(2), unknown(3, 4), other, save(4, [3, 0])])
    const reasons = refusalOf(() => convertFile(file))
    expect(reasons).toMatchObject([
      { code: 'unknown_class', node: '2', title: 'Mystery', classType: 'NoSuchNode', pack: 'some-pack' },
      { code: 'unknown_class', node: '5', classType: 'Else', pack: 'who/else' },
    ])
    expect(reasons[0]?.message).toContain('OldName')
    const muted = editorFile([image(1), unknown(3, 4), save(4, [3, 0])])
    expect(inputsOf(convertFile(muted))['4']).toMatchObject({ images: ['1', 0] })
  })

  test('say what to do about group nodes, lost subgraphs, and the 3D view', () => {
    const nodes = [
      { id: 1, type: 'workflow>Mine' },
      { id: 2, type: '7c0e0000-0000-4000-8000-000000000000' },
      { id: 3, type: 'Load3D', values: ['a.glb', '', 512, 512] },
    ]
    const reasons = refusalOf(() => convertFile(editorFile(nodes)))
    expect(reasons.map(({ code }) => code)).toEqual(['legacy_group_node', 'missing_subgraph', 'needs_browser'])
    for (const { fix } of reasons) expect(fix).toMatch(/open|replace/i)
  })

  test('a damaged file is told as such', () => {
    expect(refusalOf(() => convertFile({ nodes: [{ id: 1 }], links: [] }))).toMatchObject([{ code: 'damaged_file' }])
  })
})

function wide(from: From) {
  return { from, isWidget: true }
}

function reroute(id: number, from: From): EditorNode {
  return { id, type: 'Reroute', inputs: { '': { from, type: '*' } }, outputs: ['*'] }
}

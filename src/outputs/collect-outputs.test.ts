import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { collectOutputs, type UnhandledItem } from './collect-outputs.ts'

const file = (filename: string, type = 'output', subfolder = ''): Record<string, string> => ({
  filename,
  subfolder,
  type,
})

describe('collectOutputs', () => {
  test('finds the files of a SaveImage node', () => {
    expect(
      collectOutputs({ 9: { images: [file('a_00001_.png', 'output', 'gw'), file('a_00002_.png', 'output', 'gw')] } }),
    ).toEqual([
      {
        kind: 'file',
        nodeId: '9',
        outputKind: 'image',
        contentType: 'image/png',
        filename: 'a_00001_.png',
        subfolder: 'gw',
        type: 'output',
      },
      {
        kind: 'file',
        nodeId: '9',
        outputKind: 'image',
        contentType: 'image/png',
        filename: 'a_00002_.png',
        subfolder: 'gw',
        type: 'output',
      },
    ])
  })

  test('tells the kind by the name of the file, not by the key', () => {
    const found = collectOutputs({
      1: { images: [file('v.mp4')], animated: [true] },
      2: {
        gifs: [
          {
            ...file('w.webm'),
            format: 'video/webm',
            frame_rate: 8,
            workflow: 'w.png',
            fullpath: '/srv/comfy/output/w.webm',
          },
        ],
        unfinished_batch: [true],
      },
      3: { audio: [file('s.flac')] },
      4: { '3d': [file('m.glb')] },
      5: { latents: [file('l.latent')] },
      6: { images: [file('drawing.svg')] },
      7: { files: [file('t.txt')], text: ['the same text'] },
    })
    expect(found.map(({ nodeId, outputKind }) => `${nodeId} ${outputKind}`)).toEqual([
      '1 video',
      '2 video',
      '3 audio',
      '4 3d',
      '5 latent',
      '6 file',
      '7 text',
      '7 text',
    ])
    expect(JSON.stringify(found)).not.toContain('/srv/comfy')
  })

  test('takes strings as texts, alone or in lists, and names them', () => {
    expect(collectOutputs({ 'a:1': { text: ['one', ''], tags: 'two' } })).toEqual([
      {
        kind: 'text',
        nodeId: 'a:1',
        outputKind: 'text',
        contentType: 'text/plain; charset=utf-8',
        filename: 'text_1.txt',
        text: 'one',
      },
      {
        kind: 'text',
        nodeId: 'a:1',
        outputKind: 'text',
        contentType: 'text/plain; charset=utf-8',
        filename: 'text_2.txt',
        text: '',
      },
      {
        kind: 'text',
        nodeId: 'a:1',
        outputKind: 'text',
        contentType: 'text/plain; charset=utf-8',
        filename: 'text_3.txt',
        text: 'two',
      },
    ])
  })

  test('shows previews only when nothing was saved, and echoes of inputs last', () => {
    const saved = { 9: { images: [file('a.png')] } }
    const preview = { 8: { images: [file('p.png', 'temp')] } }
    const comparison = { 6: { a_images: [file('l.png', 'temp')], b_images: [file('r.png', 'temp')] } }
    const echo = { 7: { images: [file('i.png', 'input')] } }
    const names = (outputs: Record<string, unknown>): string[] =>
      collectOutputs(outputs).map(({ filename }) => filename)
    expect(names({ ...saved, ...preview, ...echo })).toEqual(['a.png'])
    expect(names({ ...preview, ...comparison, ...echo })).toEqual(['l.png', 'r.png', 'p.png'])
    expect(names(echo)).toEqual(['i.png'])
    expect(names({ ...preview, 3: { text: ['t'] } })).toEqual(['text_1.txt', 'p.png'])
  })

  test('finds a file once that is listed under two keys', () => {
    expect(
      collectOutputs({ 1: { images: [file('v.mp4')], video: [file('v.mp4'), file('v.mp4', 'output', 'sub')] } }),
    ).toHaveLength(2)
  })

  test('takes an item without folder and type from the output folder', () => {
    expect(collectOutputs({ 1: { images: [{ filename: 'a.png', subfolder: null }] } })).toMatchObject([
      { subfolder: '', type: 'output' },
    ])
  })

  test('keeps the last part of a name with folders', () => {
    expect(
      collectOutputs({ 1: { images: [file('x/y/a.png'), file('C:\\out\\b.png')] } }).map(({ filename }) => filename),
    ).toEqual(['a.png', 'b.png'])
  })

  test('reports what it cannot take, and is quiet about numbers and switches', () => {
    const items = [
      { source: 'http', 'content-type': 'image/png', type: 'output' },
      { source: 'http', id: '../x', 'content-type': 'image/png', type: 'output' },
      { source: 'elsewhere', id: 'x' },
      { filename: 7 },
      file(''),
      file('..'),
      file('sub/..'),
      file('a\u0000.png'),
      file('a.png', 'elsewhere'),
      [file('nested.png')],
    ]
    const unhandled: UnhandledItem[] = []
    const found = collectOutputs(
      { 4: { images: [...items, 12, true, null], dims: [5], animated: [true], unfinished_batch: [true] } },
      { onUnhandled: (item) => unhandled.push(item) },
    )
    expect(found).toEqual([])
    expect(unhandled).toEqual(items.map((item) => ({ nodeId: '4', key: 'images', item })))
  })

  test('finds images that a node pack holds in memory, each once', () => {
    const held = (id: string, type: string) => ({ source: 'http', id, 'content-type': type, type: 'output' })
    const images = [held('a1', 'image/png'), held('b2', 'image/jpeg'), held('a1', 'image/png')]
    expect(collectOutputs({ 3: { images } })).toEqual([
      {
        kind: 'held',
        nodeId: '3',
        outputKind: 'image',
        contentType: 'image/png',
        filename: 'image_1.png',
        heldId: 'a1',
      },
      {
        kind: 'held',
        nodeId: '3',
        outputKind: 'image',
        contentType: 'image/jpeg',
        filename: 'image_2.jpg',
        heldId: 'b2',
      },
    ])
  })

  test('finds images that went over the socket, each by its place among those of its node', () => {
    const sent = { source: 'websocket', 'content-type': 'image/png', type: 'output' }
    const found = collectOutputs({ 3: { images: [sent, sent] }, 5: { images: [sent] }, 6: { images: [file('a.png')] } })
    expect(found).toMatchObject([
      { kind: 'socket', nodeId: '3', position: 0, filename: 'image_1.png', contentType: 'image/png' },
      { kind: 'socket', nodeId: '3', position: 1, filename: 'image_2.png' },
      { kind: 'socket', nodeId: '5', position: 0, filename: 'image_3.png' },
      { kind: 'file', nodeId: '6', filename: 'a.png' },
    ])
  })

  const hex = '0123456789abcdef0123456789abcdef'
  test.each([
    ['3d/ComfyUI_00001.glb', { subfolder: '3d', filename: 'ComfyUI_00001.glb', type: 'output' }],
    ['mesh.OBJ', { subfolder: '', filename: 'mesh.OBJ', type: 'output', contentType: 'model/obj' }],
    ['3d\\win.splat', { subfolder: '3d', filename: 'win.splat', type: 'output' }],
    ['mesh.glb [temp]', { subfolder: '', filename: 'mesh.glb', type: 'temp' }],
    [`preview3d_advanced_${hex}.glb`, { filename: `preview3d_advanced_${hex}.glb`, type: 'temp' }],
    [`preview_splat_${hex}.ply`, { filename: `preview_splat_${hex}.ply`, type: 'temp' }],
    [`preview3d_${hex}.glb`, { filename: `preview3d_${hex}.glb`, type: 'output' }],
  ])('finds the 3D model that a result names: %s', (path, place) => {
    expect(collectOutputs({ 3: { result: [path, { position: {} }, null] } })).toMatchObject([
      { kind: 'file', outputKind: '3d', ...place },
    ])
  })

  test('shows the preview of a 3D model only where none was saved, and one that both name once', () => {
    const saved = { 3: { '3d': [file('m_00001_.glb', 'output', 'gw')] } }
    const names = (outputs: Record<string, unknown>): string[] =>
      collectOutputs(outputs).map(({ filename }) => filename)
    expect(names({ ...saved, 4: { result: [`preview3d_${hex}.glb`, null, null] } })).toEqual(['m_00001_.glb'])
    expect(names({ ...saved, 4: { result: ['gw/m_00001_.glb', null, null] } })).toEqual(['m_00001_.glb'])
  })

  test.each(['/srv/out/m.glb', 'C:\\out\\m.glb', '../m.glb', 'a/../m.glb', 'm.png', 'm', '', 7, null, ['m.glb']])(
    'makes nothing of a result that is %j',
    (path) => {
      const onUnhandled = () => expect.unreachable('a result says nothing to a person')
      expect(collectOutputs({ 3: { result: [path, null, null] } }, { onUnhandled })).toEqual([])
    },
  )

  test('gives previews beside what was saved when they are asked for, behind it and marked', () => {
    const outputs = {
      3: { images: [file('p1.png', 'temp')] },
      6: { a_images: [file('l.png', 'temp')], b_images: [file('r.png', 'temp')] },
      8: { images: [file('echo.png', 'input')] },
      9: { images: [file('a.png')], text: ['seen'] },
    }
    const shown = (options: { withIntermediate: boolean }) =>
      collectOutputs(outputs, options).map(({ filename, isIntermediate }) => [filename, isIntermediate ?? false])
    expect(shown({ withIntermediate: true })).toEqual([
      ['a.png', false],
      ['text_1.txt', false],
      ['p1.png', true],
      ['l.png', true],
      ['r.png', true],
    ])
    expect(shown({ withIntermediate: false }).map(([name]) => name)).toEqual(['a.png', 'text_1.txt'])
  })

  test('what a node shows that the workflow names is an output beside what was saved', () => {
    const outputs = { 9: { images: [file('a.png')] }, 12: { images: [file('mask.png', 'temp')] } }
    const found = collectOutputs(outputs, { namedNodes: new Set(['9', '12']), withIntermediate: true })
    expect(found.map(({ filename, isIntermediate }) => [filename, isIntermediate])).toEqual([
      ['a.png', undefined],
      ['mask.png', undefined],
    ])
  })

  test('previews are the outputs of a prompt that saves nothing, whether they are asked for or not', () => {
    const outputs = { 3: { images: [file('p.png', 'temp')] } }
    expect(collectOutputs(outputs, { withIntermediate: true })).toEqual(collectOutputs(outputs))
  })

  test('never throws, and finds only names without folders, whatever a node shows', () => {
    const name = fc.oneof(fc.string(), fc.constantFrom('../a.png', 'a\\b.png', '/etc/passwd', 'a.png'))
    const item = fc.oneof(
      fc.record({ filename: name, subfolder: fc.string(), type: fc.constantFrom('output', 'temp', 'x') }),
      fc.jsonValue(),
    )
    const outputs = fc.dictionary(
      fc.string(),
      fc.oneof(fc.dictionary(fc.string(), fc.oneof(fc.array(item), item)), fc.jsonValue()),
    )
    fc.assert(
      fc.property(outputs, (value) => {
        for (const { filename } of collectOutputs(value)) expect(filename).toMatch(/^(?!\.{1,2}$)[^/\\]+$/)
      }),
      { numRuns: 500 },
    )
  })
})

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

  test('reports what is neither file nor text', () => {
    const items = [
      { source: 'http', id: 'x', 'content-type': 'image/png', type: 'output' },
      { filename: 7 },
      file(''),
      file('..'),
      file('sub/..'),
      file('a\u0000.png'),
      file('a.png', 'elsewhere'),
      12,
      true,
      null,
      [file('nested.png')],
    ]
    const unhandled: UnhandledItem[] = []
    expect(collectOutputs({ 4: { images: items, dims: 5 } }, (item) => unhandled.push(item))).toEqual([])
    expect(unhandled).toEqual([
      ...items.map((item) => ({ nodeId: '4', key: 'images', item })),
      { nodeId: '4', key: 'dims', item: 5 },
    ])
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

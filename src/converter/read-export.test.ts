import { describe, expect, test } from 'vitest'
import { convertFile, refusalOf } from '../../test/support/convert-file.ts'
import { editorFile } from '../../test/support/editor-file.ts'

const prompt = { 1: { class_type: 'PreviewAny', inputs: { source: 'x' }, _meta: { title: 'Mine' } } }
const workflow = editorFile([{ id: 1, type: 'PreviewAny', title: 'Shown', values: [] }])

describe('exports', () => {
  test.each([
    ['alone', prompt],
    ['as the body of a request', { client_id: 'x', prompt }],
    ['as an entry of the history', { prompt: [3, 'some-id', prompt, {}, ['1']], outputs: {} }],
    ['as an entry of the history under its id', { 'some-id': { prompt: [3, 'some-id', prompt, {}, ['1']] } }],
    ['as a text, as pictures hold it', { prompt: JSON.stringify(prompt) }],
  ])('a prompt is kept as it is, %s', (_name, exported) => {
    expect(convertFile(exported)).toMatchObject({ format: 'api', prompt, warnings: [] })
  })

  test.each([
    ['alone', workflow],
    ['in a wrapper', { workflow }],
    ['as a text', { workflow: JSON.stringify(workflow) }],
  ])('a workflow of the editor is converted, %s', (_name, exported) => {
    expect(convertFile(exported)).toMatchObject({
      format: 'ui',
      prompt: { 1: { class_type: 'PreviewAny', _meta: { title: 'Shown' } } },
    })
  })

  test('a prompt beside a workflow is kept, and named by the workflow', () => {
    const queued = { prompt, extra_data: { extra_pnginfo: { workflow } } }
    for (const exported of [queued, { prompt, workflow }, { prompt: [1, 'id', prompt, queued.extra_data] }]) {
      const { format, hints, prompt: kept } = convertFile(exported)
      expect({ format, kept, title: hints.nodes?.get('1')?.title }).toEqual({
        format: 'api',
        kept: prompt,
        title: 'Shown',
      })
    }
  })

  test('a workflow of another graph beside a prompt names nothing', () => {
    const other = editorFile([{ id: 1, type: 'EmptyImage', values: [1, 1, 1, 0] }])
    const { hints, warnings } = convertFile({ prompt, workflow: other })
    expect(hints).toEqual({})
    expect(warnings).toMatchObject([{ code: 'no_hints' }])
  })

  test('an unknown class of a prompt is told, and the prompt kept', () => {
    const unknown = { 1: { class_type: 'NoSuchNode', inputs: {} } }
    expect(convertFile(unknown)).toMatchObject({
      prompt: unknown,
      warnings: [{ code: 'unknown_class', node: '1', classType: 'NoSuchNode' }],
    })
  })

  test.each([
    ['nothing', {}, 'an empty object'],
    ['a list', [], 'a list'],
    ['settings of another program', { parameters: 'a fox\nSteps: 20, Sampler: Euler' }, 'no graph'],
    ['nodes without a class', { 1: { inputs: {} } }, 'no class_type'],
    ['something else', { foo: 1, bar: 2 }, 'foo, bar'],
  ])('%s is refused, and it is said what it is', (_name, exported, text) => {
    const [reason] = refusalOf(() => convertFile(exported))
    expect(reason?.code).toBe('not_an_export')
    expect(reason?.message).toContain(text)
  })

  const named = (text: string): unknown => JSON.parse(text)
  test.each([
    ['a node', named('{"1":{"class_type":"PreviewAny","inputs":{}},"__proto__":{"class_type":"X","inputs":{}}}')],
    ['an input', named('{"1":{"class_type":"PreviewAny","inputs":{"source":"x","__proto__":"y"}}}')],
    ['a node of the editor', editorFile([{ id: '__proto__', type: 'PreviewAny', values: [] }])],
    ['a node in a text', { prompt: '{"__proto__":{"class_type":"PreviewAny","inputs":{}}}' }],
  ])('%s that is called __proto__ is refused, as it would be lost', (_name, exported) => {
    expect(refusalOf(() => convertFile(exported))).toMatchObject([
      { code: 'damaged_file', message: expect.stringContaining('__proto__') },
    ])
  })

  test.each(['constructor', 'toString', 'hasOwnProperty'])('nodes and inputs may be called %s', (name) => {
    const exported = { [name]: { class_type: 'PreviewAny', inputs: { source: 'x', [name]: 1 } } }
    expect(convertFile(exported).prompt).toEqual(exported)
  })

  test.each([
    ['lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', '{"a":'.repeat(3000) + '1' + '}'.repeat(3000)],
  ])('%s without end are refused', (_name, value) => {
    const exported: unknown = JSON.parse(`{"1":{"class_type":"PreviewAny","inputs":{"source":${value}}}}`)
    expect(refusalOf(() => convertFile(exported))).toMatchObject([{ code: 'damaged_file' }])
  })

  test('a number of more digits than are kept is told', () => {
    const exported: unknown = JSON.parse(
      '{"1":{"class_type":"RandomNoise","inputs":{"noise_seed":18446744073709551615}},"2":{"class_type":"PreviewAny","inputs":{"source":9007199254740991}}}',
    )
    expect(convertFile(exported).warnings).toMatchObject([{ code: 'number_rounded', node: '1', input: 'noise_seed' }])
  })
})

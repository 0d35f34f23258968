import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { promptSchema } from '../../comfyui/wire/prompt.ts'
import { completePrompt } from './complete-prompt.ts'

const node = (inputs: unknown): object => ({ '1': { class_type: 'A', inputs } })

describe('a completed prompt', () => {
  test('has inputs and a title on every node', () => {
    const graph = {
      '1': { class_type: 'A', inputs: {} },
      '2:3': { class_type: 'B', inputs: {}, _meta: { title: 'Mine' } },
    }
    expect(completePrompt(graph, 'p')).toEqual({
      '1': { class_type: 'A', inputs: {}, _meta: { title: 'A' } },
      '2:3': { class_type: 'B', inputs: {}, _meta: { title: 'Mine' } },
    })
  })

  test('drops what is undefined: inputs, nodes and keys', () => {
    const graph = {
      '1': { class_type: 'A', inputs: { a: undefined, b: null, c: { d: undefined, e: 1 } } },
      '2': undefined,
    }
    expect(completePrompt(graph, 'p')).toEqual({
      '1': { class_type: 'A', inputs: { b: null, c: { e: 1 } }, _meta: { title: 'A' } },
    })
  })

  test('keeps links, and wraps lists that are none', () => {
    const { '1': completed } = completePrompt(
      {
        ...node({ link: ['2', 0], names: ['a', 'b'], points: [[0, 1]], empty: [], one: ['a'] }),
        '2': { class_type: 'B', inputs: {} },
      },
      'p',
    )
    expect(completed?.inputs).toEqual({
      link: ['2', 0],
      names: { __value__: ['a', 'b'] },
      points: { __value__: [[0, 1]] },
      empty: { __value__: [] },
      one: { __value__: ['a'] },
    })
  })

  test('has the given prefix wherever a file name prefix stands', () => {
    const graph = {
      ...node({ filename_prefix: '../../x' }),
      '2': { class_type: 'B', inputs: { filename_prefix: ['1', 0], other: 'x' } },
    }
    expect(completePrompt(graph, 'job/7')).toMatchObject({
      '1': { inputs: { filename_prefix: 'job/7' } },
      '2': { inputs: { filename_prefix: 'job/7', other: 'x' } },
    })
  })

  test('shares nothing with what it was made of', () => {
    const inner = { list: [1] }
    const prompt = completePrompt(node({ inner }), 'p')
    inner.list.push(2)
    expect(prompt['1']?.inputs['inner']).toEqual({ list: [1] })
  })

  test('is a prompt by its schema, and the same in JSON, whatever JSON the inputs hold', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (inputs) => {
        const prompt = completePrompt(node(inputs), 'p')
        expect(promptSchema.safeParse(prompt).success).toBe(true)
        expect(JSON.parse(JSON.stringify(prompt))).toEqual(JSON.parse(JSON.stringify(completePrompt(prompt, 'p'))))
      }),
    )
  })
})

const refused: [title: string, graph: unknown, message: string][] = [
  ['no object', [], 'the graph is a list, not an object of nodes'],
  ['nothing', undefined, 'the graph is undefined, not an object of nodes'],
  ['no nodes', {}, 'the graph has no nodes'],
  [
    'the format of the editor',
    { nodes: [], links: [] },
    'the graph is in the format of the editor: export it in API format',
  ],
  ['a node that is none', { '1': 'A' }, 'node 1 is a string, not an object'],
  ['a node without a class', { '1': { inputs: {} } }, 'node 1 has no class_type'],
  ['a node without inputs', { '1': { class_type: 'A' } }, 'node 1 (A) has no inputs: write inputs: {}'],
  ['NaN', node({ a: NaN }), 'node 1 (A), input a is NaN, which JSON cannot say'],
  ['infinity deep inside', node({ a: { b: [Infinity] } }), 'node 1 (A), input a is Infinity, which JSON cannot say'],
  ['a function', node({ a: () => 1 }), 'node 1 (A), input a is a function, which JSON cannot say'],
  ['a big integer', node({ a: 1n }), 'node 1 (A), input a is a bigint, which JSON cannot say'],
  ['a date', node({ a: new Date() }), 'node 1 (A), input a is a Date, which JSON cannot say'],
  ['a promise for a node', { '1': Promise.resolve({}) }, 'node 1 is a Promise, not an object'],
  [
    'a link whose id is a number',
    { ...node({ model: [4, 0] }), '4': { class_type: 'B', inputs: {} } },
    'node 1 (A), input model: a link is ["4", 0], with the id as a text; for a list of numbers write { __value__: [4, 0] }',
  ],
]
test.each(refused)('refuses %s, for the author to read', (_title, graph, message) => {
  expect(() => completePrompt(graph, 'p')).toThrow(expect.objectContaining({ name: 'GraphError', message }))
})

test('refuses a value that holds itself', () => {
  const loop: Record<string, unknown> = {}
  loop['self'] = loop
  expect(() => completePrompt(node({ loop }), 'p')).toThrow(/nested more than 64 levels/)
})

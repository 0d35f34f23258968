import { describe, expect, test } from 'vitest'
import { findPrompt } from './find-prompt.ts'

const graph = { '1': { class_type: 'EmptyImage', inputs: {} }, '2': { class_type: 'SaveImage', inputs: {} } }
const entry = { prompt: [3, 'b0a0', graph, { client_id: 'x' }, ['2']], outputs: {}, status: {} }

describe('a graph is found', () => {
  test.each([
    ['as it is', graph],
    ['as the body of a submission', { prompt: graph, client_id: 'x' }],
    ['as an entry of the history', entry],
    ['under its id in the history', { 'b0a0-1': entry }],
  ])('%s', (_, value) => {
    expect(findPrompt(value)).toEqual({ prompt: graph })
  })

  test.each([
    ['without nodes', {}],
    ['with a node that lacks its class', { '1': { inputs: {} } }],
    ['with a node that lacks its inputs', { '1': { class_type: 'A' } }],
    ['with one thing that is no node', { '1': { class_type: 'A', inputs: {} }, '2': 7 }],
    ['with a node that is called prompt', { prompt: { class_type: 'A', inputs: {} } }],
  ])('also a faulty one %s', (_, value) => {
    expect(findPrompt(value)).toEqual({ prompt: value })
  })

  test('also where it is no object', () => {
    expect(findPrompt({ prompt: 'a fox' })).toEqual({ prompt: 'a fox' })
  })
})

describe('formats of the editor are for a converter', () => {
  const editor = { last_node_id: 2, nodes: [{ id: 1, type: 'EmptyImage' }], links: [] }
  test.each([
    ['as they are', editor, editor],
    ['as a prompt', { prompt: editor }, editor],
    ['as a workflow', { workflow: editor }, { workflow: editor }],
  ])('%s', (_, value, exported) => {
    expect(findPrompt(value)).toEqual({ exported })
  })
})

describe('what is no graph is told:', () => {
  test.each([
    ['definitions', { KSampler: { input: { required: {} }, output: ['LATENT'] } }],
    ['history', { a: entry, b: entry }],
    ['a list', [graph]],
    ['null', null],
    ['a text', 'a fox'],
    ['a number', 7],
    ['no graph', { name: 'package', version: '1' }],
  ])('%s', (text, value) => {
    expect(findPrompt(value)).toEqual({ instead: expect.stringContaining(text), fix: expect.any(String) })
  })
})

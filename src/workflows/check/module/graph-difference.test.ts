import { expect, test } from 'vitest'
import type { Prompt } from '../../../comfyui/wire/prompt.ts'
import { graphDifference, graphForm } from './graph-difference.ts'

const before: Prompt = {
  '1': { class_type: 'Loader', inputs: { name: 'a', size: 1 }, _meta: { title: 'One' } },
  '2': { class_type: 'Save', inputs: { images: ['1', 0], extra: { deep: [1, 2] } } },
}

function changed(id: string, inputs: Prompt[string]['inputs']): Prompt {
  return { ...before, [id]: { class_type: before[id]?.class_type ?? 'New', inputs } }
}

test('the same graph does not differ, whatever its titles and the order of its inputs', () => {
  expect(graphDifference(before, structuredClone(before))).toBeUndefined()
  const other = changed('1', { size: 1, name: 'a' })
  expect(graphDifference(before, other)).toBeUndefined()
  expect(graphForm(other)).toBe(graphForm(before))
})

test('tells which values differ', () => {
  const after = changed('1', { name: 'b', size: 1 })
  expect(graphDifference(before, after)).toEqual({
    inputs: [{ node: '1', input: 'name', before: 'a', after: 'b' }],
    nodes: [],
    isStructural: false,
  })
  expect(graphForm(after)).toBe(graphForm(before))
  expect(graphDifference(before, after, (node, input) => node === '1' && input === 'name')).toBeUndefined()
  expect(graphDifference(before, changed('2', { images: ['1', 0], extra: { deep: [1, 3] } }))?.isStructural).toBe(false)
})

test.each([
  ['another link', changed('2', { images: ['1', 1], extra: { deep: [1, 2] } })],
  ['a value for a link', changed('2', { images: 'x', extra: { deep: [1, 2] } })],
  ['an input less', changed('1', { name: 'a' })],
  ['an input more', changed('1', { name: 'a', size: 1, more: 1 })],
  ['a node more', changed('3', {})],
  ['another class', { ...before, '1': { class_type: 'Other', inputs: { name: 'a', size: 1 } } }],
])('%s is another form', (_what, after) => {
  expect(graphDifference(before, after)?.isStructural).toBe(true)
  expect(graphForm(after)).not.toBe(graphForm(before))
})

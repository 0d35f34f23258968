import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import type { Prompt, PromptInput } from '../comfyui/wire/prompt.ts'
import { checkGraph } from './check-graph.ts'

const check = (prompt: Prompt): void => checkGraph(prompt, coreNode)
const custom = (inputs: Record<string, PromptInput> = {}): Prompt[string] => ({ class_type: 'Custom', inputs })

function chain(length: number): Prompt {
  return Object.fromEntries(
    Array.from({ length }, (_, index) => [`n${index}`, custom(index === 0 ? {} : { a: [`n${index - 1}`, 0] })]),
  )
}

describe('what would end the worker of ComfyUI is refused', () => {
  const deadly: [title: string, inputs: Record<string, PromptInput>, message: string][] = [
    [
      'a link to a node that is not there',
      { a: ['9', 0] },
      'node 1 (Custom), input a links to node "9", which is not in the graph',
    ],
    ['the same inside of __value__', { a: { __value__: ['9', 0] } }, 'links to node "9"'],
    ['the same inside of __value__ twice', { a: { __value__: { __value__: ['9', 0] } } }, 'links to node "9"'],
    ['the same with a float', { a: ['9', 0.5] }, 'links to node "9"'],
    ['a link to a name of Object.prototype', { a: ['constructor', 0] }, 'links to node "constructor"'],
    [
      'a slot that a core node does not have',
      { a: ['2', 3] },
      'input a links to slot 3 of node 2, but CheckpointLoaderSimple has 3 outputs',
    ],
    ['a negative slot', { a: ['2', -1] }, 'links to slot -1'],
    ['a slot that is no whole number', { a: ['2', 0.5] }, 'links to slot 0.5'],
  ]
  test.each(deadly)('%s', (_title, inputs, message) => {
    const prompt = { '1': custom(inputs), '2': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a' } } }
    expect(() => check(prompt)).toThrow(
      expect.objectContaining({ code: 'unsafe_prompt', detail: expect.stringContaining(message) }),
    )
    expect(() => check(prompt)).toThrow(
      expect.objectContaining({
        errors: [expect.objectContaining({ node: { id: '1', classType: 'Custom', input: 'a' } })],
      }),
    )
  })

  test('chains of 900 nodes and more, in whatever order the nodes stand', () => {
    const long = chain(900)
    for (const prompt of [long, Object.fromEntries(Object.entries(long).reverse())]) {
      expect(() => check(prompt)).toThrow(expect.objectContaining({ code: 'unsafe_prompt' }))
    }
    expect(() => check(chain(899))).not.toThrow()
  })

  test('more nodes than anybody means', () => {
    const many = (count: number): Prompt =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`${index}`, custom()]))
    expect(() => check(many(5001))).toThrow(/5001 nodes; at most 5000/)
    expect(() => check(many(5000))).not.toThrow()
  })
})

test('cycles are refused as invalid', () => {
  const loop = { a: custom({ x: ['c', 0] }), b: custom({ x: ['a', 0] }), c: custom({ x: ['b', 0] }) }
  expect(() => check(loop)).toThrow(expect.objectContaining({ code: 'invalid_workflow' }))
  expect(() => check({ a: custom({ x: ['a', 0] }) })).toThrow(/node a is linked to itself/)
})

test('lists that ComfyUI takes for no link are none', () => {
  expect(() =>
    check({ '1': custom({ a: { __value__: [['9', 0]] }, b: { c: ['9', 0] }, d: { __value__: ['9', 'x'] } }) }),
  ).not.toThrow()
})

test('finds the longest chain and every cycle of random graphs', () => {
  const size = 12
  const links = fc.array(fc.tuple(fc.nat(size - 1), fc.nat(size - 1)), { maxLength: 30 })
  fc.assert(
    fc.property(links, (pairs) => {
      const prompt: Prompt = Object.fromEntries(
        Array.from({ length: size }, (_, to) => [
          `${to}`,
          custom(
            Object.fromEntries(
              pairs.filter(([, end]) => end === to).map(([from], index) => [`i${index}`, [`${from}`, 0]]),
            ),
          ),
        ]),
      )
      const isCyclic = hasCycle(size, pairs)
      if (isCyclic) expect(() => check(prompt)).toThrow(expect.objectContaining({ code: 'invalid_workflow' }))
      else expect(() => check(prompt)).not.toThrow()
    }),
  )
})

/** By taking away, again and again, every node that nothing feeds. */
function hasCycle(size: number, pairs: readonly (readonly [number, number])[]): boolean {
  const left = new Set(Array.from({ length: size }, (_, index) => index))
  for (let before = -1; before !== left.size;) {
    before = left.size
    for (const node of left) if (!pairs.some(([from, to]) => to === node && left.has(from))) left.delete(node)
  }
  return left.size > 0
}

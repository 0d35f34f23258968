import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coreNode } from '../../comfyui/wire/core-nodes.ts'
import type { Prompt, PromptInput } from '../../comfyui/wire/prompt.ts'
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
    ['a slot far beyond what a node can have', { a: ['1', 1e9] }, 'links to slot 1000000000'],
    ['true as a slot, which is a number in Python', { a: { __value__: ['2', true] } }, 'links to slot true'],
    ['the same to a node that is not there', { a: { __value__: ['9', false] } }, 'links to node "9"'],
    ['what looks like a link to nowhere deep inside', { a: { b: [['9', 0]] } }, 'looks like a link to node "9"'],
    ['the same in a list that is a value', { a: { __value__: [{ b: ['9', 1] }] } }, 'looks like a link to node "9"'],
  ]
  test.each(deadly)('%s', (_title, inputs, message) => {
    const prompt = { '1': custom(inputs), '2': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'a' } } }
    expect(() => check(prompt)).toThrow(
      expect.objectContaining({ code: 'invalid_workflow', detail: expect.stringContaining(message) }),
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
      expect(() => check(prompt)).toThrow(expect.objectContaining({ errors: [matching('chain_too_long')] }))
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

function matching(code: string, node?: object): unknown {
  return expect.objectContaining({ code, ...(node !== undefined && { node }) })
}

test('cycles are refused, naming a link that closes one', () => {
  const loop = { a: custom({ x: ['c', 0] }), b: custom({ x: ['a', 0] }), c: custom({ x: ['b', 0] }) }
  const atB = { id: 'b', classType: 'Custom', input: 'x' }
  expect(() => check(loop)).toThrow(
    expect.objectContaining({ code: 'invalid_workflow', errors: [matching('dependency_cycle', atB)] }),
  )
  expect(() => check({ a: custom({ x: ['a', 0] }) })).toThrow(/node a \(Custom\), input x links to the node itself/)
})

test('ids that nobody means are refused, others are not', () => {
  for (const id of ['', 'x'.repeat(201), 'a\nb', '\0', '\u0085']) {
    expect(() => check({ [id]: custom() }), id).toThrow(
      expect.objectContaining({ errors: [matching('invalid_node_id')] }),
    )
  }
  for (const id of ['0', '-1', '12:3:4', 'constructor', 'a b', 'é', 'x'.repeat(200)]) {
    expect(() => check({ [id]: custom({ self: 'x' }), last: custom({ a: [id, 0] }) }), id).not.toThrow()
  }
})

test('lists that ComfyUI takes for no link are none', () => {
  const inner = {
    a: { __value__: [['1', 0]] },
    b: { c: ['1', 7] },
    d: { __value__: ['9', 'x'] },
    e: { f: ['9', null] },
  }
  expect(() => check({ '1': custom(inner), '2': custom({ a: ['1', 0] }) })).not.toThrow()
})

test('a node with more links than a call takes arguments is none too many', () => {
  const inputs = Object.fromEntries(Array.from({ length: 200_000 }, (_, index) => [`i${index}`, ['a', 0]]))
  expect(() => check({ a: custom(), b: custom(inputs) })).not.toThrow()
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

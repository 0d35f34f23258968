import { expect, test } from 'vitest'
import { coreNode } from '../comfyui/wire/core-nodes.ts'
import { createNodeCache, WorkerDeath, type NodeCache } from './node-cache.ts'
import type { SubmittedPrompt } from '../comfyui/wire/submitted-prompt.ts'

const makeCache = (contentOf: () => string = () => ''): NodeCache =>
  createNodeCache({ catalogue: { definition: (classType) => coreNode(classType) }, contentOf })

const emptyImage = (color: number) => ({ class_type: 'EmptyImage', inputs: { width: 8, height: 8, color } })

function run(cache: NodeCache, prompt: SubmittedPrompt): string[] {
  cache.begin(prompt)
  const cached = cache.nodeIds()
  for (const nodeId of Object.keys(prompt)) cache.set(nodeId, { outputs: [] })
  return cached
}

test('reuses a node of the prompt before whatever its id, and only then', () => {
  const cache = makeCache()
  expect(run(cache, { 1: emptyImage(1) })).toEqual([])
  expect(run(cache, { 5: emptyImage(1) })).toEqual(['5'])
  expect(run(cache, { 5: emptyImage(2) })).toEqual([])
  expect(run(cache, { 5: emptyImage(1) })).toEqual([])
})

test('a node changes with its ancestors and with the slot that it takes', () => {
  const cache = makeCache()
  const chain = (color: number, slot: number): SubmittedPrompt => ({
    1: emptyImage(color),
    2: { class_type: 'ImageInvert', inputs: { image: ['1', slot] } },
  })
  run(cache, chain(1, 0))
  expect(run(cache, chain(1, 0))).toEqual(['1', '2'])
  expect(run(cache, chain(1, 1))).toEqual(['1'])
  expect(run(cache, chain(2, 1))).toEqual([])
})

test('a loader changes with the file that it loads', () => {
  let content = 'a'
  const cache = makeCache(() => content)
  run(cache, { 1: { class_type: 'LoadImage', inputs: { image: 'x.png' } } })
  content = 'b'
  expect(run(cache, { 1: { class_type: 'LoadImage', inputs: { image: 'x.png' } } })).toEqual([])
})

test('forgets everything when it is cleared', () => {
  const cache = makeCache()
  run(cache, { 1: emptyImage(1) })
  cache.clear()
  expect(run(cache, { 1: emptyImage(1) })).toEqual([])
})

test('a link to no node ends the worker', () => {
  expect(() => makeCache().begin({ 1: { class_type: 'ImageInvert', inputs: { zzz: ['7', 0] } } })).toThrow(WorkerDeath)
})

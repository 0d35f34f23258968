import { expect, test } from 'vitest'
import { readNodeCatalogue } from '../comfyui/wire/node-catalogue.ts'
import type { SharedCatalogue } from '../instances/instance-pool.ts'
import type { ListField } from '../workflows/served-workflow.ts'
import { createLiveLists } from './live-lists.ts'

const node = (choices: unknown) => ({ input: { required: { name: choices } }, output: ['MODEL'], output_node: false })

function shared(id: string, classes: Record<string, unknown>): SharedCatalogue {
  return { catalogue: readNodeCatalogue(classes, { source: id }), instances: [id] }
}

const field = (...classTypes: string[]): ListField => ({
  path: ['x'],
  places: classTypes.map((classType) => ({ classType, input: 'name' })),
})

test('the names are those of all instances, each of them taken at every place', () => {
  const lists = createLiveLists({
    catalogues: () => [
      shared('a', { One: node([['x', 'y', 'z']]), Two: node([['y', 'z']]) }),
      shared('b', { One: node([['v', 'y']]), Two: node(['COMBO', { options: ['v'] }]) }),
      shared('c', { Other: node(['INT', {}]) }),
    ],
  })
  expect(lists.names(field('One'))).toEqual(['x', 'y', 'z', 'v'])
  expect(lists.names(field('One', 'Two'))).toEqual(['y', 'z', 'v'])
  expect(lists.names(field('Other'))).toBeUndefined()
  expect(lists.names(field('Nobody'))).toBeUndefined()
})

test('they are another revision when an instance has other names, or another one comes', () => {
  let known = [shared('a', { One: node([['x']]) })]
  const lists = createLiveLists({ catalogues: () => known })
  const first = lists.revision
  known = [shared('other', { One: node([['x']]) })]
  expect(lists.revision).toBe(first)
  known = [shared('a', { One: node([['x', 'y']]) })]
  const second = lists.revision
  expect(second).not.toBe(first)
  known = [...known, shared('b', { One: node([['z']]) })]
  expect([first, second]).not.toContain(lists.revision)
})

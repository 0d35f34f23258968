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

test('what a module says that a parameter is counts where its places list nothing', () => {
  const lora = (names: readonly string[]) => ({ input: { required: { lora_name: [names] } }, output: ['MODEL'] })
  const lists = createLiveLists({
    catalogues: () => [
      shared('a', { LoraLoader: lora(['x', 'y']), One: node([['z']]) }),
      shared('b', { LoraLoader: lora(['y', 'v']), Other: node(['STRING', {}]) }),
    ],
  })
  const list = { folder: 'loras' }
  expect(lists.names({ path: ['x'], places: [], list })).toEqual(['x', 'y', 'v'])
  expect(lists.names({ ...field('Nobody', 'Other'), list })).toEqual(['x', 'y', 'v'])
  expect(lists.names({ ...field('One'), list })).toEqual(['z'])
  expect(lists.names({ path: ['x'], places: [], list: { folder: 'ultralytics' } })).toBeUndefined()
})

test('samplers and schedulers are those of ComfyUI itself as long as nobody has told others', () => {
  const sampler = { path: ['x'], places: [], list: { of: 'samplers' } } as const
  expect(createLiveLists({ catalogues: () => [] }).names(sampler)).toContain('dpmpp_2m')
  const scheduler = { path: ['x'], places: [], list: { of: 'schedulers' } } as const
  const KSampler = { input: { required: { sampler_name: [['odd']], scheduler: [['beta57']] } }, output: ['LATENT'] }
  const told = createLiveLists({ catalogues: () => [shared('a', { KSampler })] })
  expect([told.names(sampler), told.names(scheduler)]).toEqual([['odd'], ['beta57']])
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

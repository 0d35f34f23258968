import { expect, test } from 'vitest'
import { readNodePacks } from './node-packs.ts'

const packOf = readNodePacks({
  'comfyui-impact-pack': [['FaceDetailer', 'SAMLoader'], { title_aux: 'Impact Pack' }],
  'https://github.com/somebody/ComfyUI-Grain': [['Film Grain'], { title_aux: 'Grain' }],
  'https://github.com/somebody/untitled.git': [['Plain'], {}],
  'https://github.com/comfyanonymous/ComfyUI': [['KSampler', 'Shared'], { title_aux: 'ComfyUI' }],
  'https://github.com/copies/one': [['Shared', 'Twice', 'Owned'], { title_aux: 'one' }],
  'https://github.com/copies/two': [['Twice', 'Owned', 'Twice'], { title_aux: 'two', preemptions: ['Owned'] }],
  'rgthree-comfy': [[], { nodename_pattern: ' \\(rgthree\\)$' }],
  'cc-nodes': [[], { nodename_pattern: '^CC[A-Z]' }],
  'some-video': [[], { nodename_pattern: 'Hunyuan' }],
  broken: 'no list',
  'broken-pattern': [['Kept'], { nodename_pattern: '^(' }],
  'odd-members': [[1, null, 'Odd'], { preemptions: 'x' }],
})

test('tells the pack of a class by its id in the registry, or by its address', () => {
  expect(packOf('FaceDetailer')).toEqual({ pack: 'comfyui-impact-pack' })
  expect(packOf('Film Grain')).toEqual({ pack: 'Grain', url: 'https://github.com/somebody/ComfyUI-Grain' })
  expect(packOf('Plain')).toEqual({ pack: 'untitled', url: 'https://github.com/somebody/untitled.git' })
})

test('of several packs with the class it names one, and the others', () => {
  expect(packOf('Twice')).toMatchObject({ pack: 'one', others: ['two'] })
  expect(packOf('Owned')).toEqual({ pack: 'two', url: 'https://github.com/copies/two' })
})

test('ComfyUI itself is no pack', () => {
  expect(packOf('KSampler')).toBeUndefined()
  expect(packOf('Shared')).toMatchObject({ pack: 'one' })
})

test('names may be told by a pattern that says how they begin or end', () => {
  expect(packOf('CCThing')).toEqual({ pack: 'cc-nodes' })
  expect(packOf('MyCCThing')).toBeUndefined()
  expect(packOf('Seed (rgthree)')).toEqual({ pack: 'rgthree-comfy' })
  expect(packOf('HunyuanVideo')).toBeUndefined()
})

test('what cannot be understood is left out', () => {
  expect(packOf('Kept')).toEqual({ pack: 'broken-pattern' })
  expect(packOf('Odd')).toEqual({ pack: 'odd-members' })
  expect(packOf('toString')).toBeUndefined()
  for (const answer of [undefined, [], 'no', { x: [] }]) expect(readNodePacks(answer)('KSampler')).toBeUndefined()
})

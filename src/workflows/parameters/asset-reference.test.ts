import { expect, test } from 'vitest'
import { assetIdIn, orAsset } from './asset-reference.ts'

test('an object with nothing but an id is a reference, whatever the id', () => {
  expect(assetIdIn({ asset: 'a' })).toBe('a')
  expect(assetIdIn({ asset: '../x' })).toBe('../x')
})

test.each([
  ['a text', 'asset'],
  ['null', null],
  ['a list', ['asset', 'a']],
  ['an object without anything', {}],
  ['another key', { assets: 'a' }],
  ['more than an id', { asset: 'a', name: 'b' }],
  ['an id that is no text', { asset: 5 }],
  ['an inherited id', Object.create({ asset: 'a' })],
])('%s is no reference', (_title, value: unknown) => {
  expect(assetIdIn(value)).toBeUndefined()
})

test('what is said of the file stays outside, what is said of the text goes inside', () => {
  const text = { type: 'string', minLength: 1, description: 'Any', default: 'x', 'x-comfyui-media': 'image' }
  expect(orAsset(text)).toEqual({
    description: 'Any',
    default: 'x',
    'x-comfyui-media': 'image',
    anyOf: [
      { type: 'string', minLength: 1 },
      expect.objectContaining({ type: 'object', required: ['asset'], additionalProperties: false }),
    ],
  })
})

import { expect, test } from 'vitest'
import { assetReferenceSchema } from '../../workflows/parameters/asset-reference.ts'
import { embedSchema, withAssets } from './embed-schema.ts'

test('references into itself point to the new place, data stay as they are', () => {
  const schema = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'x',
    type: 'object',
    properties: {
      default: { $ref: '#/$defs/node' },
      $ref: { type: 'string', default: { $ref: '#/$defs/node' } },
      other: { anyOf: [{ $ref: '#' }, { $ref: 'https://example.com/a' }] },
      list: { type: 'array', items: { $ref: '#/$defs/node' }, examples: [{ $ref: '#/x' }] },
    },
    $defs: { node: { properties: { next: { $ref: '#/$defs/node' } } } },
    enum: [{ $ref: '#' }],
  }
  expect(embedSchema(schema, '#/components/schemas/A')).toEqual({
    type: 'object',
    properties: {
      default: { $ref: '#/components/schemas/A/$defs/node' },
      $ref: { type: 'string', default: { $ref: '#/$defs/node' } },
      other: { anyOf: [{ $ref: '#/components/schemas/A' }, { $ref: 'https://example.com/a' }] },
      list: { type: 'array', items: { $ref: '#/components/schemas/A/$defs/node' }, examples: [{ $ref: '#/x' }] },
    },
    $defs: { node: { properties: { next: { $ref: '#/components/schemas/A/$defs/node' } } } },
    enum: [{ $ref: '#' }],
  })
})

test('a medium is text to client generators, and says in which forms', () => {
  const image = { type: 'string', 'x-comfyui-media': 'image', format: 'byte', contentMediaType: 'image/*' }
  const mask = { ...image, description: 'What to keep' }
  const forms = 'An https URL, a data URI or base64; or `{"asset": id}`, see `POST /assets`.'
  const anyOf = [{ type: 'string' }, assetReferenceSchema]
  expect(embedSchema({ properties: { image, mask, day: { format: 'date' } } }, '#')).toEqual({
    properties: {
      image: { 'x-comfyui-media': 'image', description: forms, anyOf },
      mask: { 'x-comfyui-media': 'image', description: `What to keep\n\n${forms}`, anyOf },
      day: { format: 'date' },
    },
  })
})

test('a medium on its own may be an asset, and is left as it is else', () => {
  const image = { type: 'string', 'x-comfyui-media': 'image', format: 'byte', contentMediaType: 'image/*' }
  const list = { type: 'array', items: image }
  const asset = {
    'x-comfyui-media': 'image',
    anyOf: [{ type: 'string', format: 'byte', contentMediaType: 'image/*' }, assetReferenceSchema],
  }
  const schema = {
    $schema: 'x',
    properties: { list, none: { $ref: '#/$defs/none' } },
    $defs: { none: { type: 'null' } },
  }
  expect(withAssets(schema)).toEqual({
    ...schema,
    properties: { ...schema.properties, list: { ...list, items: asset } },
  })
})

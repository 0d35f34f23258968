import { expect, test } from 'vitest'
import { bodyByType, withBodiesByType } from './bodies-by-type.ts'

test('each content type of a marked body gets its own schema, and other bodies stay', () => {
  const schema = bodyByType({ 'a/a': { type: 'object' }, 'b/b': { type: 'string' } })
  const content = { 'a/a': { schema }, 'b/b': { schema }, 'c/c': { schema: { type: 'null' } } }
  const get = { operationId: 'get' }
  const other = { requestBody: { content: { 'a/a': { schema: { type: 'number' } } } } }
  expect(
    withBodiesByType({ '/a': { get, post: { requestBody: { required: true, content } } }, '/b': { put: other } }),
  ).toEqual({
    '/a': {
      get,
      post: {
        requestBody: {
          required: true,
          content: {
            'a/a': { schema: { type: 'object' } },
            'b/b': { schema: { type: 'string' } },
            'c/c': { schema: { type: 'null' } },
          },
        },
      },
    },
    '/b': { put: other },
  })
})

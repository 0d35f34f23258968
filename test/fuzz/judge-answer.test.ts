import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { arbitraryOfSchema } from './arbitrary-of-schema.ts'
import { type Answer, createJudge } from './judge-answer.ts'
import { readOpenApiDocument } from './openapi-document.ts'

const document = readOpenApiDocument({
  openapi: '3.1.0',
  paths: {
    '/things/{id}': {
      post: {
        operationId: 'makeThing',
        requestBody: {
          content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } },
        },
        responses: {
          '200': {
            headers: { 'Retry-After': { schema: { type: 'integer' } } },
            content: {
              'application/json': { schema: { $ref: '#/components/schemas/Thing' } },
              'image/*': { schema: { type: 'string' } },
            },
          },
          '204': {},
        },
      },
    },
  },
  components: {
    schemas: {
      Thing: {
        type: 'object',
        properties: { size: { type: 'integer' } },
        required: ['size'],
        additionalProperties: false,
      },
      Problem: { type: 'object', properties: { code: { enum: ['not_found'] } }, required: ['code'] },
    },
  },
})
const [operation] = document.operations
const { judge, allows } = createJudge(document)

function answer(changes: Partial<Answer> & { json?: unknown }): Answer {
  const { json, headers, ...others } = changes
  return {
    status: 200,
    isCut: false,
    bytes: json === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(json)),
    ...others,
    headers: { 'x-request-id': '1', 'content-type': 'application/json', ...headers },
  }
}

describe('an answer', () => {
  test.for<[string, Answer]>([
    ['as documented', answer({ json: { size: 1 } })],
    ['of another documented type', answer({ headers: { 'content-type': 'image/png' } })],
    ['without a body', answer({ status: 204 })],
  ])('%s passes', ([, good]) => {
    expect(judge(operation, 'POST', good)).toEqual([])
  })

  test.for<[string, Answer, RegExp]>([
    ['a status that is not documented', answer({ status: 201, json: { size: 1 } }), /status 201/],
    ['a type that is not documented', answer({ headers: { 'content-type': 'text/html' } }), /content type text\/html/],
    ['a wrong property', answer({ json: { size: 'x' } }), /"\/size" must be integer/],
    ['an unknown property', answer({ json: { size: 1, name: 'x' } }), /additional properties/],
    ['broken JSON', answer({ bytes: Buffer.from('{') }), /no JSON/],
    ['a wrong header', answer({ json: { size: 1 }, headers: { 'retry-after': 'soon' } }), /Retry-After/],
    ['no request id', answer({ json: { size: 1 }, headers: { 'x-request-id': undefined } }), /x-request-id/],
    ['a body where none may be', answer({ status: 204, json: 1 }), /where none may be/],
  ])('%s is found', ([, bad, fault]) => {
    expect(judge(operation, 'POST', bad).join()).toMatch(fault)
  })

  test('an error must be a problem, also where nothing is documented', () => {
    const headers = { 'content-type': 'application/problem+json' }
    expect(judge(undefined, 'GET', answer({ status: 404, headers, json: { code: 'not_found' } }))).toEqual([])
    expect(judge(undefined, 'GET', answer({ status: 404, headers, json: { code: 'lost' } }))).toHaveLength(1)
    expect(judge(undefined, 'GET', answer({ status: 404, json: { code: 'not_found' } }))).toHaveLength(1)
  })
})

test('a body is held against the schema of its operation', () => {
  if (operation === undefined) throw new Error('the document has no operation')
  expect(allows(operation, { size: 1 })).toBe(true)
  expect(allows(operation, { size: 1.5 })).toBe(false)
})

test.for<object>([
  { type: 'string', minLength: 2, maxLength: 5 },
  { type: 'string', pattern: '^[a-z]{2,4}$' },
  { type: 'integer', minimum: -3, maximum: 12 },
  { type: 'number', minimum: 64, maximum: 2048, multipleOf: 64 },
  { type: ['string', 'null'] },
  { enum: ['a', 2, null] },
  { const: { a: 1 } },
  { type: 'array', items: { type: 'boolean' }, minItems: 1, maxItems: 3 },
  { $ref: '#/components/schemas/Thing' },
  { anyOf: [{ type: 'boolean' }, { $ref: '#/components/schemas/Thing' }] },
  {
    type: 'object',
    properties: { a: { type: 'string' }, b: { type: 'integer' } },
    required: ['a'],
    additionalProperties: { type: 'number' },
  },
])('values made for %j are allowed by it', (schema) => {
  const { schemas } = document
  const ajv = new Ajv2020({ strict: false })
  ajv.addSchema({ $id: 'root', components: { schemas }, $defs: { tried: schema } })
  const validate = ajv.compile({ $ref: 'root#/$defs/tried' })
  const allowedBy = { ...schema }
  fc.assert(
    fc.property(arbitraryOfSchema(allowedBy, schemas), (value) => validate(value)),
    { numRuns: 200 },
  )
})

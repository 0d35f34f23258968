import { describe, expect, test } from 'vitest'
import { z } from 'zod/v3'
import { GatewayError } from '../../../errors/gateway-error.ts'
import { readZod3Schema } from './read-zod3-schema.ts'
import type { Zod3Schema } from './zod3-schema.ts'

function errorsOf(schema: Zod3Schema, raw: unknown): unknown {
  try {
    readZod3Schema(schema).parse(raw)
  } catch (error) {
    if (error instanceof GatewayError) return error.errors
    throw error
  }
  throw new Error('nothing was refused')
}

interface Tree {
  name: string
  children: Tree[]
}
const tree: z.ZodType<Tree, z.ZodTypeDef, unknown> = z.lazy(() =>
  z.object({ name: z.string(), children: z.array(tree).default([]) }),
)

describe('unknown keys', () => {
  const cases: readonly (readonly [string, Zod3Schema, unknown, string])[] = [
    ['of the object itself', z.object({ width: z.number() }), { width: 1, hight: 2 }, '/hight'],
    ['of a strict object, once', z.object({ width: z.number() }).strict(), { width: 1, wdth: 2 }, '/wdth'],
    [
      'below optional, nullable and default',
      z.object({ a: z.object({ b: z.object({ c: z.string() }).nullable().default(null) }).optional() }),
      { a: { b: { c: '', d: 1 } } },
      '/a/b/d',
    ],
    [
      'below a refinement, a brand and readonly',
      z.object({
        a: z
          .object({ c: z.string() })
          .refine(() => true)
          .brand('x')
          .readonly(),
      }),
      { a: { c: '', d: 1 } },
      '/a/d',
    ],
    [
      'in lists and records',
      z.object({ a: z.record(z.array(z.object({ c: z.string() }))) }),
      { a: { k: [{ c: '' }, { c: '', d: 1 }] } },
      '/a/k/1/d',
    ],
    [
      'in tuples with a rest',
      z.object({ a: z.tuple([z.string()]).rest(z.object({ c: z.string() })) }),
      { a: ['', { c: '', d: 1 }] },
      '/a/1/d',
    ],
    [
      'of a schema that holds itself',
      z.object({ root: tree }),
      { root: { name: 'a', children: [{ name: 'b', chidren: [] }] } },
      '/root/children/0/chidren',
    ],
    [
      'beside those of a catch-all',
      z.object({ a: z.object({ c: z.string() }).catchall(z.object({ e: z.string() })) }),
      { a: { c: '', any: { e: '', f: '' } } },
      '/a/any/f',
    ],
  ]
  test.each(cases)('%s', (_title, schema, raw, pointer) => {
    expect(errorsOf(schema, raw)).toMatchObject([{ pointer, code: 'unknown_parameter' }])
  })

  test('are kept where the author keeps them', () => {
    const schema = z.object({ a: z.object({ c: z.string() }).passthrough() })
    expect(readZod3Schema(schema).parse({ a: { c: '', d: 1 } })).toEqual({ a: { c: '', d: 1 } })
  })
})

describe('what Zod 3 finds is told in the words of Zod 4', () => {
  const Color = { Red: 'red', Blue: 'blue' } as const
  const cases: readonly (readonly [Zod3Schema, unknown, string, string])[] = [
    [z.number().int(), 1.5, 'invalid_type', 'must be a whole number; got 1.5'],
    [z.number(), undefined, 'missing_parameter', 'is required'],
    [z.number().positive(), 0, 'too_small', 'must be more than 0; got 0'],
    [z.number().max(8), 9, 'too_big', 'must be at most 8; got 9'],
    [z.number().multipleOf(8), 9, 'not_multiple_of', 'must be a multiple of 8; got 9'],
    [z.string().max(2), 'abc', 'too_big', 'must have at most 2 characters; got 3'],
    [z.array(z.string()).min(1), [], 'too_small', 'must have at least 1 element; got 0'],
    [z.string().email(), 'x', 'invalid_format', 'must be a valid email; got "x"'],
    [z.string().startsWith('#'), 'x', 'invalid_format', 'must be a valid text that begins with "#"; got "x"'],
    [z.string().regex(/^#/), 'x', 'invalid_format', 'must be a valid text for this parameter; got "x"'],
    [z.string().regex(/^#/, 'is no colour'), 'x', 'invalid_format', 'is no colour'],
    [z.nativeEnum(Color), 'rd', 'invalid_value', 'must be one of "red", "blue"; got "rd"; did you mean "red"?'],
    [z.nativeEnum(Color), 1, 'invalid_value', 'must be one of "red", "blue"; got 1'],
    [z.literal('on'), 'off', 'invalid_value', 'must be "on"; got "off"'],
    [z.union([z.string(), z.number()]), true, 'invalid_value', 'matches none of the allowed forms; got true'],
    [z.string().refine(() => false), 'x', 'refused_value', 'is not allowed; got "x"'],
    [
      z.string().refine(
        () => false,
        (value) => ({ message: `no ${value}` }),
      ),
      'x',
      'refused_value',
      'no x',
    ],
    [z.number().finite(), Infinity, 'refused_value', 'is not allowed; got Infinity'],
  ]
  test.each(cases)('%#: %j → %s', (field, value, code, message) => {
    const schema = z.object({ field })
    expect(errorsOf(schema, { field: value })).toEqual([{ pointer: '/field', code, message }])
  })
})

test('values are what Zod 3 makes of them', () => {
  const schema = z.object({
    steps: z.preprocess((value) => (typeof value === 'string' ? Number(value) : value), z.number()),
    words: z.string().transform((text) => text.split(' ')),
    length: z
      .string()
      .transform((text) => text.length)
      .default('abc'),
    seed: z.number().catch(7),
    both: z.object({ a: z.string() }).and(z.object({ b: z.string().default('b') })),
  })
  expect(readZod3Schema(schema).parse({ steps: '4', words: 'a b', seed: 'x', both: { a: 'a' } })).toEqual({
    steps: 4,
    words: ['a', 'b'],
    length: 3,
    seed: 7,
    both: { a: 'a', b: 'b' },
  })
})

test('a check that is asynchronous is a mistake of the module', () => {
  const schema = z.object({ a: z.string().refine(async () => true) })
  expect(() => readZod3Schema(schema).parse({ a: '' })).toThrow(/[Aa]sync/)
})

describe('the documentation', () => {
  test('is JSON Schema 2020-12', () => {
    const schema = z.object({
      size: z.tuple([z.number(), z.number()]).rest(z.string()),
      seed: z.number().default(() => Math.random()),
      none: z
        .string()
        .optional()
        .default(undefined as unknown as string),
      choice: z.union([z.object({ a: z.string() }), z.object({ b: z.string() }).strict()]).nullable(),
      loose: z.object({}).passthrough(),
    })
    const { described, inspected } = readZod3Schema(schema)
    expect(described).toEqual({
      warnings: [],
      schema: {
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        type: 'object',
        properties: {
          size: {
            type: 'array',
            minItems: 2,
            prefixItems: [{ type: 'number' }, { type: 'number' }],
            items: { type: 'string' },
          },
          seed: { type: 'number' },
          none: { type: 'string' },
          choice: {
            anyOf: [
              {
                anyOf: [
                  { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] },
                  {
                    type: 'object',
                    properties: { b: { type: 'string' } },
                    required: ['b'],
                    additionalProperties: false,
                  },
                ],
              },
              { type: 'null' },
            ],
          },
          loose: { type: 'object', properties: {}, additionalProperties: true },
        },
        required: ['size', 'choice', 'loose'],
        additionalProperties: false,
      },
    })
    expect(inspected.warnings).toEqual([expect.stringContaining('choice is a union')])
  })

  test('of a map says what it is for, and no more', () => {
    const weights = z.preprocess(
      (value) => new Map(Object.entries(z.object({}).parse(value))),
      z.map(z.string(), z.any()),
    )
    const { described } = readZod3Schema(z.object({ weights: weights.describe('Of each style') }))
    expect(described.warnings).toEqual([])
    expect(described.schema['properties']).toEqual({ weights: { description: 'Of each style' } })
  })

  test('of a schema that holds itself ends', () => {
    const { described } = readZod3Schema(z.object({ root: tree }))
    expect(described.schema['properties']).toMatchObject({
      root: { properties: { children: { type: 'array', items: {} } } },
    })
  })
})

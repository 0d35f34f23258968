import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { image, mask } from '../../index.ts'
import type { FieldError } from '../../errors/gateway-error.ts'
import { inspectSchema } from './inspect-schema.ts'

function unknownKeys(schema: z.ZodType, value: unknown): readonly string[] {
  const errors: FieldError[] = []
  inspectSchema(schema).checkKeys?.(value, '', (error) => errors.push(error))
  return errors.map(({ pointer }) => pointer ?? '')
}

const point = z.object({ x: z.number(), y: z.number().optional() })

describe('unknown keys', () => {
  const wrapped: [name: string, schema: z.ZodType, value: unknown, pointer: string][] = [
    ['optional', z.object({ p: point.optional() }), { p: { z: 1 } }, '/p/z'],
    ['nullable', z.object({ p: point.nullable() }), { p: { z: 1 } }, '/p/z'],
    ['default', z.object({ p: point.default({ x: 1 }) }), { p: { z: 1 } }, '/p/z'],
    ['prefault', z.object({ p: point.prefault({ x: 1 }) }), { p: { z: 1 } }, '/p/z'],
    ['catch', z.object({ p: point.catch({ x: 1 }) }), { p: { z: 1 } }, '/p/z'],
    ['readonly', z.object({ p: point.readonly() }), { p: { z: 1 } }, '/p/z'],
    ['array', z.object({ p: z.array(point) }), { p: [{ x: 1 }, { z: 1 }] }, '/p/1/z'],
    ['record', z.object({ p: z.record(z.string(), point) }), { p: { 'a/b': { z: 1 } } }, '/p/a~1b/z'],
    ['tuple', z.object({ p: z.tuple([z.string(), point]) }), { p: ['', { z: 1 }] }, '/p/1/z'],
    ['rest of a tuple', z.object({ p: z.tuple([z.string()], point) }), { p: ['', { x: 1 }, { z: 1 }] }, '/p/2/z'],
    ['lazy', z.object({ p: z.lazy(() => point) }), { p: { z: 1 } }, '/p/z'],
    [
      'described and wrapped twice',
      z.object({ p: point.optional().describe('P').nullable() }),
      { p: { z: 1 } },
      '/p/z',
    ],
    ['strict', z.strictObject({ p: point }), { p: { z: 1 } }, '/p/z'],
    ['loose around plain', z.looseObject({ p: point }), { q: 1, p: { z: 1 } }, '/p/z'],
    ['catch-all of objects', z.object({ p: z.string() }).catchall(point), { q: { z: 1 } }, '/q/z'],
  ]
  test.each(wrapped)('are found in a plain object inside of %s', (_name, schema, value, pointer) => {
    expect(unknownKeys(schema, value)).toEqual([pointer])
  })

  test('are found in schemas that hold themselves', () => {
    const tree = z.object({
      name: z.string(),
      get children() {
        return z.array(tree).optional()
      },
    })
    expect(unknownKeys(tree, { name: '', children: [{ name: '', children: [{ nam: '' }] }] })).toEqual([
      '/children/0/children/0/nam',
    ])
  })

  const left: [name: string, schema: z.ZodType, value: unknown][] = [
    ['loose objects', z.looseObject({ a: z.string() }), { b: 1 }],
    ['objects with a catch-all', z.object({ a: z.string() }).catchall(z.number()), { b: 1 }],
    ['records', z.record(z.string(), z.number()), { b: 1 }],
    ['values of another kind', z.object({ a: point }), { a: [{ z: 1 }] }],
    ['unions', z.object({ a: z.union([point, z.string()]) }), { a: { z: 1 } }],
    ['transformations', z.object({ a: point.transform(({ x }) => x) }), { a: { z: 1 } }],
    ['intersections', z.object({ a: point.and(z.object({ w: z.string() })) }), { a: { z: 1 } }],
  ]
  test.each(left)('are left alone in %s', (_name, schema, value) => {
    expect(unknownKeys(schema, value)).toEqual([])
  })

  test('cannot hide behind names of Object.prototype', () => {
    const parsed: unknown = JSON.parse('{ "x": 1, "__proto__": { "y": 1 }, "constructor": 1, "toString": 1 }')
    expect(unknownKeys(point, parsed)).toEqual(['/__proto__', '/constructor', '/toString'])
  })

  test('are exactly those that strict schemas refuse', () => {
    const strict = z.strictObject({ x: z.any(), p: z.strictObject({ x: z.any() }).optional() })
    const plain = z.object({ x: z.any(), p: z.object({ x: z.any() }).optional() })
    const keys = fc.constantFrom('x', 'y', 'p', 'X', '__proto__')
    fc.assert(
      fc.property(fc.dictionary(keys, fc.oneof(fc.integer(), fc.dictionary(keys, fc.integer()))), (value) => {
        const refused = strict.safeParse(value).error?.issues.filter(({ code }) => code === 'unrecognized_keys') ?? []
        const expected = refused.flatMap((issue) =>
          issue.code === 'unrecognized_keys' ? issue.keys.map((key) => `/${[...issue.path, key].join('/')}`) : [],
        )
        expect([...unknownKeys(plain, value)].sort()).toEqual(expected.sort())
      }),
    )
  })

  test('come with the nearest known name, else with all of them', () => {
    const messages: string[] = []
    inspectSchema(z.object({ prompt: z.string(), steps: z.int() })).checkKeys?.(
      { stpes: 1, qqq: 1 },
      '',
      ({ message }) => messages.push(message),
    )
    expect(messages).toEqual([
      'unknown parameter "stpes"; did you mean "steps"?',
      'unknown parameter "qqq"; the parameters are "prompt", "steps"',
    ])
  })
})

describe('what is told at load', () => {
  test('media fields, through wrappers, arrays and unions', () => {
    const { mediaFields } = inspectSchema(
      z.object({
        image: image().describe('An image'),
        holes: z.array(mask().min(1)).optional(),
        style: z.object({ reference: image().optional() }).prefault({}),
        either: z.union([z.null(), image()]),
        prompt: z.string(),
      }),
    )
    expect(mediaFields).toEqual([
      { path: ['image'], kind: 'image' },
      { path: ['holes', '*'], kind: 'mask' },
      { path: ['style', 'reference'], kind: 'image' },
      { path: ['either'], kind: 'image' },
    ])
  })

  test('warnings for what cannot be checked, and none for unions without objects', () => {
    expect(
      inspectSchema(z.object({ a: z.union([point, z.string()]), b: z.object({ c: z.string().or(z.null()) }) }))
        .warnings,
    ).toEqual(['a is a union: unknown keys in it cannot be told from known ones'])
    expect(inspectSchema(point.transform((value) => value)).warnings).toEqual([
      'RequestSchema is a pipe: unknown keys in it cannot be told from known ones',
    ])
    expect(inspectSchema(z.object({ images: z.record(z.string(), image()) })).warnings).toEqual([
      'images is a record with media in it, which are not taken: use an array',
    ])
  })

  test('the names of parameters, of all forms where there are several', () => {
    const a = z.object({ a: z.string() })
    const b = z.object({ b: z.string() })
    expect(inspectSchema(a).parameterNames).toEqual(['a'])
    expect(inspectSchema(z.union([a, b])).parameterNames).toEqual(['a', 'b'])
    expect(inspectSchema(a.and(b)).parameterNames).toEqual(['a', 'b'])
    expect(inspectSchema(z.preprocess((value) => value, a)).parameterNames).toEqual(['a'])
    expect(inspectSchema(a.transform((value) => value)).parameterNames).toEqual(['a'])
  })

  test('whether an object can match', () => {
    for (const schema of [
      point,
      point.optional(),
      z.union([z.string(), point]),
      z.record(z.string(), z.any()),
      z.any(),
    ]) {
      expect(inspectSchema(schema).takesObject).toBe(true)
    }
    for (const schema of [z.string(), z.array(point), z.union([z.string(), z.number()]), z.null()]) {
      expect(inspectSchema(schema).takesObject).toBe(false)
    }
  })
})

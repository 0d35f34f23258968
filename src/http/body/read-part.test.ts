import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readPart } from './read-part.ts'

function read(type: z.ZodType, ...texts: string[]): unknown {
  const inputJsonSchema = z.toJSONSchema(z.object({ value: type }), { io: 'input' })
  const schema: unknown = Reflect.get(inputJsonSchema.properties ?? {}, 'value')
  const parts = texts.map((text) => ({ name: 'value', content: { kind: 'text' as const, text } }))
  return readPart('value', parts, schema, { inputJsonSchema, mediaFields: [] })
}

describe('a text part', () => {
  const seed = z.union([z.int(), z.string().regex(/^\d+$/)])
  const shared = z.int().meta({ id: 'Shared' })

  test.each<[string, z.ZodType, string[], unknown]>([
    ['text stays text', z.string(), ['42'], '42'],
    ['a whole number', z.int(), [' 42 '], 42],
    ['a number', z.number(), ['-1.5e3'], -1500],
    ['no number stays text', z.number(), ['0x10'], '0x10'],
    ['nothing stays text', z.number(), [''], ''],
    ['a switch', z.boolean(), ['true'], true],
    ['no switch stays text', z.boolean(), ['yes'], 'yes'],
    ['a choice of numbers', z.union([z.literal(1), z.literal(2)]), ['2'], 2],
    ['null where it is allowed', z.int().nullable(), ['null'], null],
    ['null where it is text', z.string(), ['null'], 'null'],
    ['a large seed keeps its digits', seed, ['18446744073709551615'], '18446744073709551615'],
    ['a small seed is a number', seed, ['5'], 5],
    ['an object', z.object({ a: z.int() }), ['{"a":1}'], { a: 1 }],
    ['a broken object stays text', z.object({ a: z.int() }), ['{"a":'], '{"a":'],
    ['a list in one part', z.array(z.int()), ['[1,2]'], [1, 2]],
    ['a list in parts', z.array(z.int()), ['1', '2'], [1, 2]],
    ['a list of one', z.array(z.string()), ['a'], ['a']],
    ['a named type', shared, ['7'], 7],
    ['anything stays text', z.unknown(), ['5'], '5'],
    ['several where one belongs are left to the parameter to refuse', z.int(), ['1', '2'], [1, 2]],
  ])('%s', (_what, type, texts, value) => {
    expect(read(type, ...texts)).toEqual(value)
  })
})

import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readPart } from './read-part.ts'

function read(type: z.ZodType, ...texts: string[]): unknown {
  const inputJsonSchema = z.toJSONSchema(z.object({ value: type }), { io: 'input' })
  const parts = texts.map((text) => ({ name: 'value', content: { kind: 'text' as const, text } }))
  return readPart('value', parts, { inputJsonSchema, mediaFields: [] })
}

describe('a text part', () => {
  const seed = z.union([z.int(), z.string().regex(/^\d+$/)])
  const shared = z.int().meta({ id: 'Shared' })

  test.each<[string, z.ZodType, string[], unknown]>([
    ['text stays text', z.string(), ['42'], '42'],
    ['a whole number', z.int(), [' 42 '], 42],
    ['a number', z.number(), ['-1.5e3'], -1500],
    ['no number stays text', z.number(), ['0x10'], '0x10'],
    ['nothing stays text where something is needed', z.number(), [''], ''],
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

describe('an empty text part', () => {
  const node: z.ZodType = z.object({ next: z.lazy(() => node).optional() })

  test.each<[string, z.ZodType]>([
    ['a number', z.number().optional()],
    ['a number with a default', z.int().default(5)],
    ['a switch', z.boolean().optional()],
    ['a choice', z.enum(['euler', 'ddim']).optional()],
    ['a literal', z.literal('a').optional()],
    ['a text with a minimal length', z.string().min(1).optional()],
    ['a text of a pattern', z.string().regex(/^\d+$/).optional()],
    ['a number or a text that cannot be empty', z.union([z.int(), z.string().regex(/^\d+$/)]).optional()],
    ['something that may be null', z.number().nullable().default(null)],
    ['an object', node.optional()],
    ['a list, also of texts', z.array(z.string()).optional()],
    ['a named type', z.int().meta({ id: 'Named' }).optional()],
  ])('leaves out %s', (_what, type) => {
    expect(read(type, '')).toBeUndefined()
  })

  test.each<[string, z.ZodType, unknown]>([
    ['a text', z.string().optional(), ''],
    ['a text with a default', z.string().default('blurry'), ''],
    ['a choice that has it', z.enum(['', 'euler']).optional(), ''],
    ['a number that is needed', z.number(), ''],
    ['anything', z.unknown().optional(), ''],
  ])('is the value of %s', (_what, type, value) => {
    expect(read(type, '')).toEqual(value)
  })

  test('beside another one is a value', () => {
    expect(read(z.array(z.string()).optional(), '', 'a')).toEqual(['', 'a'])
    expect(read(z.array(z.string()).optional(), '[""]')).toEqual([''])
  })

  test('leaves out a medium that is optional', () => {
    const inputJsonSchema = z.toJSONSchema(z.object({ mask: z.string().optional(), image: z.string() }))
    const mediaFields = [
      { path: ['mask'], kind: 'mask' as const },
      { path: ['image'], kind: 'image' as const },
    ]
    const parts = (name: string) => [{ name, content: { kind: 'text' as const, text: '' } }]
    const readMedium = (name: string) => readPart(name, parts(name), { inputJsonSchema, mediaFields })
    expect(readMedium('mask')).toBeUndefined()
    expect(readMedium('image')).toBe('')
  })
})

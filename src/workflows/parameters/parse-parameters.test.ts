import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { inspectSchema } from './inspect-schema.ts'
import { parseParameters } from './parse-parameters.ts'

function parse(schema: z.ZodType, raw: unknown): unknown {
  return parseParameters(schema, inspectSchema(schema).checkKeys, raw)
}

function refusal(schema: z.ZodType, raw: unknown): GatewayError {
  try {
    parse(schema, raw)
  } catch (error) {
    if (error instanceof GatewayError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

const schema = z.object({
  prompt: z.string().min(1).max(10),
  steps: z.int().min(1).max(100).default(20),
  cfg: z.number().gt(0).lt(20).optional(),
  width: z.int().multipleOf(8).optional(),
  sampler: z.enum(['euler', 'heun']).optional(),
  mode: z.literal('fast').optional(),
  tags: z.array(z.string()).max(2).optional(),
  is_tiled: z.boolean().optional(),
})

test('fills in defaults', () => {
  expect(parse(schema, { prompt: 'a fox' })).toEqual({ prompt: 'a fox', steps: 20 })
})

const problems: [value: object, code: string, pointer: string, message: string][] = [
  [{}, 'missing_parameter', '/prompt', 'is required'],
  [{ prompt: 5 }, 'invalid_type', '/prompt', 'must be a text; got 5'],
  [{ prompt: '' }, 'too_small', '/prompt', 'must have at least 1 character; got 0'],
  [{ prompt: 'x'.repeat(300) }, 'too_big', '/prompt', 'must have at most 10 characters; got 300'],
  [{ prompt: 'a', steps: 0 }, 'too_small', '/steps', 'must be at least 1; got 0'],
  [{ prompt: 'a', steps: 4096 }, 'too_big', '/steps', 'must be at most 100; got 4096'],
  [{ prompt: 'a', steps: 1.5 }, 'invalid_type', '/steps', 'must be a whole number; got 1.5'],
  [{ prompt: 'a', steps: '20' }, 'invalid_type', '/steps', 'must be a whole number; got "20"'],
  [{ prompt: 'a', cfg: 0 }, 'too_small', '/cfg', 'must be more than 0; got 0'],
  [{ prompt: 'a', cfg: 20 }, 'too_big', '/cfg', 'must be less than 20; got 20'],
  [{ prompt: 'a', width: 9 }, 'not_multiple_of', '/width', 'must be a multiple of 8; got 9'],
  [
    { prompt: 'a', sampler: 'eulr' },
    'invalid_value',
    '/sampler',
    'must be one of "euler", "heun"; got "eulr"; did you mean "euler"?',
  ],
  [{ prompt: 'a', mode: 'slow' }, 'invalid_value', '/mode', 'must be "fast"; got "slow"'],
  [{ prompt: 'a', tags: ['a', 'b', 'c'] }, 'too_big', '/tags', 'must have at most 2 elements; got 3'],
  [{ prompt: 'a', tags: ['a', 5] }, 'invalid_type', '/tags/1', 'must be a text; got 5'],
  [{ prompt: 'a', is_tiled: 'no' }, 'invalid_type', '/is_tiled', 'must be true or false; got "no"'],
]
test.each(problems)('%j → %s at %s: %s', (value, code, pointer, message) => {
  expect(refusal(schema, value).errors).toEqual([{ pointer, code, message }])
})

describe('the refusal', () => {
  test('is a validation_error that tells the first problem and how many more there are', () => {
    expect(refusal(schema, { prompt: 'a', steps: 4096 })).toMatchObject({
      code: 'validation_error',
      detail: 'steps must be at most 100; got 4096',
    })
    expect(refusal(schema, { steps: 4096, stpes: 1 }).detail).toBe(
      'unknown parameter "stpes"; did you mean "steps"? (and 2 more problems)',
    )
    expect(refusal(z.object({ style: z.object({ size: z.int() }) }), { style: { size: '' } }).detail).toBe(
      'style.size must be a whole number; got ""',
    )
  })

  test('keeps the words of the author of a schema', () => {
    const own = z.object({
      prompt: z.string().min(1, 'say what to draw'),
      size: z.string().refine((size) => size.includes('x'), { error: 'write it as 512x512' }),
    })
    expect(refusal(own, { prompt: '', size: '5' }).errors).toEqual([
      { pointer: '/prompt', code: 'too_small', message: 'say what to draw' },
      { pointer: '/size', code: 'refused_value', message: 'write it as 512x512' },
    ])
  })

  test('names an unknown key once in strict objects, and in unions too', () => {
    expect(refusal(z.strictObject({ prompt: z.string() }), { prompt: '', promt: '' }).errors).toEqual([
      { pointer: '/promt', code: 'unknown_parameter', message: 'unknown parameter "promt"; did you mean "prompt"?' },
    ])
    const forms = z.object({ size: z.union([z.strictObject({ w: z.int() }), z.string()]) })
    expect(refusal(forms, { size: { h: 1 } }).errors).toMatchObject([{ pointer: '/size', code: 'invalid_value' }])
  })

  test('stays small whatever was sent', () => {
    const keys = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`key${index}`, 'x'.repeat(1000)]))
    const { errors, detail } = refusal(schema, {
      prompt: 'x'.repeat(1_000_000),
      sampler: 'y'.repeat(1_000_000),
      ...keys,
    })
    expect(errors.length).toBeLessThanOrEqual(50)
    expect(JSON.stringify({ errors, detail }).length).toBeLessThan(20_000)
    expect(JSON.stringify(refusal(schema, { prompt: 'a', sampler: 'y'.repeat(1_000_000) }).errors).length).toBeLessThan(
      500,
    )
  })

  test.each([[null], ['text'], [[]], [5]])('names no parameter when the body is %j', (raw) => {
    const [error] = refusal(schema, raw).errors
    expect(error).toMatchObject({ pointer: '', code: 'invalid_type' })
    expect(error?.message).toMatch(/^must be an object; got /)
  })
})

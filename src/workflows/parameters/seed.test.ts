import { expect, test } from 'vitest'
import { z } from 'zod'
import { seed } from '../../index.ts'
import { describeInput } from './describe-input.ts'
import { inspectSchema } from './inspect-schema.ts'
import { parseParameters } from './parse-parameters.ts'

test('is another one for each request that has none', () => {
  const schema = z.object({ seed: seed() })
  const drawn = new Set(Array.from({ length: 20 }, () => schema.parse({}).seed))
  expect(drawn.size).toBe(20)
  for (const each of drawn) expect(Number.isSafeInteger(each) && each >= 0).toBe(true)
  expect(schema.parse({ seed: 0 })).toEqual({ seed: 0 })
  expect(schema.parse({ seed: Number.MAX_SAFE_INTEGER })).toEqual({ seed: Number.MAX_SAFE_INTEGER })
})

test('says in the schema what it takes, and no default', () => {
  const schema = z.object({ seed: seed(), noise: seed({ min: 1, max: 0xff_ff_ff_ff }).describe('Of the noise') })
  const { properties } = z
    .object({ properties: z.record(z.string(), z.unknown()) })
    .parse(describeInput(schema, inspectSchema(schema).strictObjects).schema)
  expect(properties).toEqual({
    seed: {
      type: 'integer',
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The same seed and parameters give the same result. Default: another one each time',
    },
    noise: { type: 'integer', minimum: 1, maximum: 4_294_967_295, description: 'Of the noise' },
  })
})

test('a number that JSON cannot keep is refused with the reason, once', () => {
  const schema = z.object({ seed: seed() })
  const parse = (body: unknown) => parseParameters(schema, undefined, body)
  const message = 'must be at most 9007199254740991, which is 2^53 - 1: larger whole numbers are not exact in JSON'
  expect(() => parse(JSON.parse('{"seed": 18446744073709551615}'))).toThrow(
    expect.objectContaining({ errors: [{ pointer: '/seed', code: 'too_big', message }] }),
  )
  expect(() => parse({ seed: '5' })).toThrow('seed must be a whole number; got "5"')
  expect(() => parse({ seed: 1.5 })).toThrow('seed must be a whole number; got 1.5')
  expect(() => parse({ seed: -1 })).toThrow('seed must be at least 0; got -1')
})

test('stays within the limits of the node that gets it', () => {
  const schema = seed({ min: 7, max: 9 })
  const drawn = new Set(Array.from({ length: 200 }, () => schema.parse(undefined)))
  expect([...drawn].sort()).toEqual([7, 8, 9])
  expect(schema.safeParse(10).success).toBe(false)
})

import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { image } from '../../index.ts'
import { describeInput } from './describe-input.ts'
import { inspectSchema } from './inspect-schema.ts'

const schemaOf = (schema: z.ZodType): unknown => describeInput(schema, inspectSchema(schema).strictObjects).schema

describe('the JSON Schema of parameters', () => {
  test('is what a caller sends: defaults are optional, limits and descriptions are there', () => {
    const schema = z.object({ steps: z.int().min(1).max(9).default(4).describe('Steps'), prompt: z.string() })
    expect(schemaOf(schema)).toEqual({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      properties: {
        steps: { type: 'integer', minimum: 1, maximum: 9, default: 4, description: 'Steps' },
        prompt: { type: 'string' },
      },
      required: ['prompt'],
      additionalProperties: false,
    })
  })

  test('closes the objects whose unknown keys are refused, and only those', () => {
    const inner = z.object({ a: z.string() })
    const schema = z.object({
      plain: inner,
      list: z.array(z.object({})),
      loose: z.looseObject({}),
      either: z.union([z.object({ b: z.string() }), z.string()]),
    })
    expect(schemaOf(schema)).toMatchObject({
      additionalProperties: false,
      properties: {
        plain: { additionalProperties: false },
        list: { items: { additionalProperties: false } },
        loose: { additionalProperties: {} },
        either: { anyOf: [expect.not.objectContaining({ additionalProperties: false }), { type: 'string' }] },
      },
    })
  })

  test('does not freeze a random default, and keeps those that only look like one', () => {
    const random = z.object({
      seed: z
        .int()
        .default(() => Math.floor(Math.random() * 1e15))
        .describe('Seed'),
      wrapped: z
        .int()
        .default(() => Math.floor(Math.random() * 1e15))
        .optional(),
      caught: z.int().catch(() => Math.floor(Math.random() * 1e15)),
      nested: z
        .object({ seed: z.int().default(() => Math.floor(Math.random() * 1e15)) })
        .default(() => ({ seed: Math.random() })),
      time: z.number().default(() => Date.now()),
      list: z.array(z.string()).default(() => []),
      fixed: z.int().default(5),
    })
    expect(JSON.stringify(schemaOf(random)).match(/"default":/g)).toHaveLength(2)
    expect(schemaOf(random)).toMatchObject({
      properties: {
        seed: expect.not.objectContaining({ default: expect.anything() }),
        wrapped: expect.not.objectContaining({ default: expect.anything() }),
        list: { default: [] },
        fixed: { default: 5 },
      },
    })
  })

  test('describes media as bytes', () => {
    expect(schemaOf(z.object({ image: image().describe('The image to change') }))).toMatchObject({
      properties: {
        image: { type: 'string', format: 'byte', contentMediaType: 'image/*', description: 'The image to change' },
      },
    })
  })

  test('says what it can of a schema that JSON Schema cannot express, with a warning', () => {
    const schema = z.object({ prompt: z.string(), when: z.date() })
    const { schema: json, warnings } = describeInput(schema, new Set())
    expect(json).toMatchObject({ properties: { prompt: { type: 'string' }, when: {} } })
    expect(warnings).toEqual([expect.stringContaining('the documentation of the parameters is incomplete')])
  })
})

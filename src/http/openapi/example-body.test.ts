import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { exampleBodies } from './example-body.ts'

function bodiesOf(RequestSchema: z.ZodType, examples?: unknown[]): readonly unknown[] {
  return exampleBodies({
    definition: { RequestSchema, generateWorkflow: () => ({}), ...(examples !== undefined && { examples }) },
    inputJsonSchema: z.toJSONSchema(RequestSchema, { io: 'input' }),
    mediaFields: [],
  })
}

describe('an example body', () => {
  test('is the author’s, where there is one', () => {
    expect(bodiesOf(z.object({ a: z.string() }), [{ a: 'b' }])).toEqual([{ a: 'b' }])
  })

  test('made from a schema passes it, and has nothing that may be left out', () => {
    const node: z.ZodType = z.object({ name: z.string(), children: z.array(z.lazy(() => node)).optional() })
    const schema = z.strictObject({
      prompt: z.string().min(30),
      short: z.string().max(3),
      width: z.int().min(256).max(2048).multipleOf(8),
      small: z.number().max(0.5),
      above: z.number().gt(3),
      sampler: z.enum(['euler', 'ddim']),
      kind: z.literal('a'),
      either: z.union([z.boolean(), z.string()]),
      size: z.object({ height: z.int().positive() }),
      loras: z.array(z.object({ name: z.string() })).min(2),
      node,
      nothing: z.null(),
      optional: z.string().optional(),
      defaulted: z.int().default(3),
    })
    const [body] = bodiesOf(schema)
    expect(schema.safeParse(body)).toMatchObject({ success: true })
    expect(body).not.toHaveProperty('optional')
    expect(body).not.toHaveProperty('defaulted')
  })
})

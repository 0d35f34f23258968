import { expect, test } from 'vitest'
import { z } from 'zod'
import { embedSchema } from './embed-schema.ts'
import { formSchema } from './form-schema.ts'

const schema = z.strictObject({
  image: z.string().describe('What to change'),
  mask: z.string().optional(),
  references: z.array(z.string()).default([]),
  prompt: z.string().min(1).describe('What to draw'),
  steps: z.int().default(20),
  seed: z.int().min(0).max(9).optional(),
  style: z.string().optional(),
  lora_name: z.string().min(1).optional().describe('None by default'),
  sampler: z.enum(['euler', 'ddim']).optional(),
  flag: z.boolean().optional(),
  sizes: z.array(z.int()).optional(),
  either: z.union([z.int(), z.string().regex(/^\d+$/)]).optional(),
})
const mediaFields = [
  { path: ['image'], kind: 'image' as const },
  { path: ['mask'], kind: 'mask' as const },
  { path: ['references', '*'], kind: 'image' as const },
]

test('a field of a form has an example that works, and none where nothing needs to be given', () => {
  const inputJsonSchema = z.toJSONSchema(schema, { io: 'input' })
  const bodies = [
    { prompt: 'a fox', seed: 5, lora_name: 'x' },
    { prompt: 'another', steps: 3 },
  ]
  const file = { type: 'string', contentMediaType: 'application/octet-stream' }
  expect(
    formSchema({ inputJsonSchema, mediaFields }, embedSchema(inputJsonSchema, '#/components/schemas/A'), bodies),
  ).toEqual({
    type: 'object',
    properties: {
      image: { ...file, description: 'What to change' },
      mask: file,
      references: { type: 'array', items: file, examples: [[]] },
      prompt: { type: 'string', minLength: 1, description: 'What to draw', examples: ['a fox'] },
      steps: { type: 'integer', default: 20, minimum: expect.any(Number), maximum: expect.any(Number) },
      seed: { type: ['integer', 'string'], minimum: 0, maximum: 9, maxLength: 0, examples: [''] },
      style: { type: 'string', examples: [''] },
      lora_name: { type: 'string', description: 'None by default', examples: [''] },
      sampler: { type: 'string', enum: ['euler', 'ddim', ''], examples: [''] },
      flag: { anyOf: [{ type: 'boolean' }, { const: '' }], examples: [''] },
      sizes: { type: 'array', items: expect.objectContaining({ type: 'integer' }), examples: [[]] },
      either: {
        anyOf: [expect.objectContaining({ type: 'integer' }), { type: 'string', pattern: '^\\d+$' }, { const: '' }],
        examples: [''],
      },
    },
    required: ['image', 'prompt'],
  })
})

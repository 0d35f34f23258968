import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { MediaField } from '../../workflows/served-workflow.ts'
import { exampleBodies } from './example-body.ts'

function bodiesOf(RequestSchema: z.ZodType, examples?: unknown[], mediaFields: readonly MediaField[] = []) {
  return exampleBodies({
    definition: { RequestSchema, generateWorkflow: () => ({}), ...(examples !== undefined && { examples }) },
    inputJsonSchema: z.toJSONSchema(RequestSchema, { io: 'input' }),
    mediaFields,
    parse: (raw) => RequestSchema.parse(raw),
  })
}

describe('example bodies', () => {
  test('are those of the author first, then one with little and one with everything', () => {
    const schema = z.strictObject({ a: z.string(), b: z.int().default(3) })
    const bodies = bodiesOf(schema, [{ a: 'b' }, { a: 'b', c: 1 }, { a: 'c' }])
    expect(Object.entries(bodies)).toEqual([
      ['example1', { a: 'b' }],
      ['example3', { a: 'c' }],
      ['minimal', { a: 'a lighthouse at dusk' }],
      ['full', { a: 'a lighthouse at dusk', b: 3 }],
    ])
  })

  test('made from a schema pass it, and the small one has nothing that may be left out', () => {
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
    const { minimal, full } = bodiesOf(schema)
    expect(schema.safeParse(minimal)).toMatchObject({ success: true })
    expect(minimal).not.toHaveProperty('optional')
    expect(minimal).not.toHaveProperty('defaulted')
    expect(schema.safeParse(full)).toMatchObject({ success: true })
    expect(full).toHaveProperty('defaulted', 3)
  })

  test('have no text that would have to be made up, where it may be left out', () => {
    const lora = z.strictObject({ name: z.string(), strength: z.number().default(1) })
    const schema = z.strictObject({ model: z.string().optional(), loras: z.array(lora).optional(), seed: z.int() })
    expect(bodiesOf(schema)).toEqual({ minimal: { seed: 1 }, full: { seed: 1 } })
  })

  test('have pictures where media are taken', () => {
    const schema = z.strictObject({ image: z.string(), mask: z.string().optional() })
    const { minimal, full } = bodiesOf(schema, undefined, [
      { path: ['image'], kind: 'image' },
      { path: ['mask'], kind: 'mask' },
    ])
    expect(minimal).toEqual({ image: expect.stringMatching(/^data:image\/png;base64,/) })
    expect(full).toEqual({ image: minimal?.['image'], mask: minimal?.['image'] })
  })

  test('have a film and a sound where those are taken', async () => {
    const schema = z.strictObject({ clip: z.string(), voice: z.string() })
    const { minimal } = bodiesOf(schema, undefined, [
      { path: ['clip'], kind: 'video' },
      { path: ['voice'], kind: 'audio' },
    ])
    const bytesOf = (name: string) => Buffer.from(String(minimal?.[name]).replace(/^data:.*;base64,/, ''), 'base64')
    expect(await sharp(bytesOf('clip'), { animated: true }).metadata()).toMatchObject({ format: 'gif', pages: 2 })
    const voice = bytesOf('voice')
    expect(voice.toString('latin1', 0, 4) + voice.toString('latin1', 8, 12)).toBe('RIFFWAVE')
    expect([voice.readUInt32LE(4), voice.readUInt32LE(40)]).toEqual([voice.length - 8, voice.length - 44])
  })

  test('that a check of the workflow refuses are left out', () => {
    const schema = z.strictObject({ a: z.int().default(1), b: z.int().default(2) }).refine(({ a, b }) => a > b)
    expect(bodiesOf(schema)).toEqual({})
  })
})

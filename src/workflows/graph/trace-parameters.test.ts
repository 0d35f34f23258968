import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { FieldError } from '../../errors/gateway-error.ts'
import { nameParameters } from './name-parameters.ts'
import { traceParameters } from './trace-parameters.ts'
import type { WorkflowGraph } from '../workflow-definition.ts'

const schema = z.object({
  prompt: z.string(),
  style: z.enum(['photo', 'painting']),
  width: z.int(),
  steps: z.int(),
  hires: z.boolean(),
  loras: z.array(z.object({ name: z.string(), strength: z.number() })),
  unused: z.string(),
})
const input = schema.parse({
  prompt: 'a fox',
  style: 'photo',
  width: 512,
  steps: 20,
  hires: true,
  loras: [
    { name: 'a', strength: 1 },
    { name: 'b', strength: 0.5 },
  ],
  unused: 'x',
})

function graph(given: z.infer<typeof schema>): WorkflowGraph {
  return {
    '1': { class_type: 'Text', inputs: { text: `${given.style} of ${given.prompt}`, clip: ['9', 0] } },
    '2': { class_type: 'Latent', inputs: { width: given.width, tile: given.hires ? given.width / 2 : given.width } },
    '3': { class_type: 'Sampler', inputs: { steps: given.hires ? given.steps * 2 : given.steps, seed: Math.random() } },
    ...Object.fromEntries(
      given.loras.map(({ name, strength }, index) => [`l${index}`, { class_type: 'Lora', inputs: { name, strength } }]),
    ),
  }
}
const generate = async (given: unknown): Promise<WorkflowGraph> => graph(schema.parse(given))

describe('tracing', () => {
  test('finds the parameters behind an input, the likeliest first', async () => {
    const traced = await traceParameters({ schema, input, generate })
    expect(traced.pointersOf('1', 'text')).toEqual(['/prompt', '/style'])
    expect(traced.pointersOf('2', 'width')).toEqual(['/width'])
    expect(traced.pointersOf('2', 'tile')).toEqual(['/width', '/hires'])
    expect(traced.pointersOf('3', 'steps')).toEqual(['/steps', '/hires'])
    expect(traced.pointersOf('l1', 'name')).toEqual(['/loras/1/name'])
    expect(traced.pointersOf('1', 'clip')).toEqual([])
    expect(traced.pointersOf('nowhere', 'text')).toEqual([])
  })

  test('leaves random inputs out', async () => {
    const traced = await traceParameters({ schema, input, generate })
    expect(traced.pointersOf('3', 'seed')).toEqual([])
  })

  test('goes on where one changed value is more than the module can take', async () => {
    const strict = async (given: unknown): Promise<WorkflowGraph> => {
      const { prompt, width } = schema.parse(given)
      if (prompt !== 'a fox') throw new Error('only foxes')
      return { '1': { class_type: 'A', inputs: { prompt, width } } }
    }
    const traced = await traceParameters({ schema, input, generate: strict })
    expect(traced.pointersOf('1', 'width')).toEqual(['/width'])
    expect(traced.pointersOf('1', 'prompt')).toEqual([])
  })
})

describe('naming parameters', () => {
  const error = (id: string, name?: string): FieldError => ({
    code: 'value_bigger_than_max',
    message: 'too big',
    node: { id, classType: 'A', ...(name !== undefined && { input: name }) },
  })

  test('adds the pointer to the errors that have one', async () => {
    const errors = [error('2', 'width'), error('3', 'seed'), error('2'), { code: 'other', message: 'no node' }]
    expect(await nameParameters({ schema, input, generate, errors })).toEqual([
      { ...errors[0], pointer: '/width' },
      ...errors.slice(1),
    ])
  })

  test('never fails, and builds nothing when there is nothing to name', async () => {
    let builds = 0
    const broken = async (): Promise<WorkflowGraph> => {
      builds += 1
      throw new Error('broken')
    }
    const errors = [error('2', 'width')]
    expect(await nameParameters({ schema, input, generate: broken, errors })).toEqual(errors)
    expect(builds).toBe(1)
    const named = [{ pointer: '/x', ...error('2', 'width') }]
    expect(await nameParameters({ schema, input, generate: broken, errors: named })).toEqual(named)
    expect(builds).toBe(1)
  })
})

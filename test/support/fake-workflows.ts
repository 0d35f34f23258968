import { z } from 'zod'
import { GatewayError } from '../../src/errors/gateway-error.ts'
import type {
  ListField,
  MediaField,
  ServedWorkflow,
  WorkflowProblem,
  WorkflowRegistry,
} from '../../src/workflows/served-workflow.ts'
import type { WorkflowDefinition } from '../../src/workflows/workflow-definition.ts'

/** A workflow without a module: strict parameters, and a graph of one node that shows the input. */
export function fakeWorkflow(
  name: string,
  shape: z.ZodRawShape,
  changes: {
    mediaFields?: readonly MediaField[]
    listFields?: readonly ListField[]
    definition?: Partial<WorkflowDefinition>
    warnings?: string[]
  } = {},
): ServedWorkflow {
  const schema = z.strictObject(shape)
  return {
    name,
    file: `${name}.ts`,
    generation: 1,
    definition: { RequestSchema: schema, generateWorkflow: () => ({}), ...changes.definition },
    mediaFields: changes.mediaFields ?? [],
    listFields: changes.listFields ?? [],
    warnings: changes.warnings ?? [],
    inputJsonSchema: z.toJSONSchema(schema, { io: 'input' }),
    parameterNames: Object.keys(shape),
    parse(raw) {
      const result = schema.safeParse(raw)
      if (result.success) return result.data
      const errors = result.error.issues.map((issue) => ({
        pointer: `/${issue.path.join('/')}`,
        code: issue.code,
        message: issue.message,
      }))
      throw new GatewayError('validation_error', { errors })
    },
    generate: async () => ({}),
    build: async (input, { uploads, filenamePrefix }) => ({
      '1': {
        class_type: 'Test',
        inputs: { input: z.json().parse(input), uploads: [...uploads], filename_prefix: filenamePrefix },
        _meta: { title: 'Test' },
      },
    }),
    readSource: async () => undefined,
    nameParameters: async (_input, errors) => errors,
  }
}

export class FakeRegistry implements WorkflowRegistry {
  revision = 1
  #workflows: ServedWorkflow[]
  #problems: WorkflowProblem[] = []

  constructor(workflows: ServedWorkflow[]) {
    this.#workflows = workflows
  }

  replace(workflows: ServedWorkflow[], problems: WorkflowProblem[] = []): void {
    this.#workflows = workflows
    this.#problems = problems
    this.revision++
  }

  get(name: string): ServedWorkflow | undefined {
    return this.#workflows.find((workflow) => workflow.name === name)
  }

  list(): readonly ServedWorkflow[] {
    return this.#workflows.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  problems(): readonly WorkflowProblem[] {
    return this.#problems
  }

  async reload(): Promise<void> {}
  onChange(): void {}
  async close(): Promise<void> {}
}

const image = z.string().meta({ 'x-comfyui-media': 'image', format: 'byte', contentMediaType: 'image/*' })

/** One workflow with parameters of every kind, one with media. */
export const testWorkflows = [
  fakeWorkflow(
    'test/txt2img',
    {
      prompt: z.string().min(1).describe('What to draw'),
      width: z.int().min(16).max(2048).default(512).describe('Pixels'),
      cfg: z.number().default(7),
      upscale: z.boolean().default(false),
      sampler: z.enum(['euler', 'dpmpp_2m']).default('euler'),
      loras: z.array(z.strictObject({ name: z.string(), strength: z.number() })).default([]),
      tags: z.array(z.string()).default([]),
      style: z.strictObject({ name: z.string() }).optional(),
    },
    { definition: { summary: 'Test, text to image', description: 'Draws.', outputs: { picture: '9' } } },
  ),
  fakeWorkflow(
    'test/img2img',
    { image, references: z.array(image).default([]), strength: z.number().default(0.5) },
    {
      mediaFields: [
        { path: ['image'], kind: 'image' },
        { path: ['references', '*'], kind: 'image' },
      ],
    },
  ),
  fakeWorkflow('test/has-input', { input: z.looseObject({ text: z.string() }) }),
]

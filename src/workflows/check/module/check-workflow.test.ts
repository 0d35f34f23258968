import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { coreCatalogue, type NodeCatalogue } from '../../../comfyui/wire/node-catalogue.ts'
import { coreNode } from '../../../comfyui/wire/core-nodes.ts'
import type { NodePackLookup } from '../../../comfyui/wire/node-packs.ts'
import type { InputSpec, NodeDefinition } from '../../../comfyui/wire/object-info.ts'
import { promptRules } from '../../../comfyui/wire/verdict/prompt-rules.ts'
import { image } from '../../parameters/media.ts'
import { readRequestSchema } from '../../parameters/read-request-schema.ts'
import { serveWorkflow } from '../../serve-workflow.ts'
import type { ServedWorkflow } from '../../served-workflow.ts'
import type { WorkflowDefinition, WorkflowGraph } from '../../workflow-definition.ts'
import type { CheckProblem } from '../check-problem.ts'
import { brokenWorkflow, checkWorkflow, type WorkflowCheck } from './check-workflow.ts'

type Input = Readonly<Record<string, unknown>>

interface Written {
  readonly schema: z.ZodRawShape
  readonly graph: (input: Input) => unknown
  readonly more?: Partial<WorkflowDefinition>
  readonly source?: string
}

function workflowOf({ schema, graph, more = {}, source }: Written): ServedWorkflow {
  const RequestSchema = z.object(schema)
  return serveWorkflow({
    name: 'test/workflow',
    file: 'test/workflow.ts',
    generation: 1,
    definition: {
      generateWorkflow: (input) => graph(z.record(z.string(), z.unknown()).parse(input)) as WorkflowGraph,
      ...more,
    },
    request: readRequestSchema(RequestSchema),
    foundMedia: [],
    listFields: [],
    warnings: [],
    nodes: coreNode,
    readSource: () => (source === undefined ? Promise.reject(new Error('gone')) : Promise.resolve(source)),
    describeError: (error) => (error instanceof Error ? error.message : String(error)),
  })
}

function check(written: Written, catalogue: NodeCatalogue = server, packOf?: NodePackLookup): Promise<WorkflowCheck> {
  return checkWorkflow(workflowOf(written), { catalogue, ...(packOf !== undefined && { packOf }) })
}

/** Class of a pack of nodes, with these inputs. */
function nodeOf(required: Record<string, InputSpec>, output: readonly string[], isOutput = false): NodeDefinition {
  return { input: { required }, output: [...output], output_node: isOutput, python_module: 'custom_nodes.test' }
}

const classes: Readonly<Record<string, NodeDefinition>> = {
  Make: nodeOf(
    {
      size: ['INT', { min: 1, max: 100 }],
      mode: [['soft', 'hard', 'wild']],
      text: ['STRING', {}],
      model: [['a.safetensors', 'b.safetensors']],
    },
    ['IMAGE'],
  ),
  Change: nodeOf({ image: ['IMAGE'], amount: ['FLOAT', { min: 0.5, max: 1 }] }, ['IMAGE']),
  Save: nodeOf({ images: ['IMAGE'], filename_prefix: ['STRING', {}] }, [], true),
}
const server: NodeCatalogue = {
  lookUp: (classType) => classes[classType] ?? coreNode(classType),
  classTypes: Object.keys(classes),
  rules: promptRules('0.33.0'),
  fingerprint: 'test',
  source: 'a test server',
  knowsFiles: true,
}

const plain = { size: 10, mode: 'soft', text: '', model: 'a.safetensors' }
const make = (inputs: Input): WorkflowGraph => ({
  '1': { class_type: 'Make', inputs: { ...plain, ...inputs } },
  '9': { class_type: 'Save', inputs: { images: ['1', 0], filename_prefix: 'x' } },
})
const withChange = (amount: unknown): WorkflowGraph => ({
  ...make({}),
  '2': { class_type: 'Change', inputs: { image: ['1', 0], amount } },
  '9': { class_type: 'Save', inputs: { images: ['2', 0], filename_prefix: 'x' } },
})

function codes({ problems }: WorkflowCheck): readonly string[] {
  return problems.map(({ code, parameter, when }) => [code, parameter, when].filter(Boolean).join(' '))
}

const metadata = { requiredModels: [{ name: 'a.safetensors', directory: 'checkpoints' }] }
const text = { text: z.string().default('words') }

test('nothing is wrong with a workflow that is sound', async () => {
  const result = await check({ schema: text, graph: make, more: { metadata } })
  expect(result).toEqual({
    name: 'test/workflow',
    file: 'test/workflow.ts',
    graphs: 1,
    verdict: 'accepted',
    problems: [],
  })
})

describe('which choice shows a mistake', () => {
  const schema = { isOn: z.boolean().default(true), amount: z.number().min(0).max(1).default(0.75) }
  const graph = ({ isOn, amount }: Input): WorkflowGraph => {
    const { '2': change, ...others } = withChange(amount)
    if (isOn !== true || amount === 0 || change === undefined) return make({})
    return { ...others, '2': { ...change, inputs: { ...change.inputs, image: ['8', 0] } } }
  }

  test('the default of a number says nothing where most other numbers show it too', async () => {
    const result = await check({ schema, graph, more: { metadata } })
    expect(result.problems[0]).toMatchObject({ node: '2', input: 'image', when: 'with isOn=true' })
  })

  test('unless the number alone decides', async () => {
    const alone = ({ amount }: Input): WorkflowGraph => graph({ isOn: true, amount })
    const result = await check({ schema: { amount: schema.amount }, graph: alone, more: { metadata } })
    expect(result.problems[0]).toMatchObject({ node: '2', input: 'image', when: 'with amount other than 0' })
  })
})

describe('functions that are not pure', () => {
  const schema = { size: z.int().min(1).max(100).default(10), isChanged: z.boolean().default(false) }

  test('one that gives nodes other names each time: one warning, and nothing that follows from it', async () => {
    let calls = 0
    const graph = ({ size }: Input): WorkflowGraph => {
      calls += 1
      return { ...make({ size }), [`node-${calls}`]: { class_type: 'Make', inputs: { ...plain, size } } }
    }
    const result = await check({ schema, graph, more: { metadata } })
    expect(codes(result)).toEqual(['unsteady_graph', 'unused_node'])
  })

  test('one whose calls share a graph', async () => {
    const shared = make({})
    const graph = ({ size, isChanged }: Input): WorkflowGraph => {
      if (isChanged === true) Object.assign(shared, withChange(0.5))
      return { ...shared, '1': { class_type: 'Make', inputs: { ...plain, size } } }
    }
    const result = await check({ schema, graph, more: { metadata } })
    expect(codes(result)).toContain('unsteady_graph')
    expect(result.problems[0]?.message).toContain('What other requests asked for stays in the graph')
  })

  test('one that draws values is as good as any', async () => {
    const graph = ({ size }: Input): WorkflowGraph => make({ size, text: String(Math.random()) })
    const result = await check({ schema: { size: schema.size }, graph, more: { metadata } })
    expect(codes(result)).toEqual([])
  })
})

describe('parameters without effect', () => {
  test('none is a list of which only the number of elements counts', async () => {
    const list = z
      .array(z.object({ name: z.string() }))
      .max(4)
      .default([])
    const graph = ({ all }: Input): WorkflowGraph => make({ size: Math.max(1, Array.isArray(all) ? all.length : 0) })
    const result = await check({ schema: { all: list }, graph, more: { metadata } })
    expect(codes(result)).not.toContain('dead_parameter /all')
  })

  test('one that is a list of at least two elements', async () => {
    const list = z.array(z.int().min(1).max(9)).min(2).max(4).default([1, 2])
    const graph = (): WorkflowGraph => make({})
    const result = await check({ schema: { all: list }, graph, more: { metadata } })
    expect(codes(result)).toEqual(['dead_parameter /all'])
  })

  test('one that nothing depends on', async () => {
    const schema = { ...text, unused: z.int().min(1).max(5).default(2) }
    const result = await check({ schema, graph: ({ text: words }) => make({ text: words }), more: { metadata } })
    expect(codes(result)).toEqual(['dead_parameter /unused'])
    expect(result.problems[0]).toMatchObject({ severity: 'warning', kind: 'flawed' })
  })

  test('one that only a node takes which leads nowhere', async () => {
    const graph = ({ size }: Input): WorkflowGraph => ({
      ...make({}),
      '5': { class_type: 'Make', inputs: { ...plain, size } },
    })
    const result = await check({ schema: { size: z.int().min(1).max(5).default(2) }, graph, more: { metadata } })
    expect(codes(result)).toEqual(['unused_node', 'dead_parameter /size'])
    expect(result.problems[1]?.message).toContain('it only feeds node 5 (Make), and no output needs what that makes')
  })

  test('one that only an input takes which the class does not have', async () => {
    const graph = ({ sizes }: Input): WorkflowGraph => make({ sizes })
    const result = await check({ schema: { sizes: z.int().min(1).max(5).default(2) }, graph, more: { metadata } })
    expect(codes(result)).toContain('dead_parameter /sizes')
    expect(result.problems.at(-1)?.message).toContain('input sizes of node 1 (Make), and the class has no such input')
  })

  test('of objects without effect the outermost is told', async () => {
    const schema = { light: z.object({ angle: z.int().min(0).max(9), power: z.number().min(0).max(1) }).optional() }
    expect(codes(await check({ schema, graph: () => make({}), more: { metadata } }))).toEqual(['dead_parameter /light'])
  })

  test('a name of files is for the gateway to choose', async () => {
    const graph = ({ prefix }: Input): WorkflowGraph => ({
      ...make({}),
      '9': { class_type: 'Save', inputs: { images: ['1', 0], filename_prefix: prefix } },
    })
    const result = await check({ schema: { prefix: z.string().default('mine') }, graph, more: { metadata } })
    expect(result.problems).toMatchObject([{ code: 'dead_parameter', severity: 'note', parameter: '/prefix' }])
  })

  test.each<[what: string, schema: z.ZodRawShape, graph: (input: Input) => WorkflowGraph]>([
    [
      'under one switch',
      { on: z.boolean().default(false), amount: z.number().min(0.5).max(1).default(1) },
      ({ on, amount }) => (on === true ? withChange(amount) : make({})),
    ],
    [
      'under two switches together',
      {
        on: z.boolean().default(false),
        mode: z.enum(['none', 'some']).default('none'),
        amount: z.number().min(0.5).max(1).default(1),
      },
      ({ on, mode, amount }) => (on === true ? (mode === 'some' ? withChange(amount) : withChange(1)) : make({})),
    ],
    [
      'where another is given',
      { lora: z.string().optional(), strength: z.number().min(0.5).max(1).default(1) },
      ({ lora, strength }) => (lora === undefined ? make({}) : withChange(strength)),
    ],
    [
      'inside of lists and objects',
      {
        loras: z.array(z.object({ name: z.string(), strength: z.number().min(0.5).max(1) })).default([]),
        detail: z.object({ size: z.int().min(1).max(9).default(3) }).optional(),
      },
      ({ loras, detail }) => {
        const [first] = z.array(z.object({ name: z.string(), strength: z.number() })).parse(loras)
        const { size } = z.object({ size: z.int() }).parse(detail ?? { size: 1 })
        const base = first === undefined ? make({ size }) : withChange(first.strength)
        return { ...base, '1': { class_type: 'Make', inputs: { ...plain, size, text: first?.name ?? '' } } }
      },
    ],
    [
      'that are drawn anew each time',
      {
        seed: z
          .int()
          .min(1)
          .max(99)
          .default(() => Math.ceil(Math.random() * 99)),
      },
      ({ seed }) => make({ size: seed }),
    ],
    [
      'with the last of many choices',
      { size: z.enum(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']).default('a') },
      ({ size }) => (size === 'h' ? make({ size: 2 }) : make({})),
    ],
    [
      'as media in lists and objects',
      { pictures: z.array(image()).default([]), more: z.object({ picture: image() }).optional() },
      ({ pictures, more }) => {
        const [first] = z.array(z.string()).parse(pictures)
        const { picture } = z.object({ picture: z.string() }).parse(more ?? { picture: '' })
        const found = first ?? (picture === '' ? undefined : picture)
        return { ...make({ text: picture }), ...(found !== undefined && load(found)) }
      },
    ],
    [
      'as one of several forms',
      {
        shape: z
          .discriminatedUnion('kind', [
            z.object({ kind: z.literal('square'), side: z.int().min(1).max(100) }),
            z.object({ kind: z.literal('free'), width: z.int().min(1).max(100) }),
          ])
          .default({ kind: 'square', side: 1 }),
      },
      ({ shape }) => make({ size: Object.values(z.record(z.string(), z.unknown()).parse(shape))[1] }),
    ],
    ['that are media', { picture: image() }, ({ picture }) => ({ ...make({}), ...load(picture) })],
  ])('parameters that do something %s are alive', async (_what, schema, graph) => {
    const result = await check({ schema, graph, more: { metadata } })
    // Of unions their keys cannot be checked.
    expect(codes(result).filter((code) => code !== 'module_flaw')).toEqual([])
  })

  test('a graph that is another one each time does not hide them', async () => {
    const schema = { ...text, unused: z.boolean().default(false) }
    const graph = ({ text: words }: Input): WorkflowGraph => make({ text: words, size: Math.ceil(Math.random() * 100) })
    expect(codes(await check({ schema, graph, more: { metadata } }))).toEqual(['dead_parameter /unused'])
  })
})

function load(picture: unknown): WorkflowGraph {
  return {
    '3': { class_type: 'LoadImage', inputs: { image: picture } },
    '4': { class_type: 'Save', inputs: { images: ['3', 0], filename_prefix: 'x' } },
  }
}

describe('limits and lists', () => {
  test('a schema that takes more than the node does', async () => {
    const schema = { size: z.int().min(0).max(200).default(20) }
    const result = await check({ schema, graph: make, more: { metadata } })
    expect(codes(result)).toEqual(['range_too_wide /size'])
    expect(result.problems[0]).toMatchObject({ severity: 'warning', node: '1', classType: 'Make', input: 'size' })
    expect(result.problems[0]?.message).toContain(
      'size may be 0 to 200, and input size of node 1 (Make) takes 1 to 100',
    )
  })

  test('a module that makes of it what the node takes may take more', async () => {
    const schema = { size: z.int().min(0).max(200).default(20) }
    const graph = ({ size }: Input): WorkflowGraph => make({ size: Math.min(100, Math.max(1, Number(size))) })
    expect(codes(await check({ schema, graph, more: { metadata } }))).toEqual([])
  })

  test('a module that makes of it what the node does not take', async () => {
    const schema = { size: z.int().min(1).max(90).default(20) }
    const graph = ({ size }: Input): WorkflowGraph => make({ size: Number(size) * 2 })
    const result = await check({ schema, graph, more: { metadata } })
    expect(result.problems).toMatchObject([{ code: 'range_too_wide', parameter: '/size', fix: 'Narrow its limits.' }])
  })

  test('a schema without limits', async () => {
    const result = await check({ schema: { size: z.int().default(20) }, graph: make, more: { metadata } })
    expect(result.problems).toMatchObject([{ code: 'unlimited_parameter', severity: 'note', parameter: '/size' }])
    expect(result.problems[0]?.fix).toContain('.min(1).max(100)')
  })

  test('a node that is there with a switch only, and takes less', async () => {
    const schema = { on: z.boolean().default(false), size: z.int().min(1).max(100).default(10) }
    const graph = ({ on, size }: Input): WorkflowGraph => {
      const base = make({ size })
      return on === true ? { ...withChange(size), '1': base['1'] ?? { class_type: '', inputs: {} } } : base
    }
    const result = await check({ schema, graph, more: { metadata } })
    expect(codes(result)).toContain('range_too_wide /size')
  })

  test('choices that the node does not have, and a default among them', async () => {
    const schema = { mode: z.enum(['soft', 'hard', 'mild', 'none']).default('soft') }
    const offered = await check({ schema, graph: make, more: { metadata } })
    expect(offered.verdict).toBe('accepted')
    expect(offered.problems).toMatchObject([{ code: 'unlisted_choice', parameter: '/mode', value: ['mild', 'none'] }])
    const usual = { mode: z.enum(['soft', 'mild']).default('mild') }
    const refused = await check({ schema: usual, graph: make, more: { metadata } })
    expect(refused.verdict).toBe('refused')
    expect(refused.problems).toMatchObject([{ code: 'value_not_in_list', severity: 'error', parameter: '/mode' }])
  })

  test('fewer choices than the node has are no mistake', async () => {
    const schema = { mode: z.enum(['soft', 'hard']).default('hard') }
    expect(codes(await check({ schema, graph: make, more: { metadata } }))).toEqual([])
  })
})

describe('when', () => {
  const flags = {
    a: z.boolean().default(true),
    b: z.boolean().default(true),
    c: z.boolean().default(false),
    d: z.enum(['x', 'y', 'z']).default('x'),
  }
  const broken = { '7': { class_type: 'Change', inputs: { image: ['99', 0], amount: 1 } } }
  const mistake = ['7', 'image']
  const whenIs = async (isBroken: (input: Input) => boolean): Promise<readonly (string | undefined)[]> => {
    const graph = (input: Input): WorkflowGraph => {
      const tail = isBroken(input)
        ? { ...broken, '8': { class_type: 'Save', inputs: { images: ['7', 0], filename_prefix: '' } } }
        : {}
      return { ...make({ text: JSON.stringify(input) }), ...tail }
    }
    const { problems } = await check({ schema: flags, graph, more: { metadata } })
    return problems.filter(({ node, input }) => node === mistake[0] && input === mistake[1]).map(({ when }) => when)
  }

  test('is absent where every graph shows it', async () => {
    expect(await whenIs(() => true)).toEqual([undefined])
  })

  test.each<[when: string, isBroken: (input: Input) => boolean]>([
    ['with a=false', ({ a }) => a === false],
    ['with a=false, b=false', ({ a, b }) => a === false && b === false],
    ['with a=false, c=true', ({ a, c }) => a === false && c === true],
    ['with a=false or with c=true', ({ a, c }) => a === false || c === true],
    ['with d="y"', ({ d }) => d === 'y'],
    ['with c=true, d="z"', ({ c, d }) => c === true && d === 'z'],
    ['with a=true', ({ a }) => a === true],
    ['with a=true, b=true', ({ a, b }) => a === true && b === true],
    ['with a=false, b=false, c=true', ({ a, b, c }) => a === false && b === false && c === true],
  ])('says %s', async (when, isBroken) => {
    expect(await whenIs(isBroken)).toEqual([when])
  })

  test('a module that throws is told with what it throws at', async () => {
    const graph = ({ a, c }: Input): WorkflowGraph => {
      if (a === false && c === true) throw new Error('not both')
      return make({ text: `${String(a)} ${String(c)}` })
    }
    const { problems, verdict } = await check({ schema: { a: flags.a, c: flags.c }, graph, more: { metadata } })
    expect(verdict).toBe('accepted')
    expect(problems).toMatchObject([
      { severity: 'error', kind: 'broken_module', code: 'workflow_failed', when: 'with a=false, c=true' },
    ])
    expect(problems[0]?.message).toContain('not both')
  })

  test('what the schema does not take together is not tried', async () => {
    const workflow = workflowOf({
      schema: { a: flags.a, c: flags.c },
      graph: ({ a, c }) => make({ text: `${String(a)} ${String(c)}` }),
      more: { metadata },
    })
    const picky: ServedWorkflow = {
      ...workflow,
      parse(raw) {
        const parsed = z.looseObject({ a: z.boolean(), c: z.boolean() }).parse(workflow.parse(raw))
        if (!parsed.a && parsed.c) throw new Error('refused')
        return parsed
      },
      async generate(input) {
        const { a, c } = z.object({ a: z.boolean(), c: z.boolean() }).parse(input)
        if (!a && c) throw new Error('tried')
        return workflow.generate(input)
      },
    }
    expect((await checkWorkflow(picky, { catalogue: server })).problems).toEqual([])
  })
})

describe('models, packs and what else a module says of itself', () => {
  const sha256 = 'ab'.repeat(32)
  const model = {
    name: 'c.safetensors',
    directory: 'checkpoints',
    url: 'https://example.com/c.safetensors',
    sizeBytes: 2_500_000_000,
    sha256,
  }

  test('a model that is not there, with where it can be had', async () => {
    const schema = { model: z.string().default('c.safetensors') }
    const result = await check({ schema, graph: make, more: { metadata: { requiredModels: [model] } } })
    expect(result.problems).toMatchObject([
      {
        code: 'value_not_in_list',
        parameter: '/model',
        fix: `Put c.safetensors into models/checkpoints from https://example.com/c.safetensors (2.5 GB, sha256 ${sha256}).`,
      },
    ])
  })

  test('models that only the metadata or only the graph knows', async () => {
    const result = await check({ schema: text, graph: make, more: { metadata: { requiredModels: [model] } } })
    expect(result.problems.map(({ code, severity }) => `${severity} ${code}`)).toEqual([
      'note unused_model',
      'note undeclared_model',
    ])
    expect(result.problems[1]).toMatchObject({ node: '1', input: 'model', value: 'a.safetensors' })
  })

  test('a class that is not there, with its pack by the module, by the table, or as a part of ComfyUI', async () => {
    const graph = (): WorkflowGraph => ({
      ...make({}),
      '2': { class_type: 'Theirs', inputs: {} },
      '3': { class_type: 'Listed', inputs: {} },
      '4': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
    })
    const older = { ...server, lookUp: (classType: string) => classes[classType] }
    const packOf: NodePackLookup = (classType) =>
      ['Listed', 'SaveImage'].includes(classType) ? { pack: 'listed-pack', others: ['other-pack'] } : undefined
    const more = {
      metadata: {
        ...metadata,
        requiredNodes: [{ pack: 'their-pack', url: 'https://example.com', classTypes: ['Theirs'] }],
      },
    }
    const { problems, verdict } = await check({ schema: {}, graph, more }, older, packOf)
    expect(verdict).toBe('refused')
    const fixes = new Map(problems.map(({ classType, fix }) => [classType, fix]))
    expect(fixes.get('Theirs')).toBe('Install the node pack their-pack from https://example.com.')
    expect(fixes.get('Listed')).toBe('Install the node pack listed-pack (other-pack has one too).')
    expect(fixes.get('SaveImage')).toContain('Every ComfyUI has it, but not this one')
  })

  test('names of outputs that no graph has', async () => {
    const result = await check({ schema: text, graph: make, more: { metadata, outputs: { image: '9', mask: '77' } } })
    expect(result.problems).toMatchObject([{ severity: 'warning', code: 'unknown_output' }])
    expect(result.problems[0]?.message).toContain('outputs.mask')
  })

  test('examples that are refused, or show what nothing else shows', async () => {
    const schema = { mode: z.string().default('soft') }
    const examples = [{ mode: 3 }, { mode: 'wilder' }, { mode: 'hard' }]
    const result = await check({ schema, graph: make, more: { metadata, examples } })
    expect(codes(result)).toEqual(['value_not_in_list /mode in examples[1]', 'example_refused'])
  })
})

describe('modules of which no graph can be made', () => {
  test('a default that no caller could send is none of them', async () => {
    const schema = { size: z.int().min(5).max(9).default(3) }
    const { problems, verdict } = await check({ schema, graph: make, more: { metadata } })
    expect(verdict).toBe('accepted')
    expect(problems).toMatchObject([{ severity: 'warning', code: 'default_refused', parameter: '/size' }])
  })

  test('one that throws at its defaults', async () => {
    const graph = (): WorkflowGraph => {
      throw new Error('out of order')
    }
    const { problems, verdict } = await check({ schema: text, graph })
    expect(verdict).toBe('broken')
    expect(problems).toMatchObject([{ severity: 'error', kind: 'broken_module', code: 'workflow_failed' }])
  })

  test('one whose graph is none, and one with a node that is none', async () => {
    expect(await check({ schema: text, graph: () => 'a graph' })).toMatchObject({ verdict: 'broken' })
    const graph = (): unknown => ({ ...make({}), '5': { class_type: 'Make' } })
    const { problems } = await check({ schema: text, graph })
    expect(problems.find(({ node }) => node === '5')).toMatchObject({ severity: 'error', code: 'missing_inputs' })
  })

  test('one for which nothing is known that it takes', async () => {
    const schema = { code: z.string().regex(/^[0-9]{17}$/) }
    const graph = ({ code }: Input): WorkflowGraph => make({ text: code })
    const unknown = await check({ schema, graph, more: { metadata } })
    expect(unknown).toMatchObject({ graphs: 0, verdict: 'accepted' })
    expect(unknown.problems).toMatchObject([{ severity: 'warning', code: 'not_checked' }])
    const examples = [{ code: '12345678901234567' }]
    const known = await check({ schema, graph, more: { metadata, examples } })
    expect(known).toMatchObject({ graphs: 1, verdict: 'accepted', problems: [] })
  })

  test('one that does not load', () => {
    const problem = { file: 'a.ts', name: 'a', line: 3, column: 1, reason: 'it threw', servingPrevious: false }
    expect(brokenWorkflow(problem)).toEqual({
      name: 'a',
      file: 'a.ts',
      graphs: 0,
      verdict: 'broken',
      problems: [{ severity: 'error', kind: 'broken_module', code: 'broken_module', message: 'it threw', line: 3 }],
    })
  })
})

test('models that callers must name are made up, and nothing is wrong with them', async () => {
  const schema = { model: z.string(), second: z.string().optional() }
  const graph = ({ model, second }: Input): WorkflowGraph => ({
    ...make({ model }),
    ...(second !== undefined && {
      '3': { class_type: 'Make', inputs: { ...plain, model: second } },
      '4': { class_type: 'Save', inputs: { images: ['3', 0], filename_prefix: 'x' } },
    }),
  })
  const result = await check({ schema, graph })
  expect(result.verdict).toBe('accepted')
  expect(codes(result)).toEqual([])
})

test('problems say in which line, where the module can be read', async () => {
  const source = `const RequestSchema = z.object({\n  unused: z.boolean().default(true),\n})\n`
  const written = { schema: { unused: z.boolean().default(true) }, graph: () => make({}), more: { metadata } }
  const line = async (more: object): Promise<CheckProblem['line']> =>
    (await check({ ...written, ...more })).problems[0]?.line
  expect(await line({ source })).toBe(2)
  expect(await line({})).toBeUndefined()
})

test('the built-in table misses a name of a model only where there is none', async () => {
  const { problems } = await check({ schema: {}, graph: () => vaeGraph({}) }, coreCatalogue())
  expect(problems).toMatchObject([{ code: 'required_input_missing', fix: 'Give it the name of a file.' }])
})

function vaeGraph(inputs: Record<string, unknown>): WorkflowGraph {
  return {
    '1': { class_type: 'VAELoader', inputs },
    '2': { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
    '3': { class_type: 'VAEDecode', inputs: { samples: ['2', 0], vae: ['1', 0] } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
  }
}

test('the built-in table does not miss models', async () => {
  const graph = ({ vae }: Input): WorkflowGraph => vaeGraph({ vae_name: vae })
  const result = await check({ schema: { vae: z.string().default('own.safetensors') }, graph }, coreCatalogue())
  expect(result.verdict).toBe('accepted')
  expect(result.problems.filter(({ severity }) => severity !== 'note')).toEqual([])
})

import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import type { ModelFiles } from '../../src/simulator/model-files.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createClient, readProblem } from '../support/call-gateway.ts'
import { countSubmits, type CountedSubmits } from '../support/count-submits.ts'
import { ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { makeDataDir, type RunningGateway, startGateway } from '../support/start-gateway.ts'

const workflows = fileURLToPath(new URL('../fixtures/choosy-workflows', import.meta.url))

const common: ModelFiles = {
  checkpoints: ['common.safetensors', 'sd_xl_base_1.0.safetensors'],
  vae: ['plain.safetensors'],
  loras: ['ink.safetensors'],
}

function simulate(models: ModelFiles, version: '0.33.0' | '0.3.64' = '0.33.0'): Promise<Simulator> {
  return createSimulator({ models, version, stepDelayMs: 0 })
}

const knownSchema = z.object({
  readiness: z.object({ instances: z.array(z.object({ can_run: z.boolean().nullable() })) }),
})

/** Resolves when the nodes of all instances are known. */
async function startKnowing(
  urls: readonly string[],
  flags: Record<string, string> = {},
  dataDir?: string,
): Promise<RunningGateway> {
  const gateway = await startGateway({
    flags: { comfyuiUrl: [...urls], workflows: [workflows], ...flags },
    ...(dataDir !== undefined && { dataDir }),
  })
  await vi.waitFor(
    async () => {
      const response = await fetch(`${gateway.url}/workflows/choosy/half_good`)
      const { readiness } = knownSchema.parse(await response.json())
      expect(readiness.instances.map(({ can_run }) => can_run !== null)).toEqual(urls.map(() => true))
    },
    { timeout: 50_000 },
  )
  return gateway
}

const graph = {
  '1': { class_type: 'EmptyImage', inputs: { width: 16, height: 16, batch_size: 1, color: 7 } },
  '2': { class_type: 'SaveImage', inputs: { images: ['1', 0], filename_prefix: 'x' } },
}
const loader = { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: 'nobody.safetensors' } }

/** Title → path, body, and where the mistake is; without a pointer it is none of the caller. */
const mistakes: readonly [
  title: string,
  path: string,
  body: object,
  expected: readonly [code: string, pointers: (string | undefined)[]],
][] = [
  [
    'a model that nobody has',
    '/choosy/draw',
    { checkpoint: 'commn.safetensors' },
    ['invalid_workflow', ['/checkpoint']],
  ],
  ['a sampler that nobody has', '/choosy/draw', { sampler: 'eulr' }, ['invalid_workflow', ['/sampler']]],
  [
    'a choice that stands for a model that nobody has',
    '/choosy/draw',
    { style: 'fancy' },
    ['invalid_workflow', ['/style']],
  ],
  [
    'a model inside of a list',
    '/choosy/draw',
    { loras: [{ name: 'ink.safetensors' }, { name: 'inky.safetensors' }] },
    ['invalid_workflow', ['/loras/1/name']],
  ],
  ['a number out of the range of the node', '/choosy/draw', { cfg: 1000 }, ['invalid_workflow', ['/cfg']]],
  [
    'several at once',
    '/choosy/draw',
    { cfg: -1, sampler: 'x', checkpoint: 'y' },
    ['invalid_workflow', ['/checkpoint', '/cfg', '/sampler']],
  ],
  [
    'a LoRA that nobody has, behind a switch',
    '/choosy/sample',
    { strength: 1, lora: 'inky.safetensors' },
    ['invalid_workflow', ['/lora']],
  ],
  ['a scheduler that nobody has', '/choosy/sample', { scheduler: 'karas' }, ['invalid_workflow', ['/scheduler']]],
  ['a model that the workflow fixes', '/choosy/needs_model', {}, ['workflow_unavailable', [undefined]]],
  ['a node that the workflow needs', '/choosy/needs_pack', {}, ['workflow_unavailable', [undefined]]],
  ['a number that the workflow fixes', '/choosy/mistaken', {}, ['invalid_workflow', [undefined]]],
  ['one output of two', '/choosy/half_good', { width: 1_000_000 }, ['invalid_workflow', ['/width']]],
  [
    'a wrong link type',
    '/prompt',
    {
      prompt: {
        ...graph,
        '3': loader,
        '2': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'x' } },
      },
    },
    ['invalid_workflow', ['/prompt/2/inputs/images']],
  ],
  [
    'a class that nobody has',
    '/prompt',
    { prompt: { ...graph, '4/x': { class_type: 'EmptyImagee', inputs: {} } } },
    ['invalid_workflow', ['/prompt/4~1x/class_type']],
  ],
  [
    'a graph with a value out of range',
    '/prompt',
    { prompt: { ...graph, '1': { class_type: 'EmptyImage', inputs: { ...graph['1'].inputs, width: 0 } } } },
    ['invalid_workflow', ['/prompt/1/inputs/width']],
  ],
  [
    'a graph without an input',
    '/prompt',
    { prompt: { ...graph, '1': { class_type: 'EmptyImage', inputs: { width: 16 } } } },
    ['invalid_workflow', ['/prompt/1/inputs/height', '/prompt/1/inputs/batch_size', '/prompt/1/inputs/color']],
  ],
  [
    'a graph with a text for a number',
    '/prompt',
    { prompt: { ...graph, '1': { class_type: 'EmptyImage', inputs: { ...graph['1'].inputs, width: '1e2' } } } },
    ['invalid_workflow', ['/prompt/1/inputs/width']],
  ],
  [
    'a graph of which one output is bad',
    '/prompt',
    {
      prompt: {
        ...graph,
        '3': { class_type: 'EmptyImage', inputs: { ...graph['1'].inputs, height: 0 } },
        '4': { class_type: 'PreviewImage', inputs: { images: ['3', 0] } },
      },
    },
    ['invalid_workflow', ['/prompt/3/inputs/height']],
  ],
  ['a graph without an output', '/prompt', { prompt: { '1': graph['1'] } }, ['invalid_workflow', ['/prompt']]],
]

describe.each(['0.33.0', '0.3.64'] as const)('what ComfyUI %s would refuse', (version) => {
  let simulator: Simulator
  let predicting: RunningGateway
  let asking: RunningGateway
  let submits: CountedSubmits
  beforeAll(async () => {
    submits = countSubmits()
    simulator = await simulate(common, version)
    predicting = await startKnowing([simulator.url])
    asking = await startKnowing([simulator.url], { predictRefusals: 'off' })
  })
  afterAll(async () => {
    await predicting.close()
    await asking.close()
    await simulator.close()
    submits[Symbol.dispose]()
  })

  test.each(mistakes)(
    'is refused without asking it, and as it would: %s',
    async (_title, path, body, [code, pointers]) => {
      const before = submits.total
      const predicted = await readProblem(await createClient(() => predicting.url).post(path, body))
      expect(submits.total).toBe(before)
      expect(predicted.job_id).toBeUndefined()
      const told = await readProblem(await createClient(() => asking.url).post(path, body))
      expect(submits.total).toBe(before + 1)
      expect(told.job_id).toBeDefined()
      const facts = ({ status, code, errors, retryable }: typeof told) => ({
        status,
        code,
        retryable,
        errors: errors.map(({ pointer, code, node }) => ({ pointer, code, node })),
      })
      expect(facts(predicted)).toEqual(facts(told))
      expect(predicted.code).toBe(code)
      expect(predicted.errors.map(({ pointer }) => pointer).toSorted()).toEqual(pointers.toSorted())
    },
  )

  test.each([
    ['/choosy/draw', {}],
    ['/choosy/draw', { loras: [{ name: 'ink.safetensors' }] }],
    ['/prompt', { prompt: graph }],
  ])('what it takes runs: %s %j', async (path, body) => {
    expect(await createClient(() => predicting.url).run(path, body)).toMatchObject({ status: 'succeeded' })
  })
})

describe('instances with different models', () => {
  let first: Simulator
  let second: Simulator
  let gateway: RunningGateway
  let submits: CountedSubmits
  const client = createClient(() => gateway.url)
  beforeAll(async () => {
    submits = countSubmits()
    first = await simulate(common)
    second = await simulate({ ...common, checkpoints: ['other.safetensors'], loras: ['second.safetensors'] })
    gateway = await startKnowing([first.url, second.url])
  })
  afterAll(async () => {
    await gateway.close()
    await first.close()
    await second.close()
    submits[Symbol.dispose]()
  })

  test('a value that only one has runs there', async () => {
    for (const [checkpoint, { url }] of [
      ['other.safetensors', second],
      ['common.safetensors', first],
    ] as const) {
      const before = submits.to(url)
      await client.run('/choosy/draw', { checkpoint })
      expect(submits.to(url)).toBe(before + 1)
    }
  })

  test('a value that nobody has is refused with the nearest names of all, and with those that were asked', async () => {
    const problem = await readProblem(await client.post('/choosy/draw', { checkpoint: 'othr.safetensors' }))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow', retryable: false })
    const [error] = problem.errors
    expect(error).toMatchObject({ pointer: '/checkpoint', code: 'value_not_in_list' })
    for (const part of [
      '"othr.safetensors"',
      '"other.safetensors"',
      new URL(first.url).host,
      new URL(second.url).host,
    ]) {
      expect(error?.message).toContain(part)
    }
  })

  test('a model that the module knows where to get is refused with that, and with the parameter', async () => {
    const body = { strength: 1, lora: 'rare.safetensors' }
    const problem = await readProblem(await client.post('/choosy/sample', body))
    expect(problem).toMatchObject({ status: 422, errors: [{ pointer: '/lora', code: 'value_not_in_list' }] })
    expect(problem.detail).toContain('belongs into models/loras')
    expect(problem.detail).toContain('https://models.example/rare.safetensors')
    expect(await client.run('/choosy/sample', { ...body, strength: 0 })).toMatchObject({ status: 'succeeded' })
  })

  test('what they have only together is refused, with who has what', async () => {
    const body = { checkpoint: 'common.safetensors', loras: [{ name: 'second.safetensors' }] }
    const problem = await readProblem(await client.post('/choosy/draw', body))
    expect(problem).toMatchObject({ status: 422, code: 'invalid_workflow' })
    expect(problem.detail).toContain(`only ${new URL(second.url).host} has "second.safetensors"`)
  })

  test('a model and a node that a workflow needs are named, with where they are to be had', async () => {
    const model = await readProblem(await client.post('/choosy/needs_model', {}))
    expect(model).toMatchObject({ status: 503, code: 'workflow_unavailable', retryable: false })
    expect(model.detail).toContain('rare.safetensors')
    expect(model.detail).toContain('models/vae')
    expect(model.detail).toContain('https://models.example/rare.safetensors')
    const pack = await readProblem(await client.post('/choosy/needs_pack', {}))
    expect(pack).toMatchObject({ status: 503, code: 'workflow_unavailable', retryable: false })
    expect(pack.detail).toContain('RarePolish')
    expect(pack.detail).toContain('https://packs.example/rare')
  })
})

test('a default that nobody has makes the workflow unavailable; a value that somebody has runs', async () => {
  const simulator = await simulate({ ...common, checkpoints: ['other.safetensors'] })
  const gateway = await startKnowing([simulator.url])
  const client = createClient(() => gateway.url)
  try {
    const problem = await readProblem(await client.post('/choosy/draw', {}))
    expect(problem).toMatchObject({ status: 503, code: 'workflow_unavailable', retryable: false })
    expect(problem.detail).toMatch(/common\.safetensors.*default of checkpoint/)
    await client.run('/choosy/draw', { checkpoint: 'other.safetensors' })
  } finally {
    await gateway.close()
    await simulator.close()
  }
})

test('a model that an old ComfyUI would only miss while it runs is missed before', async () => {
  const simulator = await simulate({ ...common, upscale_models: ['even.pth'] }, '0.3.64')
  const gateway = await startKnowing([simulator.url])
  const client = createClient(() => gateway.url)
  try {
    const problem = await readProblem(await client.post('/choosy/upscale', {}))
    expect(problem).toMatchObject({
      status: 503,
      code: 'workflow_unavailable',
      errors: [{ node: { input: 'model_name' } }],
    })
    const chosen = await readProblem(await client.post('/choosy/upscale', { model: 'evn.pth' }))
    expect(chosen).toMatchObject({ status: 422, code: 'invalid_workflow', errors: [{ pointer: '/model' }] })
    await client.run('/choosy/upscale', { model: 'even.pth' })
  } finally {
    await gateway.close()
    await simulator.close()
  }
})

test('a model that comes is taken at once, without a restart of anything', async () => {
  await using comfyui = await new ScriptedComfyui({ runsAlone: true }).listen()
  const classes = ['EmptyLatentImage', 'EmptyImage', 'VAELoader', 'VAEDecode', 'SaveImage']
  comfyui.objectInfo = Object.fromEntries(classes.map((name) => [name, coreNode(name)]))
  comfyui.on('GET /object_info/:id', ({ id }) => ({ json: { [id]: comfyui.objectInfo[id] } }))
  const gateway = await startKnowing([comfyui.url])
  const client = createClient(() => gateway.url)
  try {
    const problem = await readProblem(await client.post('/choosy/needs_model', {}))
    expect(problem).toMatchObject({ status: 503, code: 'workflow_unavailable' })
    expect(comfyui.prompts).toEqual([])
    comfyui.objectInfo['VAELoader'] = {
      ...coreNode('VAELoader'),
      input: { required: { vae_name: [['rare.safetensors'], {}] } },
    }
    // What was asked for a moment ago is not asked for again.
    const status = async () => {
      const response = await client.post('/choosy/needs_model', {})
      await response.arrayBuffer()
      return response.status
    }
    await expect.poll(status, { timeout: 50_000 }).toBe(200)
    expect(comfyui.prompts).toHaveLength(1)
  } finally {
    await gateway.close()
  }
})

test('a job that failed for want of a model is not run once more where nobody has it', async () => {
  const simulator = await simulate(common)
  const dataDir = await makeDataDir()
  try {
    const asking = await startGateway({
      dataDir,
      flags: { comfyuiUrl: [simulator.url], workflows: [workflows], predictRefusals: 'off' },
    })
    const failed = await readProblem(await createClient(() => asking.url).post('/choosy/needs_model', {}))
    await asking.close()
    const gateway = await startKnowing([simulator.url], {}, dataDir)
    const again = await readProblem(
      await createClient(() => gateway.url).post(`/jobs/${failed.job_id ?? ''}/retry`, {}),
    )
    await gateway.close()
    expect([failed.code, again.code]).toEqual(['workflow_unavailable', 'workflow_unavailable'])
    expect(again.job_id).toBeUndefined()
  } finally {
    await simulator.close()
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('an instance of which nothing is known yet may have everything', async () => {
  await using comfyui = await new ScriptedComfyui({ runsAlone: true }).listen()
  comfyui.on('GET /object_info', () => 'never')
  const gateway = await startGateway({ flags: { comfyuiUrl: [comfyui.url], workflows: [workflows] } })
  try {
    await expect.poll(async () => (await fetch(`${gateway.url}/ready`)).status).toBe(200)
    await createClient(() => gateway.url).run('/choosy/needs_pack', {})
  } finally {
    await gateway.close()
  }
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { workflowDescriptionSchema, workflowListSchema } from '../../src/http/schemas/workflow.ts'
import { readProblem } from '../support/call-gateway.ts'
import type { ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { setStage, type Stage, type StageOptions } from '../support/scripted-stage.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const patience = { timeout: 20_000 }

/** The node classes of a server with these model files. */
function nodes(models: readonly string[], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    CheckpointLoaderSimple: {
      input: { required: { ckpt_name: [models] } },
      output: ['MODEL', 'CLIP', 'VAE'],
      output_node: false,
      python_module: 'nodes',
    },
    Paint: { input: { required: { model: ['MODEL'], steps: ['INT', { min: 1, max: 50 }] } }, output: ['IMAGE'] },
    SaveImage: {
      input: { required: { images: ['IMAGE'], filename_prefix: ['STRING', {}] } },
      output: [],
      output_node: true,
      python_module: 'nodes',
    },
    ...more,
  }
}

const upscaler = { Upscale: { input: { required: { image: ['IMAGE'] } }, output: ['IMAGE'] } }

/** A module that paints with a model, and does what `tail` says with the picture. */
function source(model: string, { steps = '20', upscales = false } = {}): string {
  const upscale = upscales ? `'3': { class_type: 'Upscale', inputs: { image: ['2', 0] } },` : ''
  return `import { z } from 'zod'
import { defineWorkflow } from 'comfyui-api'
export default defineWorkflow({
  RequestSchema: z.object({ prompt: z.string().default('') }),
  generateWorkflow: () => ({
    '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: '${model}' } },
    '2': { class_type: 'Paint', inputs: { model: ['1', 0], steps: ${steps} } },
    ${upscale}
    '9': { class_type: 'SaveImage', inputs: { images: ['${upscales ? '3' : '2'}', 0], filename_prefix: '' } },
  }),
  metadata: {
    requiredModels: [{ name: '${model}', directory: 'checkpoints', url: 'https://models.example/${model}', sha256: 'ab12', sizeBytes: 7 }],
    requiredNodes: [{ pack: 'upscale-pack', url: 'https://packs.example/upscale', classTypes: ['Upscale'] }],
  },
})
`
}

let folder: WorkflowFolder
let stage: Stage
beforeEach(() => {
  folder = new WorkflowFolder({ 'paint/a.ts': source('a.safetensors'), 'paint/b.ts': source('b.safetensors') })
})
afterEach(async () => {
  await stage[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

async function start(servers: NonNullable<StageOptions['servers']>, options: StageOptions = {}): Promise<void> {
  const flags = { workflows: [folder.path], ...options.flags }
  stage = await setStage({ listIntervalMs: 50, ...options, servers, flags })
}

async function get(path: string): Promise<unknown> {
  return (await fetch(stage.gateway.url + path)).json()
}

async function describeIt(name: string) {
  return workflowDescriptionSchema.parse(await get(`/workflows/${name}`))
}

async function canRun(name: string): Promise<(boolean | null)[]> {
  return (await describeIt(name)).readiness.instances.map(({ can_run }) => can_run)
}

async function isReady(name: string): Promise<boolean | null> {
  return (await describeIt(name)).readiness.ready
}

const askedSchema = z.object({ status: z.string(), reason: z.string().nullable() })
async function askReady(): Promise<[number, string]> {
  const response = await fetch(`${stage.gateway.url}/ready`)
  return [response.status, askedSchema.parse(await response.json()).reason ?? '']
}

function idOf({ url }: ScriptedComfyui): string {
  return new URL(url).host
}

describe('the readiness of a workflow', () => {
  test('is told for each instance, with what is missing and where to get it', async () => {
    folder.write('paint/large.ts', source('a.safetensors', { upscales: true }))
    await start([
      { objectInfo: nodes(['a.safetensors'], upscaler) },
      { objectInfo: nodes(['b.safetensors']) },
      { objectInfo: nodes(['b.safetensors']) },
    ])
    await expect.poll(() => canRun('paint/large'), patience).toEqual([true, false, false])
    const { readiness } = await describeIt('paint/large')
    const [first = '', second = '', third = ''] = stage.servers.map(idOf)
    expect(readiness).toMatchObject({ ready: true, reason: null })
    expect(readiness.instances[0]).toEqual({ id: first, status: 'ready', can_run: true, reason: null, lacks: [] })
    expect(readiness.instances[1]?.reason).toContain('Upscale')
    expect(readiness.instances[1]?.lacks).toEqual([
      {
        node_id: '1',
        class_type: 'CheckpointLoaderSimple',
        input: 'ckpt_name',
        value: 'a.safetensors',
        message: expect.stringContaining('models/checkpoints, from https://models.example/a.safetensors'),
        pack: null,
        model: {
          name: 'a.safetensors',
          directory: 'checkpoints',
          url: 'https://models.example/a.safetensors',
          sha256: 'ab12',
          size_bytes: 7,
        },
      },
      {
        node_id: '3',
        class_type: 'Upscale',
        input: null,
        value: null,
        message: 'There is no node class Upscale; it is in the pack upscale-pack, from https://packs.example/upscale.',
        pack: { pack: 'upscale-pack', version: null, url: 'https://packs.example/upscale', class_types: ['Upscale'] },
        model: null,
      },
    ])
    // What is equal was checked once.
    expect(readiness.checks.map(({ instances, verdict }) => [instances, verdict])).toEqual([
      [[first], 'accepted'],
      [[second, third], 'refused'],
    ])
    await expect.poll(() => isReady('paint/b'), patience).toBe(true)
    const { data } = workflowListSchema.parse(await get('/workflows'))
    const listed = new Map(data.map((each) => [each.name, each.readiness]))
    expect(listed.get('paint/large')).toMatchObject({ ready: true, instances: [{ can_run: true }, {}, {}] })
    expect(listed.get('paint/large')?.errors).toBeGreaterThan(0)
    expect(listed.get('paint/b')?.ready).toBe(true)
  })

  test('has what the check of the module found', async () => {
    folder.write('paint/wrong.ts', source('a.safetensors', { steps: '99' }))
    await start([{ objectInfo: nodes(['a.safetensors']) }])
    await expect.poll(() => isReady('paint/wrong'), patience).toBe(false)
    const { readiness } = await describeIt('paint/wrong')
    expect(readiness.checks[0]?.problems).toContainEqual(
      expect.objectContaining({ severity: 'error', code: 'value_bigger_than_max', node: '2', input: 'steps' }),
    )
    expect(readiness.reason).toContain('steps')
  })

  test('follows the models of an instance without a new connection', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }])
    await expect.poll(() => isReady('paint/b'), patience).toBe(false)
    expect(await isReady('paint/a')).toBe(true)
    stage.comfyui.objectInfo = nodes(['b.safetensors'])
    await expect.poll(() => isReady('paint/b'), patience).toBe(true)
    await expect.poll(() => isReady('paint/a'), patience).toBe(false)
    expect(stage.comfyui.count('GET /object_info')).toBe(1)
    expect(stage.comfyui.handshakes.length).toBe(1)
    // Only lists of files are worth asking for.
    const asked = stage.comfyui.requests.filter(({ name }) => name === 'GET /object_info/:id').map(({ id }) => id)
    expect([...new Set(asked)]).toEqual(['CheckpointLoaderSimple'])
  })

  test('follows the node classes when the instance comes back, and asks its Manager for packs', async () => {
    folder.write('paint/other.ts', source('a.safetensors', { upscales: true }).replaceAll(`['Upscale']`, '[]'))
    await start([{ objectInfo: nodes(['a.safetensors'], upscaler) }])
    await expect.poll(() => isReady('paint/other'), patience).toBe(true)
    expect(stage.comfyui.count('GET /customnode/getmappings')).toBe(0)
    const pack = 'https://github.com/example/comfyui-upscale'
    stage.comfyui.on('GET /customnode/getmappings', () => ({
      json: { [pack]: [['Upscale', 'Downscale'], { title_aux: 'Upscalers' }] },
    }))
    stage.comfyui.objectInfo = nodes(['a.safetensors'])
    stage.comfyui.dropSockets()
    await expect.poll(() => isReady('paint/other'), patience).toBe(false)
    await expect
      .poll(async () => (await describeIt('paint/other')).readiness.instances[0]?.lacks, patience)
      .toMatchObject([{ class_type: 'Upscale', input: null, pack: { pack: 'Upscalers', url: pack } }])
    expect((await describeIt('paint/other')).readiness.reason).toContain(pack)
  })

  test('is not known before an instance has told its nodes', async () => {
    await start([{ objectInfo: {} }])
    expect((await describeIt('paint/a')).readiness).toMatchObject({
      ready: null,
      reason: 'No instance has told what it can run yet.',
      checks: [],
    })
  })
})

describe('GET /ready', () => {
  test('waits for the workflows that are required', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }], { flags: { require: ['paint/a', 'paint/b'] } })
    const says = async () => (await askReady())[1]
    await expect.poll(says, patience).toContain('b.safetensors')
    const [status, reason] = await askReady()
    expect(status).toBe(503)
    expect(reason).toContain('paint/b is not ready')
    stage.comfyui.objectInfo = nodes(['a.safetensors', 'b.safetensors'])
    await expect.poll(askReady, patience).toEqual([200, ''])
  })

  test('is never ready for a workflow that there is not, and says which is near', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }], { env: { COMFYUI_API_REQUIRE: 'paint/a, paint/aa' } })
    await expect.poll(() => isReady('paint/a'), patience).toBe(true)
    expect(await askReady()).toEqual([503, 'There is no workflow paint/aa. Did you mean paint/a?'])
  })
})

describe('a job', () => {
  test('is refused before it is queued when no instance can run it, with what is missing', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }])
    await expect.poll(() => isReady('paint/b'), patience).toBe(false)
    const refused = await stage.client.post('/paint/b', {})
    const problem = await readProblem(refused)
    expect(problem).toMatchObject({ status: 503, code: 'workflow_unavailable', retryable: false })
    expect(JSON.stringify(problem)).toContain('b.safetensors')
    expect(JSON.stringify(problem)).toContain('https://models.example/b.safetensors')
    expect(stage.comfyui.count('POST /prompt')).toBe(0)
    expect(await get('/jobs')).toMatchObject({ data: [] })
  })

  test('goes only to an instance that has the model, and waits while that one is busy', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }, { objectInfo: nodes(['b.safetensors']) }], {
      flags: { submitAhead: '0' },
    })
    const [has, lacks] = stage.servers
    if (has === undefined || lacks === undefined) throw new Error('two servers were set up')
    await expect.poll(() => canRun('paint/a'), patience).toEqual([true, false])
    const jobs = [await stage.client.submit('/paint/a', {}), await stage.client.submit('/paint/a', {})]
    const first = await has.nextPrompt()
    expect((await stage.client.job(jobs[1]?.id ?? '')).status).toBe('queued')
    // Other jobs are not held up by it.
    const other = await stage.client.submit('/paint/b', {})
    const prompt = await lacks.nextPrompt()
    prompt.run({ '9': { images: [] } })
    await stage.ended(other)
    first.run({ '9': { images: [] } })
    ;(await has.nextPrompt()).run({ '9': { images: [] } })
    for (const job of jobs) expect((await stage.ended(job)).status).toBe('succeeded')
    expect(lacks.prompts.length).toBe(1)
  })

  test('waits for the instance that has the model while that one is away', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }, { objectInfo: nodes(['b.safetensors']) }])
    const [has, lacks] = stage.servers
    if (has === undefined || lacks === undefined) throw new Error('two servers were set up')
    await expect.poll(() => canRun('paint/a'), patience).toEqual([true, false])
    await has.hide()
    await stage.untilInstance(has, 'reconnecting')
    expect(await isReady('paint/a')).toBe(false)
    const job = await stage.client.submit('/paint/a', {})
    await has.listen()
    ;(await has.nextPrompt()).run({ '9': { images: [] } })
    expect((await stage.ended(job)).status).toBe('succeeded')
    expect(lacks.prompts.length).toBe(0)
  })

  test('waits for an instance without holding up those for another, however many wait', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }, { objectInfo: nodes(['b.safetensors']) }], {
      flags: { submitAhead: '0' },
    })
    const [busy, idle] = stage.servers
    if (busy === undefined || idle === undefined) throw new Error('two servers were set up')
    await expect.poll(() => canRun('paint/a'), patience).toEqual([true, false])
    await Promise.all(Array.from({ length: 150 }, () => stage.client.submit('/paint/a', {})))
    const other = await stage.client.submit('/paint/b', {})
    ;(await idle.nextPrompt()).run({ '9': { images: [] } })
    expect((await stage.ended(other)).status).toBe('succeeded')
    expect(busy.prompts.length).toBe(1)
  })

  test('that waits ends with a clear error when its model disappears from every instance', async () => {
    await start([{ objectInfo: nodes(['a.safetensors']) }], { flags: { submitAhead: '0' } })
    await expect.poll(() => isReady('paint/a'), patience).toBe(true)
    const [running, waiting] = [await stage.client.submit('/paint/a', {}), await stage.client.submit('/paint/a', {})]
    const first = await stage.comfyui.nextPrompt()
    stage.comfyui.objectInfo = nodes(['b.safetensors'])
    stage.comfyui.on('POST /prompt', () => ({
      status: 400,
      json: {
        error: { type: 'prompt_outputs_failed_validation', message: 'Prompt outputs failed validation', details: '' },
        node_errors: {
          '1': {
            class_type: 'CheckpointLoaderSimple',
            dependent_outputs: ['9'],
            errors: [
              {
                type: 'value_not_in_list',
                message: 'Value not in list',
                details: "ckpt_name: 'a.safetensors' not in ['b.safetensors']",
                extra_info: { input_name: 'ckpt_name' },
              },
            ],
          },
        },
      },
    }))
    await expect.poll(() => isReady('paint/a'), patience).toBe(false)
    first.run({ '9': { images: [] } })
    expect((await stage.ended(running)).status).toBe('succeeded')
    const ended = await stage.ended(waiting)
    expect(ended).toMatchObject({ status: 'failed', error: { code: 'workflow_unavailable', retryable: false } })
    expect(JSON.stringify(ended.error)).toContain('a.safetensors')
  })
})

import { afterEach, describe, expect, test } from 'vitest'
import { modelListSchema } from '../../src/http/schemas/models.ts'
import { problemSchema } from '../../src/http/schemas/problem.ts'
import { workflowDescriptionSchema } from '../../src/http/schemas/workflow.ts'
import type { InstanceModels } from '../../src/instances/instance.ts'
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts'
import { createFront } from '../support/front-server.ts'
import { startGateway, type RunningGateway } from '../support/start-gateway.ts'
import { startTestApp } from '../support/start-test-app.ts'

describe('the list of models', () => {
  const one: InstanceModels = {
    id: 'gpu-1',
    state: 'ready',
    files: new Map([
      ['vae', ['b.safetensors', 'a.safetensors']],
      ['data', ['odd.bin']],
      ['loras', []],
    ]),
    asOfMs: Date.UTC(2026, 0, 1),
    failure: undefined,
    samplers: ['euler', 'ddim'],
    schedulers: ['simple'],
  }
  const two: InstanceModels = {
    ...one,
    id: 'gpu-2',
    files: new Map([['vae', ['b.safetensors', 'sub/c.safetensors']]]),
    samplers: ['euler', 'lcm'],
  }
  const silent: InstanceModels = {
    ...one,
    id: 'gpu-3',
    state: 'connecting',
    files: undefined,
    asOfMs: undefined,
    failure: 'not reached yet',
    samplers: [],
    schedulers: [],
  }

  async function ask(query: string, ...instances: InstanceModels[]) {
    await using gateway = await startTestApp({
      options: { inventory: { models: async () => instances, readiness: () => [] } },
    })
    const response = await fetch(`${gateway.url}/models${query}`)
    const body: unknown = await response.json()
    return response.status === 200 ? modelListSchema.parse(body) : problemSchema.parse(body)
  }

  test('is merged over the instances, as a plain map and with who has what', async () => {
    expect(await ask('', one, two, silent)).toEqual({
      vae: ['a.safetensors', 'b.safetensors', 'sub/c.safetensors'],
      loras: [],
      data: {
        vae: [
          { name: 'a.safetensors', instances: ['gpu-1'] },
          { name: 'b.safetensors', instances: ['gpu-1', 'gpu-2'] },
          { name: 'sub/c.safetensors', instances: ['gpu-2'] },
        ],
        data: [{ name: 'odd.bin', instances: ['gpu-1'] }],
        loras: [],
      },
      samplers: [
        { name: 'euler', instances: ['gpu-1', 'gpu-2'] },
        { name: 'ddim', instances: ['gpu-1'] },
        { name: 'lcm', instances: ['gpu-2'] },
      ],
      schedulers: [{ name: 'simple', instances: ['gpu-1', 'gpu-2'] }],
      instances: [
        { id: 'gpu-1', status: 'ready', answered: true, as_of: '2026-01-01T00:00:00.000Z', reason: null },
        { id: 'gpu-2', status: 'ready', answered: true, as_of: '2026-01-01T00:00:00.000Z', reason: null },
        { id: 'gpu-3', status: 'connecting', answered: false, as_of: null, reason: 'not reached yet' },
      ],
    })
  })

  test('can be narrowed to an instance and to a type', async () => {
    const narrowed = await ask('?instance=gpu-2&type=vae', one, two)
    expect(narrowed).toMatchObject({ vae: ['b.safetensors', 'sub/c.safetensors'], instances: [{ id: 'gpu-2' }] })
    expect(Object.keys(narrowed).sort()).toEqual(['data', 'instances', 'samplers', 'schedulers', 'vae'])
  })

  test('says when a type or an instance is not known', async () => {
    expect(await ask('?type=vea', one, two)).toMatchObject({
      code: 'validation_error',
      detail: expect.stringContaining('did you mean `vae`?'),
    })
    expect(await ask('?type=vea', one, silent)).toMatchObject({ data: {} })
    expect(await ask('?instance=gpu-9', one)).toMatchObject({
      code: 'instance_not_found',
      detail: expect.stringContaining('gpu-1'),
    })
    expect(await ask('?tipe=vae', one)).toMatchObject({ code: 'validation_error' })
    expect(await ask('?type=vae&type=loras', one)).toMatchObject({
      detail: expect.stringContaining('type must be given once'),
    })
  })
})

describe('real instances', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  async function simulate(models: Record<string, string[]>): Promise<Simulator> {
    const simulator = await createSimulator({ models, stepDelayMs: 0 })
    closers.push(() => simulator.close())
    return simulator
  }

  async function start(...urls: string[]): Promise<RunningGateway> {
    const gateway = await startGateway({ flags: { comfyuiUrl: urls } })
    closers.push(() => gateway.close())
    return gateway
  }

  async function modelsOf(gateway: RunningGateway) {
    return modelListSchema.parse(await (await fetch(`${gateway.url}/models`)).json())
  }

  test('tell their models, samplers and schedulers; one that is away is named', async () => {
    const [first, second] = [await simulate({ vae: ['a.safetensors'] }), await simulate({ loras: ['b.safetensors'] })]
    const away = await createSimulator({ stepDelayMs: 0 })
    await away.close()
    const gateway = await start(first.url, second.url, away.url)
    const haveTold = async () => {
      const { instances, samplers } = await modelsOf(gateway)
      const complete = samplers.every((sampler) => sampler.instances.length === 2) && samplers.length > 0
      return complete && instances.map(({ answered }) => answered)
    }
    await expect.poll(haveTold).toEqual([true, true, false])
    const list = await modelsOf(gateway)
    const [firstId = '', secondId = '', awayId] = list.instances.map(({ id }) => id)
    expect(list.data['vae']).toEqual([{ name: 'a.safetensors', instances: [firstId] }])
    expect(list.data['loras']).toEqual([{ name: 'b.safetensors', instances: [secondId] }])
    expect(list.checkpoints).toEqual([])
    expect(list).not.toHaveProperty('custom_nodes')
    expect(list.schedulers).toContainEqual({ name: 'simple', instances: [firstId, secondId] })
    expect(list.instances[2]).toMatchObject({ id: awayId, answered: false, as_of: null, reason: expect.any(String) })
  }, 40_000)

  test('are not asked for each request', async () => {
    const simulator = await simulate({ vae: ['a.safetensors'] })
    const front = await createFront(simulator.url, () => undefined)
    closers.push(() => front.close())
    const gateway = await start(front.url)
    const isKnown = async () => (await modelsOf(gateway)).instances[0]?.answered
    await expect.poll(isKnown).toBe(true)
    await Promise.all(Array.from({ length: 50 }, () => modelsOf(gateway)))
    const asked = front.requests.filter((request) => request === 'GET /api/models').length
    expect(asked).toBeGreaterThan(0)
    expect(asked).toBeLessThan(10)
  }, 40_000)

  test('are compared with what a workflow needs', async () => {
    const name = 'qwen/qwen_base_txt2img'
    const full = await createSimulator({ stepDelayMs: 0 })
    closers.push(() => full.close())
    const poor = await simulate({
      vae: ['other.safetensors'],
      diffusion_models: ['x.safetensors'],
      text_encoders: ['y'],
    })
    const gateway = await start(full.url, poor.url)
    const describeIt = async () =>
      workflowDescriptionSchema.parse(await (await fetch(`${gateway.url}/workflows/${name}`)).json())
    const canRun = async () => (await describeIt()).readiness.instances.map(({ can_run }) => can_run)
    await expect.poll(canRun).toEqual([true, false])
    const { readiness } = await describeIt()
    expect(readiness.ready).toBe(true)
    expect(readiness.instances[1]?.lacks.map(({ input, value }) => [input, value]).sort()).toEqual([
      ['clip_name', 'qwen_2.5_vl_7b_fp8_scaled.safetensors'],
      ['unet_name', 'qwen_image_fp8_e4m3fn.safetensors'],
      ['vae_name', 'qwen_image_vae.safetensors'],
    ])
  }, 40_000)
})

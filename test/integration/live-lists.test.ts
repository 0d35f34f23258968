import { fileURLToPath } from 'node:url'
import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { coreNode } from '../../src/comfyui/wire/core-nodes.ts'
import { createClient } from '../support/call-gateway.ts'
import { ScriptedComfyui } from '../support/scripted-comfyui.ts'
import { startGateway } from '../support/start-gateway.ts'

const workflows = fileURLToPath(new URL('../fixtures/choosy-workflows', import.meta.url))
const classes = [
  'CheckpointLoaderSimple',
  'LoraLoader',
  'LoraLoaderModelOnly',
  'CLIPTextEncode',
  'VAELoader',
  'EmptyLatentImage',
  'KSampler',
  'VAEDecode',
  'SaveImage',
]

/** A ComfyUI with these checkpoints, which may become others. */
async function serve(checkpoints: readonly string[]): Promise<ScriptedComfyui> {
  const comfyui = await new ScriptedComfyui({ runsAlone: true }).listen()
  comfyui.objectInfo = Object.fromEntries(classes.map((name) => [name, coreNode(name)]))
  comfyui.objectInfo['VAELoader'] = withNames('VAELoader', 'vae_name', ['plain.safetensors'])
  comfyui.on('GET /object_info/:id', ({ id }) => ({ json: { [id]: comfyui.objectInfo[id] } }))
  setCheckpoints(comfyui, checkpoints)
  comfyui.objectInfo['LoraLoader'] = withNames('LoraLoader', 'lora_name', ['ink.safetensors'])
  return comfyui
}

function withNames(classType: string, input: string, names: readonly string[]): object {
  return { ...coreNode(classType), input: { required: { [input]: [names, {}] } } }
}

function setCheckpoints(comfyui: ScriptedComfyui, names: readonly string[]): void {
  comfyui.objectInfo['CheckpointLoaderSimple'] = withNames('CheckpointLoaderSimple', 'ckpt_name', names)
}

const parameterSchema = z.looseObject({
  default: z.unknown().optional(),
  anyOf: z
    .tuple([z.looseObject({ $ref: z.string().optional(), enum: z.array(z.string()).optional() }), z.unknown()])
    .optional(),
})
const documentSchema = z.object({
  components: z.object({
    schemas: z
      .object({
        ChoosyDrawInput: z.object({ properties: z.object({ checkpoint: parameterSchema, sampler: parameterSchema }) }),
      })
      .catchall(z.looseObject({ enum: z.array(z.string()).optional() })),
  }),
})

test('what parameters may be follows the instances, in the document and in the description, and a new name is taken', async () => {
  await using first = await serve(['common.safetensors', 'b.safetensors'])
  await using second = await serve(['c.safetensors'])
  const gateway = await startGateway({ flags: { comfyuiUrl: [first.url, second.url], workflows: [workflows] } })
  const client = createClient(() => gateway.url)

  async function listed() {
    const response = await fetch(`${gateway.url}/openapi.json`)
    const { schemas } = documentSchema.parse(await response.json()).components
    const { checkpoint, sampler } = schemas.ChoosyDrawInput.properties
    const namesOf = ({ anyOf }: z.infer<typeof parameterSchema>) =>
      schemas[anyOf?.[0].$ref?.replace('#/components/schemas/', '') ?? '']?.enum
    return {
      checkpoint,
      checkpoints: namesOf(checkpoint),
      samplers: namesOf(sampler),
      etag: response.headers.get('etag'),
    }
  }

  try {
    const before = await vi.waitFor(
      async () => {
        const found = await listed()
        expect(found.checkpoints).toEqual(['common.safetensors', 'b.safetensors', 'c.safetensors'])
        return found
      },
      { timeout: 50_000 },
    )
    expect(before.samplers).toContain('dpmpp_2m')
    expect(before.checkpoint).toMatchObject({
      default: 'common.safetensors',
      description: 'The model',
      anyOf: [{}, { type: 'string' }],
    })
    expect((await listed()).etag).toBe(before.etag)
    const described = await (await fetch(`${gateway.url}/workflows/choosy/draw`)).json()
    const { input } = z
      .object({ input: z.object({ properties: z.object({ checkpoint: parameterSchema }) }) })
      .parse(described)
    expect(input.properties.checkpoint.anyOf?.[0].enum).toEqual(before.checkpoints)

    setCheckpoints(second, ['c.safetensors', 'new.safetensors'])
    await vi.waitFor(
      async () => {
        const response = await client.post('/choosy/draw', { checkpoint: 'new.safetensors' })
        await response.arrayBuffer()
        expect(response.status).toBe(200)
      },
      { timeout: 50_000, interval: 300 },
    )
    expect([first.prompts.length, second.prompts.length]).toEqual([0, 1])
    const after = await listed()
    expect(after.checkpoints).toContain('new.safetensors')
    expect(after.etag).not.toBe(before.etag)
  } finally {
    await gateway.close()
  }
})

test('a parameter that says what it names has the list of that, even where no graph for its defaults shows it', async () => {
  await using comfyui = await serve(['common.safetensors'])
  const gateway = await startGateway({ flags: { comfyuiUrl: [comfyui.url], workflows: [workflows] } })
  const described = async () => {
    const response = await fetch(`${gateway.url}/workflows/choosy/sample`)
    const { input } = describedSchema.parse(await response.json())
    return input.properties
  }
  try {
    const properties = await vi.waitFor(
      async () => {
        const found = await described()
        expect(found['lora']?.anyOf?.[0].enum).toEqual(['ink.safetensors'])
        return found
      },
      { timeout: 50_000 },
    )
    expect(properties['lora']).toMatchObject({ 'x-comfyui-model': 'loras', description: 'The LoRA' })
    expect(properties['checkpoint']).toMatchObject({
      'x-comfyui-model': 'checkpoints',
      default: 'common.safetensors',
      anyOf: [{ enum: ['common.safetensors'] }, { type: 'string', minLength: 1 }],
    })
    expect(properties['sampler']?.anyOf?.[0].enum).toContain('dpmpp_2m')
    expect(properties['scheduler']?.anyOf?.[0].enum).toContain('karras')
    expect(properties['seed']).not.toHaveProperty('default')
  } finally {
    await gateway.close()
  }
})

const describedSchema = z.object({ input: z.object({ properties: z.record(z.string(), parameterSchema) }) })

import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createClient } from '../support/call-gateway.ts'
import { editorFile } from '../support/editor-file.ts'
import { type RunningGateway, startGateway } from '../support/start-gateway.ts'
import { WorkflowFolder } from '../support/workflow-folder.ts'

const timeoutMs = 60_000

/** A model that nobody has but who makes this workflow. */
const checkpoint = 'of-this-workflow-alone.safetensors'
const textToImage = editorFile([
  { id: 1, type: 'CheckpointLoaderSimple', values: [checkpoint], outputs: ['MODEL', 'CLIP', 'VAE'] },
  { id: 2, type: 'CLIPTextEncode', values: ['a fox'], inputs: { clip: [1, 1] }, outputs: ['CONDITIONING'] },
  { id: 3, type: 'CLIPTextEncode', values: [''], inputs: { clip: [1, 1] }, outputs: ['CONDITIONING'] },
  { id: 4, type: 'EmptyLatentImage', values: [64, 64, 1], outputs: ['LATENT'] },
  {
    id: 5,
    type: 'KSampler',
    values: [1, 'fixed', 2, 7, 'euler', 'normal', 1],
    inputs: { model: [1, 0], positive: [2, 0], negative: [3, 0], latent_image: [4, 0] },
    outputs: ['LATENT'],
  },
  { id: 6, type: 'VAEDecode', inputs: { samples: [5, 0], vae: [1, 2] }, outputs: ['IMAGE'] },
  { id: 7, type: 'SaveImage', values: ['x'], inputs: { images: [6, 0] } },
])
/** Classes of which the simulator executes none. */
const everyKind = {
  '1': { class_type: 'LoadImage', inputs: { image: 'example.png' } },
  '2': { class_type: 'ImageBlur', inputs: { image: ['1', 0], blur_radius: 1, sigma: 1 } },
  '3': { class_type: 'CreateVideo', inputs: { images: ['2', 0], fps: 8 } },
  '4': {
    class_type: 'SaveVideo',
    inputs: { video: ['3', 0], filename_prefix: 'x', format: 'auto', 'format.codec': 'auto' },
  },
  '5': { class_type: 'EmptyAudio', inputs: { duration: 1, sample_rate: 44100, channels: 2 } },
  '6': { class_type: 'SaveAudioMP3', inputs: { audio: ['5', 0], filename_prefix: 'x', quality: 'V0' } },
  '7': { class_type: 'SaveAudioOpus', inputs: { audio: ['5', 0], filename_prefix: 'x', quality: '64k' } },
  '8': { class_type: 'SaveAudio', inputs: { audio: ['5', 0], filename_prefix: 'x' } },
  '9': { class_type: 'VAELoader', inputs: { vae_name: 'of-a-form.safetensors' } },
  '10': { class_type: 'EmptyLatentHunyuan3Dv2', inputs: { resolution: 3072, batch_size: 1 } },
  '11': {
    class_type: 'VAEDecodeHunyuan3D',
    inputs: { samples: ['10', 0], vae: ['9', 0], num_chunks: 8000, octree_resolution: 256 },
  },
  '12': { class_type: 'VoxelToMesh', inputs: { voxel: ['11', 0], algorithm: 'basic', threshold: 0.6 } },
  '13': { class_type: 'SaveGLB', inputs: { mesh: ['12', 0], filename_prefix: 'x' } },
  '14': { class_type: 'ImageToMask', inputs: { image: ['2', 0], channel: 'red' } },
  '15': { class_type: 'MaskPreview', inputs: { mask: ['14', 0] } },
  '16': { class_type: 'SaveImage', inputs: { images: ['2', 0], filename_prefix: 'x' } },
  '17': { class_type: 'StringReplace', inputs: { string: 'a red fox', find: 'red', replace: 'blue' } },
  '18': { class_type: 'PreviewAny', inputs: { source: ['17', 0] } },
}

const sound = {
  '1': { class_type: 'LoadAudio', inputs: { audio: 'example.wav' } },
  '2': { class_type: 'SaveAudioMP3', inputs: { audio: ['1', 0], filename_prefix: 'x', quality: 'V0' } },
}

let folder: WorkflowFolder
let gateway: RunningGateway
const client = createClient(() => gateway.url)
beforeAll(async () => {
  folder = new WorkflowFolder({
    'every_kind.api.json': JSON.stringify(everyKind),
    'sound.api.json': JSON.stringify(sound),
  })
  gateway = await startGateway({
    flags: { demo: true },
    env: { WORKFLOW_DIR: folder.path, COMFYUI_API_WATCH: 'native', COMFYUI_API_DEMO_STEP_MS: '0' },
  })
}, timeoutMs)
afterAll(async () => {
  await gateway.close()
  folder[Symbol.dispose]()
}, timeoutMs)

const documentSchema = z.object({ paths: z.record(z.string(), z.looseObject({ post: z.unknown().optional() })) })
const operationSchema = z.object({
  requestBody: z.object({
    content: z.object({
      'application/json': z.object({
        examples: z.object({ minimal: z.object({ value: z.record(z.string(), z.unknown()) }) }),
      }),
    }),
  }),
})

/** The smallest body that the documentation shows. */
async function smallestExample(route: string): Promise<Record<string, unknown>> {
  const response = await fetch(`${gateway.url}/openapi.json`)
  const operation = operationSchema.parse(documentSchema.parse(await response.json()).paths[route]?.post)
  return operation.requestBody.content['application/json'].examples.minimal.value
}

test(
  'classes that the simulator cannot execute give small files of the right kinds',
  async () => {
    const example = await smallestExample('/every_kind')
    expect(Object.keys(example)).toEqual(['image'])
    const { outputs } = await client.run('/every_kind', example)
    const kinds = outputs.map(({ node_id: node, type, content_type: contentType }) => [node, type, contentType])
    expect(new Map(kinds.map(([node, ...kind]) => [node, kind]))).toEqual(
      new Map([
        ['4', ['video', 'video/mp4']],
        ['6', ['audio', 'audio/mpeg']],
        ['7', ['audio', 'audio/ogg']],
        ['8', ['audio', 'audio/flac']],
        ['13', ['3d', 'model/gltf-binary']],
        ['16', ['image', 'image/png']],
        ['18', ['text', 'text/plain; charset=utf-8']],
      ]),
    )
    for (const { url, content_type: contentType } of outputs) {
      const response = await fetch(new URL(url, gateway.url))
      const bytes = Buffer.from(await response.arrayBuffer())
      if (!contentType.startsWith('image/')) expect(bytes.toString('latin1')).toContain('SIMULATED')
    }
  },
  timeoutMs,
)

test(
  'an export that is put into the folder is an endpoint at once, with the models that it names',
  async () => {
    expect((await client.post('/draw', {})).status).toBe(404)
    folder.write('draw.json', JSON.stringify(textToImage))
    await until(async () => (await fetch(`${gateway.url}/workflows/draw`)).ok)
    const { outputs } = await client.run('/draw', { prompt: 'a red fox' })
    expect(outputs).toMatchObject([{ type: 'image', content_type: 'image/png', node_id: '7' }])
    const refused = await client.post('/draw', { checkpoint: 'of-nobody.safetensors' })
    expect(refused.status).toBe(422)

    folder.remove('draw.json')
    await until(async () => (await fetch(`${gateway.url}/workflows/draw`)).status === 404)
    expect((await client.post('/draw', {})).status).toBe(404)
  },
  timeoutMs,
)

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await pause(20)
}

test(
  'a sound is taken where one belongs, and a picture is not',
  async () => {
    const body = await smallestExample('/sound')
    const made = await client.post('/sound', body)
    expect(await made.json()).toMatchObject({ status: 'succeeded', outputs: [{ content_type: 'audio/mpeg' }] })
    const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='
    const refused = await client.post('/sound', { audio: picture })
    expect(refused.status).toBe(422)
    expect(await refused.json()).toMatchObject({
      code: 'unsupported_input',
      errors: [{ pointer: '/audio', code: 'unsupported_type' }],
    })
  },
  timeoutMs,
)

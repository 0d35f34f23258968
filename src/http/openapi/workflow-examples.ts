import type { z } from 'zod'
import type { instanceSchema } from '../schemas/instance.ts'
import type { ModelListResource } from '../schemas/models.ts'
import type { RenderedWorkflow } from '../schemas/render.ts'
import type { workflowDescriptionSchema, workflowListSchema } from '../schemas/workflow.ts'

const instance = '127.0.0.1:8188'
const name = 'qwen/qwen_base_txt2img'
const vae = 'qwen_image_vae.safetensors'

const summary = {
  name,
  url: `/${name}`,
  summary: 'Qwen Image: text to image',
  file: `${name}.ts`,
  generation: 1,
  warnings: [],
  links: {
    self: `/workflows/${name}`,
    run: `/${name}`,
    render: `/workflows/${name}/render`,
    jobs: `/jobs?workflow=${encodeURIComponent(name)}`,
    docs: '/docs',
  },
}

const missingVae = `VAELoader has no "${vae}" for vae_name; it belongs into models/vae.`

export const workflowListExample: z.infer<typeof workflowListSchema> = {
  data: [
    {
      ...summary,
      readiness: {
        ready: true,
        reason: null,
        instances: [{ id: instance, status: 'ready', can_run: true, reason: null }],
        errors: 0,
        warnings: 0,
      },
    },
  ],
  problems: [
    {
      file: 'mine/draft.ts',
      name: 'mine/draft',
      line: 12,
      column: 3,
      reason: 'Unexpected token',
      serving_previous: false,
    },
  ],
}

export const workflowDescriptionExample: z.infer<typeof workflowDescriptionSchema> = {
  ...summary,
  description: 'Draws an image from a description with Qwen Image.',
  input: {
    type: 'object',
    properties: { prompt: { type: 'string' }, steps: { type: 'integer', default: 20 } },
    required: ['prompt'],
    additionalProperties: false,
  },
  media: [],
  output: { description: 'POST answers with the job, and its images as base64 in `images`.', names: { image: '60' } },
  examples: { minimal: { prompt: 'a lighthouse at dusk' }, full: { prompt: 'a lighthouse at dusk', steps: 20 } },
  requires: {
    models: [{ name: vae, directory: 'vae', url: null, sha256: null, size_bytes: null }],
    nodes: [],
  },
  readiness: {
    ready: true,
    reason: null,
    instances: [{ id: instance, status: 'ready', can_run: true, reason: null, lacks: [] }],
    checks: [{ instances: [instance], verdict: 'accepted', problems: [] }],
  },
}

export const renderedWorkflowExample: RenderedWorkflow = {
  workflow: name,
  prompt: {
    '39': { class_type: 'VAELoader', inputs: { vae_name: vae }, _meta: { title: 'VAELoader' } },
    '60': {
      class_type: 'SaveImage',
      inputs: { images: ['8', 0], filename_prefix: 'comfyui-api/render' },
      _meta: { title: 'SaveImage' },
    },
  },
  parameters: { prompt: 'a lighthouse at dusk', steps: 20, seed: 8_123_776_215_113 },
  input_files: [],
  outputs: [{ node_id: '60', class_type: 'SaveImage', name: 'image' }],
  unresolved: [],
  instances: [
    {
      id: instance,
      status: 'ready',
      can_run: false,
      reason: missingVae,
      lacks: [
        {
          node_id: '39',
          class_type: 'VAELoader',
          input: 'vae_name',
          value: vae,
          message: missingVae,
          pack: null,
          model: { name: vae, directory: 'vae', url: null, sha256: null, size_bytes: null },
        },
      ],
    },
  ],
  warnings: [],
}

export const modelListExample: ModelListResource = {
  data: { vae: [{ name: vae, instances: [instance] }], loras: [] },
  vae: [vae],
  loras: [],
  samplers: [{ name: 'euler', instances: [instance] }],
  schedulers: [{ name: 'simple', instances: [instance] }],
  instances: [{ id: instance, status: 'ready', answered: true, as_of: '2026-01-01T12:00:00.000Z', reason: null }],
}

export const instanceExample: z.infer<typeof instanceSchema> = {
  id: instance,
  url: `http://${instance}`,
  status: 'ready',
  reason: null,
  since: '2026-01-01T12:00:00.000Z',
  version: '0.33.0',
  in_flight: 1,
  capacity: 2,
  queue_remaining: 1,
  running_job: '0b9c1c5e-3f0e-4c9f-9a43-5d6f3c1a7e21',
  models: [vae],
  recent_failures: [],
  devices: [{ name: 'cuda:0 NVIDIA GPU', vram_total_bytes: 25_757_220_864, vram_free_bytes: 22_548_578_304 }],
}

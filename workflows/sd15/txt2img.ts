import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed } from 'comfyui-api'
import { sd15Models } from './_models.ts'

export default defineWorkflow({
  summary: 'Stable Diffusion 1.5: text to image',
  description: `Draws an image from a description. Small and quick: runs on a GPU with 4 GB, and the graph is the shortest there is,
which makes this module a good one to copy.`,

  RequestSchema: z.object({
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    width: z.int().min(64).max(1024).multipleOf(8).default(512).describe('Pixels, a multiple of 8'),
    height: z.int().min(64).max(1024).multipleOf(8).default(512).describe('Pixels, a multiple of 8'),
    batch_size: z.int().min(1).max(8).default(1).describe('How many images to draw'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(7).describe('How closely the image follows the prompt'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('normal').describe('How the noise is spread over the steps'),
    checkpoint_name: model('checkpoints')
      .default(sd15Models[0].name)
      .describe('Checkpoint of the Stable Diffusion 1 family'),
  }),

  generateWorkflow: (input) => ({
    '3': {
      class_type: 'KSampler',
      inputs: {
        model: ['4', 0],
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['5', 0],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: 1,
      },
    },
    '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint_name } },
    '5': {
      class_type: 'EmptyLatentImage',
      inputs: { width: input.width, height: input.height, batch_size: input.batch_size },
    },
    '6': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.prompt, clip: ['4', 1] },
      _meta: { title: 'Positive prompt' },
    },
    '7': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.negative_prompt, clip: ['4', 1] },
      _meta: { title: 'Negative prompt' },
    },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['4', 2] } },
    '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'sd15_txt2img' } },
  }),

  outputs: { image: '9' },

  examples: [
    { prompt: 'A lighthouse on a cliff at dusk, oil painting' },
    { prompt: 'A bowl of lemons, studio photograph', negative_prompt: 'text, watermark', steps: 30, seed: 42 },
  ],

  metadata: { requiredModels: sd15Models },
})

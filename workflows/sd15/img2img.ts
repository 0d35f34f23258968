import { z } from 'zod'
import { defineWorkflow, image, model, sampler, scheduler, seed } from 'comfyui-api'
import { exampleImage } from '../_shared/example-image.ts'
import { resizeMethods } from '../_shared/resize-methods.ts'
import { sd15Models } from './_models.ts'

export default defineWorkflow({
  summary: 'Stable Diffusion 1.5: image to image',
  description: `Redraws an image as the prompt says. \`denoise\` decides how much of it stays.

The image is scaled to \`megapixels\` first, because the model draws best at about a quarter of a megapixel.`,

  RequestSchema: z.object({
    image: image().describe('The image to begin with'),
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    denoise: z.number().min(0).max(1).default(0.75).describe('0 keeps the image, 1 ignores it'),
    megapixels: z.number().min(0.1).max(1).default(0.25).describe('Size to draw at'),
    upscale_method: z.enum(resizeMethods).default('lanczos').describe('How the image is resized'),
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
        latent_image: ['12', 0],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.denoise,
      },
    },
    '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint_name } },
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
    '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'sd15_img2img' } },
    '10': { class_type: 'LoadImage', inputs: { image: input.image } },
    '11': {
      class_type: 'ImageScaleToTotalPixels',
      inputs: {
        image: ['10', 0],
        upscale_method: input.upscale_method,
        megapixels: input.megapixels,
        resolution_steps: 8,
      },
    },
    '12': { class_type: 'VAEEncode', inputs: { pixels: ['11', 0], vae: ['4', 2] } },
  }),

  outputs: { image: '9' },

  examples: [{ image: exampleImage, prompt: 'A cardboard box on a shelf, photograph' }],

  metadata: { requiredModels: sd15Models },
})

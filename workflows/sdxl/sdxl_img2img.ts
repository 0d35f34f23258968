import { z } from 'zod'
import { defineWorkflow, image, model, sampler, scheduler, seed } from 'comfyui-api'
import { exampleImage } from '../_shared/example-image.ts'
import { resizeMethods } from '../_shared/resize-methods.ts'
import { sdxlBase } from './_models.ts'

export default defineWorkflow({
  summary: 'SDXL: image to image',
  description: `Redraws an image as the prompt says, with a checkpoint of the Stable Diffusion XL family. \`denoise\` decides how much of
the image stays.

The image is scaled and cropped to \`width\` × \`height\`, which is the size of the result. The checkpoint's own VAE is used
unless \`vae_name\` is given, and a LoRA is loaded only when \`lora_name\` is given.`,

  RequestSchema: z.object({
    image: image().describe('The image to begin with'),
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    denoise: z.number().min(0).max(1).default(0.75).describe('0 keeps the image, 1 ignores it'),
    width: z.int().min(256).max(2048).multipleOf(8).default(1024).describe('Pixels, a multiple of 8'),
    height: z.int().min(256).max(2048).multipleOf(8).default(1024).describe('Pixels, a multiple of 8'),
    upscale_method: z.enum(resizeMethods).default('lanczos').describe('How the image is resized'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(5.5).describe('How closely the image follows the prompt'),
    sampler_name: sampler().default('dpmpp_2m_sde_gpu').describe('Sampling algorithm'),
    scheduler: scheduler().default('exponential').describe('How the noise is spread over the steps'),
    checkpoint_name: model('checkpoints').default(sdxlBase.name).describe('Checkpoint of the SDXL family'),
    vae_name: model('vae').optional().describe('A VAE to use. Default: that of the checkpoint'),
    lora_name: model('loras').optional().describe('A LoRA to load. Default: none'),
    lora_strength: z.number().min(0).max(2).default(1).describe('Strength of the LoRA; means nothing without one'),
  }),

  generateWorkflow: (input) => {
    const hasLora = input.lora_name !== undefined
    const clip = hasLora ? ['10', 1] : ['4', 1]
    const vae = input.vae_name === undefined ? ['4', 2] : ['11', 0]
    return {
      '3': {
        class_type: 'KSampler',
        inputs: {
          model: hasLora ? ['10', 0] : ['4', 0],
          positive: ['6', 0],
          negative: ['7', 0],
          latent_image: ['14', 0],
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
        inputs: { text: input.prompt, clip },
        _meta: { title: 'Positive prompt' },
      },
      '7': {
        class_type: 'CLIPTextEncode',
        inputs: { text: input.negative_prompt, clip },
        _meta: { title: 'Negative prompt' },
      },
      '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae } },
      '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'sdxl_img2img' } },
      ...(hasLora && {
        '10': {
          class_type: 'LoraLoader',
          inputs: {
            model: ['4', 0],
            clip: ['4', 1],
            lora_name: input.lora_name,
            strength_model: input.lora_strength,
            strength_clip: input.lora_strength,
          },
        },
      }),
      ...(input.vae_name !== undefined && {
        '11': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } },
      }),
      '12': { class_type: 'LoadImage', inputs: { image: input.image } },
      '13': {
        class_type: 'ImageScale',
        inputs: {
          image: ['12', 0],
          upscale_method: input.upscale_method,
          width: input.width,
          height: input.height,
          crop: 'center',
        },
      },
      '14': { class_type: 'VAEEncode', inputs: { pixels: ['13', 0], vae } },
    }
  },

  outputs: { image: '9' },

  examples: [
    { image: exampleImage, prompt: 'A cardboard box on a workbench, studio photograph' },
    { image: exampleImage, prompt: 'A lantern in the snow', denoise: 0.5, width: 832, height: 1216, seed: 42 },
  ],

  metadata: { requiredModels: [sdxlBase] },
})

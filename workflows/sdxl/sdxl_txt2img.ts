import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed } from 'comfyui-api'
import { sdxlBase } from './_models.ts'

export default defineWorkflow({
  summary: 'SDXL: text to image',
  description: `Draws an image from a description with a checkpoint of the Stable Diffusion XL family. About one megapixel is best.

The checkpoint's own VAE is used unless \`vae_name\` is given, and a LoRA is loaded only when \`lora_name\` is given.`,

  RequestSchema: z.object({
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    width: z.int().min(256).max(2048).multipleOf(8).default(1024).describe('Pixels, a multiple of 8'),
    height: z.int().min(256).max(2048).multipleOf(8).default(1024).describe('Pixels, a multiple of 8'),
    batch_size: z.int().min(1).max(8).default(1).describe('How many images to draw'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(8).describe('How closely the image follows the prompt'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('normal').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Below 1 part of the noise stays in the image'),
    checkpoint_name: model('checkpoints').default(sdxlBase.name).describe('Checkpoint of the SDXL family'),
    vae_name: model('vae').optional().describe('A VAE to use. Default: that of the checkpoint'),
    lora_name: model('loras').optional().describe('A LoRA to load. Default: none'),
    lora_strength: z.number().min(0).max(2).default(1).describe('Strength of the LoRA; means nothing without one'),
  }),

  generateWorkflow: (input) => {
    const hasLora = input.lora_name !== undefined
    const clip = hasLora ? ['10', 1] : ['4', 1]
    return {
      '3': {
        class_type: 'KSampler',
        inputs: {
          model: hasLora ? ['10', 0] : ['4', 0],
          positive: ['6', 0],
          negative: ['7', 0],
          latent_image: ['5', 0],
          seed: input.seed,
          steps: input.steps,
          cfg: input.cfg,
          sampler_name: input.sampler_name,
          scheduler: input.scheduler,
          denoise: input.denoise,
        },
      },
      '4': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint_name } },
      '5': {
        class_type: 'EmptyLatentImage',
        inputs: { width: input.width, height: input.height, batch_size: input.batch_size },
      },
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
      '8': {
        class_type: 'VAEDecode',
        inputs: { samples: ['3', 0], vae: input.vae_name === undefined ? ['4', 2] : ['11', 0] },
      },
      '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'sdxl_txt2img' } },
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
    }
  },

  outputs: { image: '9' },

  examples: [
    { prompt: 'A narrow street in an old harbour town, morning fog, photograph' },
    {
      prompt: 'An astronaut riding a horse, pencil drawing',
      negative_prompt: 'text, watermark',
      width: 832,
      height: 1216,
      steps: 30,
      seed: 42,
    },
  ],

  metadata: { requiredModels: [sdxlBase] },
})

import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed } from 'comfyui-api'

export default defineWorkflow({
  summary: 'FLUX.1 [schnell]: text to image in four steps',
  description: `Draws an image from a description in a few steps. FLUX.1 [schnell] may be used for any purpose (Apache 2.0).

Leave \`cfg\` at 1, where \`negative_prompt\` has no effect; above 1 it counts, and each step takes twice as long. A LoRA is
loaded only when \`lora_name\` is given.`,

  RequestSchema: z.object({
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image; counts only when cfg is above 1'),
    width: z.int().min(256).max(2048).multipleOf(16).default(1024).describe('Pixels, a multiple of 16'),
    height: z.int().min(256).max(2048).multipleOf(16).default(1024).describe('Pixels, a multiple of 16'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(4).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(1).describe('Leave it at 1: the model was made to do without'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('simple').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Below 1 part of the noise stays in the image'),
    unet_name: model('diffusion_models').default('flux1-schnell.safetensors').describe('Diffusion model'),
    clip_name1: model('text_encoders').default('clip_l.safetensors').describe('First text encoder (CLIP)'),
    clip_name2: model('text_encoders').default('t5xxl_fp8_e4m3fn.safetensors').describe('Second text encoder (T5)'),
    vae_name: model('vae').default('ae.safetensors').describe('VAE'),
    lora_name: model('loras').optional().describe('A LoRA to load. Default: none'),
    lora_strength: z.number().min(0).max(2).default(1).describe('Strength of the LoRA; means nothing without one'),
  }),

  generateWorkflow: (input) => ({
    '3': {
      class_type: 'KSampler',
      inputs: {
        model: input.lora_name === undefined ? ['31', 0] : ['27', 0],
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
    '5': {
      class_type: 'EmptySD3LatentImage',
      inputs: { width: input.width, height: input.height, batch_size: 1 },
    },
    '6': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.prompt, clip: ['34', 0] },
      _meta: { title: 'Positive prompt' },
    },
    '7': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.negative_prompt, clip: ['34', 0] },
      _meta: { title: 'Negative prompt' },
    },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['32', 0] } },
    '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'flux_txt2img' } },
    ...(input.lora_name !== undefined && {
      '27': {
        class_type: 'LoraLoaderModelOnly',
        inputs: { model: ['31', 0], lora_name: input.lora_name, strength_model: input.lora_strength },
      },
    }),
    '31': { class_type: 'UNETLoader', inputs: { unet_name: input.unet_name, weight_dtype: 'default' } },
    '32': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } },
    '34': {
      class_type: 'DualCLIPLoader',
      inputs: { clip_name1: input.clip_name1, clip_name2: input.clip_name2, type: 'flux', device: 'default' },
    },
  }),

  outputs: { image: '9' },

  examples: [
    { prompt: 'A glass greenhouse in the rain at night, lit from within' },
    { prompt: 'A hand-painted sign that reads "FRESH BREAD"', width: 1344, height: 768, seed: 42 },
  ],

  metadata: {
    requiredModels: [
      {
        name: 'flux1-schnell.safetensors',
        directory: 'diffusion_models',
        url: 'https://huggingface.co/black-forest-labs/FLUX.1-schnell/resolve/main/flux1-schnell.safetensors',
      },
      {
        name: 'clip_l.safetensors',
        directory: 'text_encoders',
        url: 'https://huggingface.co/comfyanonymous/flux_text_encoders/resolve/main/clip_l.safetensors',
      },
      {
        name: 't5xxl_fp8_e4m3fn.safetensors',
        directory: 'text_encoders',
        url: 'https://huggingface.co/comfyanonymous/flux_text_encoders/resolve/main/t5xxl_fp8_e4m3fn.safetensors',
      },
      {
        name: 'ae.safetensors',
        directory: 'vae',
        url: 'https://huggingface.co/black-forest-labs/FLUX.1-schnell/resolve/main/ae.safetensors',
      },
    ],
  },
})

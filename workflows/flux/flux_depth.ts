import { z } from 'zod'
import { defineWorkflow, image, model, sampler, scheduler, seed } from 'comfyui-api'
import { exampleImage } from '../_shared/example-image.ts'

export default defineWorkflow({
  summary: 'FLUX.1 Depth: text to image along a depth map',
  description: `Draws a new image whose shapes lie where a depth map has them. \`image\` is the depth map: near is light, far is dark.

The map is scaled and cropped to \`width\` × \`height\`, which is the size of the result. The model is FLUX.1 Depth [dev];
to use FLUX.1 [dev] with the depth LoRA instead, give \`unet_name\` and \`lora_name\`.`,

  RequestSchema: z.object({
    image: image().describe('The depth map: near is light, far is dark'),
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image; counts only when cfg is above 1'),
    width: z.int().min(256).max(2048).multipleOf(16).default(1024).describe('Pixels, a multiple of 16'),
    height: z.int().min(256).max(2048).multipleOf(16).default(1024).describe('Pixels, a multiple of 16'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    guidance: z.number().min(0).max(100).default(30).describe('How closely the image follows prompt and depth map'),
    cfg: z.number().min(0).max(20).default(1).describe('Leave it at 1: FLUX.1 [dev] has its own guidance'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('simple').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Below 1 part of the noise stays in the image'),
    unet_name: model('diffusion_models').default('flux1-depth-dev.safetensors').describe('Diffusion model'),
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
        model: ['30', 0],
        positive: ['35', 0],
        negative: ['35', 1],
        latent_image: ['35', 2],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.denoise,
      },
    },
    '7': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.negative_prompt, clip: ['34', 0] },
      _meta: { title: 'Negative prompt' },
    },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['32', 0] } },
    '9': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'flux_depth' } },
    '17': { class_type: 'LoadImage', inputs: { image: input.image }, _meta: { title: 'Depth map' } },
    '18': {
      class_type: 'ImageScale',
      inputs: {
        image: ['17', 0],
        upscale_method: 'lanczos',
        width: input.width,
        height: input.height,
        crop: 'center',
      },
    },
    '23': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.prompt, clip: ['34', 0] },
      _meta: { title: 'Positive prompt' },
    },
    '26': { class_type: 'FluxGuidance', inputs: { conditioning: ['23', 0], guidance: input.guidance } },
    ...(input.lora_name !== undefined && {
      '27': {
        class_type: 'LoraLoaderModelOnly',
        inputs: { model: ['31', 0], lora_name: input.lora_name, strength_model: input.lora_strength },
      },
    }),
    '30': {
      class_type: 'ModelSamplingFlux',
      inputs: {
        model: input.lora_name === undefined ? ['31', 0] : ['27', 0],
        max_shift: 1.15,
        base_shift: 0.5,
        width: input.width,
        height: input.height,
      },
    },
    '31': { class_type: 'UNETLoader', inputs: { unet_name: input.unet_name, weight_dtype: 'default' } },
    '32': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } },
    '34': {
      class_type: 'DualCLIPLoader',
      inputs: { clip_name1: input.clip_name1, clip_name2: input.clip_name2, type: 'flux', device: 'default' },
    },
    '35': {
      class_type: 'InstructPixToPixConditioning',
      inputs: { positive: ['26', 0], negative: ['7', 0], vae: ['32', 0], pixels: ['18', 0] },
    },
  }),

  outputs: { image: '9' },

  examples: [
    { image: exampleImage, prompt: 'A paper lantern on a wooden table, soft evening light' },
    {
      image: exampleImage,
      prompt: 'A stone tower in the fog',
      width: 832,
      height: 1216,
      unet_name: 'flux1-dev.safetensors',
      lora_name: 'flux1-depth-dev-lora.safetensors',
      guidance: 10,
    },
  ],

  metadata: {
    requiredModels: [
      {
        name: 'flux1-depth-dev.safetensors',
        directory: 'diffusion_models',
        url: 'https://huggingface.co/black-forest-labs/FLUX.1-Depth-dev/resolve/main/flux1-depth-dev.safetensors',
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

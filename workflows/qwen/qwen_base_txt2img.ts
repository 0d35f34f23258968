import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed } from 'comfyui-api'

export default defineWorkflow({
  summary: 'Qwen Image: text to image',
  description: `Draws an image from a description with Qwen Image, which is good at text inside of images and at Chinese.

The model has about 20 billion parameters: the fp8 files named below need a GPU with 24 GB, or patience.`,

  RequestSchema: z.object({
    prompt: z.string().min(1).describe('What to draw'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    width: z.int().min(256).max(2048).multipleOf(16).default(1024).describe('Pixels, a multiple of 16'),
    height: z.int().min(256).max(2048).multipleOf(16).default(1536).describe('Pixels, a multiple of 16'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(4.5).describe('How closely the image follows the prompt'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('simple').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Below 1 part of the noise stays in the image'),
    shift: z.number().min(0).max(10).default(3.1).describe('Higher values spend more steps on composition'),
    unet_name: model('diffusion_models').default('qwen_image_fp8_e4m3fn.safetensors').describe('Diffusion model'),
    clip_name: model('text_encoders').default('qwen_2.5_vl_7b_fp8_scaled.safetensors').describe('Text encoder'),
    vae_name: model('vae').default('qwen_image_vae.safetensors').describe('VAE'),
  }),

  generateWorkflow: (input) => ({
    '3': {
      class_type: 'KSampler',
      inputs: {
        model: ['66', 0],
        positive: ['6', 0],
        negative: ['7', 0],
        latent_image: ['58', 0],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.denoise,
      },
    },
    '6': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.prompt, clip: ['38', 0] },
      _meta: { title: 'Positive prompt' },
    },
    '7': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.negative_prompt, clip: ['38', 0] },
      _meta: { title: 'Negative prompt' },
    },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['39', 0] } },
    '37': { class_type: 'UNETLoader', inputs: { unet_name: input.unet_name, weight_dtype: 'default' } },
    '38': { class_type: 'CLIPLoader', inputs: { clip_name: input.clip_name, type: 'qwen_image', device: 'default' } },
    '39': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } },
    '58': {
      class_type: 'EmptySD3LatentImage',
      inputs: { width: input.width, height: input.height, batch_size: 1 },
    },
    '60': { class_type: 'SaveImage', inputs: { images: ['8', 0], filename_prefix: 'qwen_base_txt2img' } },
    '66': { class_type: 'ModelSamplingAuraFlow', inputs: { model: ['37', 0], shift: input.shift } },
  }),

  outputs: { image: '60' },

  examples: [
    { prompt: 'A red fox in fresh snow at sunrise, photograph' },
    {
      prompt: 'A shop window with the words "OPEN LATE" in neon letters',
      negative_prompt: 'blurry, low quality',
      width: 1328,
      height: 1328,
      seed: 42,
    },
  ],

  metadata: {
    requiredModels: [
      {
        name: 'qwen_image_fp8_e4m3fn.safetensors',
        directory: 'diffusion_models',
        url: 'https://huggingface.co/Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/diffusion_models/qwen_image_fp8_e4m3fn.safetensors',
      },
      {
        name: 'qwen_2.5_vl_7b_fp8_scaled.safetensors',
        directory: 'text_encoders',
        url: 'https://huggingface.co/Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/text_encoders/qwen_2.5_vl_7b_fp8_scaled.safetensors',
      },
      {
        name: 'qwen_image_vae.safetensors',
        directory: 'vae',
        url: 'https://huggingface.co/Comfy-Org/Qwen-Image_ComfyUI/resolve/main/split_files/vae/qwen_image_vae.safetensors',
      },
    ],
  },
})

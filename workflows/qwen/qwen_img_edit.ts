import { z } from 'zod'
import { defineWorkflow, image, model, sampler, scheduler, seed } from 'comfyui-api'
import { exampleImage } from '../_shared/example-image.ts'
import { resizeMethods } from '../_shared/resize-methods.ts'

export default defineWorkflow({
  summary: 'Qwen Image Edit: change an image by description',
  description: `Changes an image as the prompt says: "make it night", "replace the text with OPEN", "remove the car".

The image is scaled to one megapixel, edited, and the result is enlarged by \`upscale_factor\`. A LoRA is loaded only when
\`lora_name\` is given. There is no \`normalization_level\`: CFGNorm, the node it would belong to, only has a strength.`,

  RequestSchema: z.object({
    image: image().describe('The image to change'),
    prompt: z.string().min(1).describe('What to change'),
    negative_prompt: z.string().default('').describe('What to keep out of the image'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; more take longer'),
    cfg: z.number().min(0).max(20).default(2.5).describe('How closely the image follows the prompt'),
    sampler_name: sampler().default('euler').describe('Sampling algorithm'),
    scheduler: scheduler().default('simple').describe('How the noise is spread over the steps'),
    denoise: z.number().min(0).max(1).default(1).describe('Lower values keep more of the original image'),
    upscale_factor: z.number().min(0.5).max(4).default(1.25).describe('Size of the result, relative to one megapixel'),
    upscale_method: z.enum(resizeMethods).default('lanczos').describe('How images are resized'),
    shift: z.number().min(0).max(10).default(3).describe('Higher values spend more steps on composition'),
    strength: z.number().min(0).max(2).default(1).describe('Strength of the normalisation of cfg (CFGNorm)'),
    unet_name: model('diffusion_models').default('qwen_image_edit_fp8_e4m3fn.safetensors').describe('Diffusion model'),
    clip_name: model('text_encoders').default('qwen_2.5_vl_7b_fp8_scaled.safetensors').describe('Text encoder'),
    vae_name: model('vae').default('qwen_image_vae.safetensors').describe('VAE'),
    lora_name: model('loras').optional().describe('A LoRA to load, such as Qwen-Image-Lightning. Default: none'),
    lora_strength: z.number().min(0).max(2).default(1).describe('Strength of the LoRA; means nothing without one'),
  }),

  generateWorkflow: (input) => ({
    '3': {
      class_type: 'KSampler',
      inputs: {
        model: ['75', 0],
        positive: ['76', 0],
        negative: ['77', 0],
        latent_image: ['88', 0],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.denoise,
      },
    },
    '8': { class_type: 'VAEDecode', inputs: { samples: ['3', 0], vae: ['39', 0] } },
    '37': { class_type: 'UNETLoader', inputs: { unet_name: input.unet_name, weight_dtype: 'default' } },
    '38': { class_type: 'CLIPLoader', inputs: { clip_name: input.clip_name, type: 'qwen_image', device: 'default' } },
    '39': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } },
    '60': { class_type: 'SaveImage', inputs: { images: ['94', 0], filename_prefix: 'qwen_img_edit' } },
    '66': {
      class_type: 'ModelSamplingAuraFlow',
      inputs: { model: input.lora_name === undefined ? ['37', 0] : ['89', 0], shift: input.shift },
    },
    '75': { class_type: 'CFGNorm', inputs: { model: ['66', 0], strength: input.strength } },
    '76': {
      class_type: 'TextEncodeQwenImageEdit',
      inputs: { clip: ['38', 0], vae: ['39', 0], image: ['93', 0], prompt: input.prompt },
      _meta: { title: 'Positive prompt' },
    },
    '77': {
      class_type: 'TextEncodeQwenImageEdit',
      inputs: { clip: ['38', 0], vae: ['39', 0], image: ['93', 0], prompt: input.negative_prompt },
      _meta: { title: 'Negative prompt' },
    },
    '78': { class_type: 'LoadImage', inputs: { image: input.image } },
    '88': { class_type: 'VAEEncode', inputs: { pixels: ['93', 0], vae: ['39', 0] } },
    ...(input.lora_name !== undefined && {
      '89': {
        class_type: 'LoraLoaderModelOnly',
        inputs: { model: ['37', 0], lora_name: input.lora_name, strength_model: input.lora_strength },
      },
    }),
    '93': {
      class_type: 'ImageScaleToTotalPixels',
      inputs: { image: ['78', 0], upscale_method: input.upscale_method, megapixels: 1, resolution_steps: 1 },
      _meta: { title: 'Scale to one megapixel' },
    },
    '94': {
      class_type: 'ImageScaleBy',
      inputs: { image: ['8', 0], upscale_method: input.upscale_method, scale_by: input.upscale_factor },
      _meta: { title: 'Enlarge the result' },
    },
  }),

  outputs: { image: '60' },

  examples: [
    { image: exampleImage, prompt: 'Turn the box into a wrapped present with a red ribbon' },
    {
      image: exampleImage,
      prompt: 'Make it night',
      steps: 4,
      cfg: 1,
      lora_name: 'Qwen-Image-Lightning-4steps-V1.0.safetensors',
      upscale_factor: 1,
    },
  ],

  metadata: {
    requiredModels: [
      {
        name: 'qwen_image_edit_fp8_e4m3fn.safetensors',
        directory: 'diffusion_models',
        url: 'https://huggingface.co/Comfy-Org/Qwen-Image-Edit_ComfyUI/resolve/main/split_files/diffusion_models/qwen_image_edit_fp8_e4m3fn.safetensors',
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

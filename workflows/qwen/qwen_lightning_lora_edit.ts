import { z } from 'zod'
import { defineWorkflow, image, model, sampler, scheduler, seed } from 'comfyui-api'
import { exampleImage } from '../_shared/example-image.ts'
import { resizeMethods } from '../_shared/resize-methods.ts'

const loraName = 'Qwen-Image-Lightning-4steps-V1.0.safetensors'

export default defineWorkflow({
  summary: 'Qwen Image Edit with the Lightning LoRA: change an image, quickly',
  description: `Changes an image as the prompt says, like \`qwen/qwen_img_edit\`, with the Qwen-Image-Lightning LoRA always loaded.

The LoRA was made for four steps without guidance: \`steps\` 4 and \`cfg\` 1 are about ten times faster than the defaults,
which are for quality. The image is scaled to one megapixel, edited, and the result is enlarged by \`upscale_factor\`.`,

  RequestSchema: z.object({
    image: image().describe('The image to change'),
    prompt: z.string().min(1).describe('What to change'),
    negative_prompt: z.string().default('').describe('What to keep out of the image; counts only when cfg is above 1'),
    seed: seed(),
    steps: z.int().min(1).max(100).default(20).describe('Sampling steps; 4 are enough when cfg is 1'),
    cfg: z.number().min(0).max(20).default(2.5).describe('How closely the image follows the prompt; 1 is fastest'),
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
    lora_strength: z.number().min(0).max(2).default(1).describe('Strength of the Lightning LoRA'),
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
    '60': { class_type: 'SaveImage', inputs: { images: ['94', 0], filename_prefix: 'ComfyUI_Lightning' } },
    '66': { class_type: 'ModelSamplingAuraFlow', inputs: { model: ['72', 0], shift: input.shift } },
    '72': {
      class_type: 'LoraLoaderModelOnly',
      inputs: { model: ['37', 0], lora_name: loraName, strength_model: input.lora_strength },
      _meta: { title: 'Lightning LoRA' },
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
    { image: exampleImage, prompt: 'Turn the box into a stack of old books' },
    { image: exampleImage, prompt: 'Make it a watercolour', steps: 4, cfg: 1, upscale_factor: 1 },
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
      {
        name: loraName,
        directory: 'loras',
        url: `https://huggingface.co/lightx2v/Qwen-Image-Lightning/resolve/main/${loraName}`,
      },
    ],
  },
})

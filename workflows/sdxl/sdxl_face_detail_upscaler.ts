import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed, type WorkflowGraph } from 'comfyui-api'
import { sdxlVae } from './_models.ts'
import { efficiencyNodes, impactPack, impactSubpack } from './_packs.ts'

type Link = readonly [string, number]

const checkpointName = 'huslyorealismxl_v10.safetensors'
const loraName = 'Touch-of-Realism-SDXL-V2.safetensors'
const faceDetector = 'bbox/face_yolov8m.pt'
const eyeDetector = 'bbox/PitEyeDetailer-v2-seg.pt'
const samModel = 'sam_vit_b_01ec64.pth'
const upscaleModel = '4x_foolhardy_Remacri.pth'

const RequestSchema = z.object({
  prompt: z.string().min(1).describe('What to draw'),
  negative_prompt: z
    .string()
    .default('cartoon, illustration, anime, painting, CGI, 3D render, low quality, watermark, logo, label')
    .describe('What to keep out of the image'),
  width: z.int().min(512).max(2048).multipleOf(64).default(768).describe('Pixels before enlarging, a multiple of 64'),
  height: z.int().min(512).max(2048).multipleOf(64).default(1152).describe('Pixels before enlarging, a multiple of 64'),
  seed: seed(),
  steps: z.int().min(1).max(100).default(32).describe('Sampling steps; more take longer'),
  cfg: z.number().min(1).max(20).default(4).describe('How closely the image follows the prompt; 3 to 8 are usual'),
  sampler_name: sampler().default('dpmpp_2m_sde').describe('Sampling algorithm'),
  scheduler: scheduler().default('karras').describe('How the noise is spread over the steps'),
  checkpoint_name: model('checkpoints').default(checkpointName).describe('Checkpoint of the SDXL family'),
  vae_name: z.string().default(sdxlVae.name).describe('VAE; empty: that of the checkpoint'),
  lora1_name: z.string().default(loraName).describe('First LoRA; empty: none'),
  lora1_strength: z.number().min(0.1).max(1.5).default(1).describe('Strength of the first LoRA'),
  lora2_name: z.string().default('').describe('Second LoRA, such as that of a character; empty: none'),
  lora2_strength: z.number().min(0.1).max(1.5).default(0.7).describe('Strength of the second LoRA'),
  lora3_name: z.string().default('').describe('Third LoRA; empty: none'),
  lora3_strength: z.number().min(0.1).max(1.5).default(1).describe('Strength of the third LoRA'),
  face_enhancement_enabled: z.boolean().default(true).describe('Draw faces again, with more detail'),
  face_resolution: z.int().min(256).max(2048).multipleOf(64).default(768).describe('Size to draw a face at, in pixels'),
  face_detection_confidence: z.number().min(0.1).max(1).default(0.5).describe('How sure the detector of faces must be'),
  face_denoise: z.number().min(0).max(1).default(0.5).describe('How much of a face is drawn anew; 0 leaves it'),
  eye_enhancement_enabled: z.boolean().default(true).describe('Draw eyes again, with more detail'),
  eye_resolution: z.int().min(256).max(2048).multipleOf(64).default(1024).describe('Size to draw eyes at, in pixels'),
  eye_denoise: z.number().min(0).max(1).default(0.5).describe('How much of the eyes is drawn anew; 0 leaves them'),
  upscale_enabled: z.boolean().default(true).describe('Enlarge the image'),
  upscale_model: model('upscale_models').default(upscaleModel).describe('Model that enlarges, mostly four times'),
  upscale_factor: z
    .number()
    .min(0.1)
    .max(1)
    .default(0.65)
    .describe('Of the enlarged size: with a model that enlarges four times 0.65 makes the image 2.6 times larger'),
  film_grain_enabled: z.boolean().default(false).describe('Add film grain'),
  film_grain_type: z
    .enum(['Fine', 'Fine Simple', 'Coarse', 'Coarser'])
    .default('Fine Simple')
    .describe('Kind of grain'),
  film_grain_intensity: z.number().min(0).max(1).default(0.1).describe('Strength of the grain'),
  digital_effects_enabled: z.boolean().default(false).describe('Make it look like a cheap digital camera'),
  digital_effects_style: z
    .enum(['Early 2000s Digital', 'Standard Snap Low Light'])
    .default('Early 2000s Digital')
    .describe('Kind of camera'),
  digital_effects_intensity: z.number().min(0).max(1).default(0.2).describe('Strength of the digital look'),
})

type Input = z.infer<typeof RequestSchema>

const maxUint32 = 2 ** 32

export default defineWorkflow({
  summary: 'SDXL portraits: faces and eyes in detail, enlarged',
  description: `Draws a photorealistic image with SDXL, draws faces and then eyes again in detail, enlarges the result, and can add the
look of a cheap digital camera and film grain, in this order. Each of the five can be switched on and off by itself.

The default checkpoint is HuslyoRealismXL from CivitAI; any other of the SDXL family works too. The Efficiency Nodes are
always needed, the other packs by the parts that are on: LoRAs (rgthree-comfy), faces and eyes (Impact Pack and Subpack),
the digital look (ComfySnap), film grain (ProPost).`,

  RequestSchema,

  generateWorkflow: (input) => {
    const sources = loadModels(input)
    const { graph, image } = finish(input, sources)
    return {
      ...sources.graph,
      ...draw(input, sources),
      ...graph,
      '8': { class_type: 'SaveImage', inputs: { images: image, filename_prefix: 'SDXL_FaceDetail' } },
    }
  },

  outputs: { image: '8' },

  // Enlarging and drawing details again go on for long without a word.
  limits: { runTimeoutSeconds: 3600, stallTimeoutSeconds: 600 },

  examples: [
    { prompt: 'Portrait of an old fisherman on a pier, overcast light, 85mm photograph' },
    {
      prompt: 'Two friends laughing in a kitchen, flash photograph',
      upscale_enabled: false,
      digital_effects_enabled: true,
      film_grain_enabled: true,
      seed: 42,
    },
  ],

  metadata: {
    requiredNodes: [
      efficiencyNodes,
      { ...impactPack, classTypes: ['FaceDetailer', 'SAMLoader'] },
      impactSubpack,
      {
        pack: 'rgthree-comfy',
        url: 'https://github.com/rgthree/rgthree-comfy',
        classTypes: ['Lora Loader Stack (rgthree)'],
      },
      {
        pack: 'comfyui-propost',
        url: 'https://github.com/digitaljohn/comfyui-propost',
        classTypes: ['ProPostFilmGrain'],
      },
      {
        pack: 'comfyui-ComfySnap',
        url: 'https://github.com/SignalCha1n/comfyui-ComfySnap',
        classTypes: ['LowQualityDigitalLook'],
      },
    ],
    requiredModels: [
      { name: checkpointName, directory: 'checkpoints' },
      sdxlVae,
      { name: loraName, directory: 'loras', url: 'https://civitai.com/models/1705430/touch-of-realism-sdxl' },
      {
        name: faceDetector,
        directory: 'ultralytics',
        url: 'https://huggingface.co/Bingsu/adetailer/resolve/main/face_yolov8m.pt',
      },
      {
        name: eyeDetector,
        directory: 'ultralytics',
        url: 'https://huggingface.co/Outimus/Adetailer/resolve/main/PitEyeDetailer-v2-seg.pt',
      },
      { name: samModel, directory: 'sams', url: `https://dl.fbaipublicfiles.com/segment_anything/${samModel}` },
      {
        name: upscaleModel,
        directory: 'upscale_models',
        url: `https://huggingface.co/FacehugmanIII/4x_foolhardy_Remacri/resolve/main/${upscaleModel}`,
        sha256: 'e1a73bd89c2da1ae494774746398689048b5a892bd9653e146713f9df8bca86a',
      },
    ],
  },
})

interface Sources {
  readonly graph: WorkflowGraph
  readonly model: Link
  readonly clip: Link
  /** Without LoRAs: what the negative prompt is read by. */
  readonly plainClip: Link
  readonly vae: Link
}

function loadModels(input: Input): Sources {
  const hasLora = [input.lora1_name, input.lora2_name, input.lora3_name].some((name) => name !== '')
  const hasVae = input.vae_name !== ''
  return {
    graph: {
      '1': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint_name } },
      '2': { class_type: 'CLIPSetLastLayer', inputs: { clip: ['1', 1], stop_at_clip_layer: -2 } },
      ...(hasVae && { '9': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } } }),
      ...(hasLora && {
        '21': {
          class_type: 'Lora Loader Stack (rgthree)',
          inputs: {
            model: ['1', 0],
            clip: ['2', 0],
            lora_01: input.lora1_name || 'None',
            strength_01: input.lora1_strength,
            lora_02: input.lora2_name || 'None',
            strength_02: input.lora2_strength,
            lora_03: input.lora3_name || 'None',
            strength_03: input.lora3_strength,
            lora_04: 'None',
            strength_04: 1,
          },
        },
      }),
    },
    model: hasLora ? ['21', 0] : ['1', 0],
    clip: hasLora ? ['21', 1] : ['2', 0],
    plainClip: ['2', 0],
    vae: hasVae ? ['9', 0] : ['1', 2],
  }
}

function draw(input: Input, { model, clip, plainClip, vae }: Sources): WorkflowGraph {
  return {
    '3': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.prompt, clip },
      _meta: { title: 'Positive prompt' },
    },
    '4': {
      class_type: 'CLIPTextEncode',
      inputs: { text: input.negative_prompt, clip: plainClip },
      _meta: { title: 'Negative prompt' },
    },
    '6': {
      class_type: 'EmptyLatentImage',
      inputs: { width: input.width, height: input.height, batch_size: 1 },
    },
    '7': { class_type: 'VAEDecode', inputs: { samples: ['10', 3], vae } },
    '10': {
      class_type: 'KSampler (Efficient)',
      inputs: {
        model,
        positive: ['3', 0],
        negative: ['4', 0],
        latent_image: ['6', 0],
        seed: input.seed,
        steps: input.steps,
        cfg: input.cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: 1,
        preview_method: 'auto',
        // Node 7 decodes; decoded here the image would be shown as an output too.
        vae_decode: 'false',
      },
    },
  }
}

/** Everything behind the first picture, each part on the result of the one before. */
function finish(input: Input, sources: Sources): { graph: WorkflowGraph; image: Link } {
  const graph: Record<string, WorkflowGraph[string]> = {}
  let image: Link = ['7', 0]
  if (input.face_enhancement_enabled && input.face_denoise > 0) {
    graph['23'] = { class_type: 'UltralyticsDetectorProvider', inputs: { model_name: faceDetector } }
    graph['22'] = {
      class_type: 'FaceDetailer',
      inputs: {
        ...detail(input, sources, image),
        guide_size: input.face_resolution,
        max_size: Math.max(1024, input.face_resolution),
        denoise: input.face_denoise,
        bbox_threshold: input.face_detection_confidence,
        bbox_detector: ['23', 0],
      },
      _meta: { title: 'Faces' },
    }
    image = ['22', 0]
  }
  if (input.eye_enhancement_enabled && input.eye_denoise > 0) {
    graph['26'] = { class_type: 'UltralyticsDetectorProvider', inputs: { model_name: eyeDetector } }
    graph['27'] = { class_type: 'SAMLoader', inputs: { model_name: samModel, device_mode: 'AUTO' } }
    graph['25'] = {
      class_type: 'FaceDetailer',
      inputs: {
        ...detail(input, sources, image),
        guide_size: input.eye_resolution,
        max_size: Math.max(1024, input.eye_resolution),
        denoise: input.eye_denoise,
        bbox_threshold: 0.5,
        bbox_detector: ['26', 0],
        sam_model_opt: ['27', 0],
      },
      _meta: { title: 'Eyes' },
    }
    image = ['25', 0]
  }
  if (input.upscale_enabled) {
    graph['33'] = { class_type: 'UpscaleModelLoader', inputs: { model_name: input.upscale_model } }
    graph['34'] = { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['33', 0], image } }
    graph['36'] = {
      class_type: 'ImageScaleBy',
      inputs: { image: ['34', 0], upscale_method: 'lanczos', scale_by: input.upscale_factor },
    }
    image = ['36', 0]
  }
  if (input.digital_effects_enabled) {
    graph['44'] = {
      class_type: 'LowQualityDigitalLook',
      inputs: {
        image,
        preset: input.digital_effects_style,
        effect_level: input.digital_effects_intensity,
        seed: input.seed % maxUint32,
      },
    }
    image = ['44', 0]
  }
  if (input.film_grain_enabled) {
    graph['43'] = {
      class_type: 'ProPostFilmGrain',
      inputs: {
        image,
        gray_scale: false,
        grain_type: input.film_grain_type,
        grain_sat: 0.5,
        grain_power: input.film_grain_intensity,
        shadows: 0.2,
        highs: 0.2,
        scale: 1,
        sharpen: 0,
        src_gamma: 1,
        // The node counts seeds from 1.
        seed: Math.max(1, input.seed),
      },
    }
    image = ['43', 0]
  }
  return { graph, image }
}

function detail(input: Input, { model, clip, vae }: Sources, image: Link): Record<string, unknown> {
  return {
    image,
    model,
    clip,
    vae,
    positive: ['3', 0],
    negative: ['4', 0],
    guide_size_for: true,
    seed: input.seed,
    steps: 20,
    cfg: input.cfg,
    sampler_name: input.sampler_name,
    scheduler: input.scheduler,
    feather: 5,
    noise_mask: true,
    force_inpaint: true,
    bbox_dilation: 10,
    bbox_crop_factor: 3,
    sam_detection_hint: 'center-1',
    sam_dilation: 0,
    sam_threshold: 0.93,
    sam_bbox_expansion: 0,
    sam_mask_hint_threshold: 0.7,
    sam_mask_hint_use_negative: 'False',
    drop_size: 10,
    wildcard: '',
    cycle: 1,
    inpaint_model: false,
    noise_mask_feather: 20,
  }
}

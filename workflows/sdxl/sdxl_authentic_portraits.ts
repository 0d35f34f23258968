import { z } from 'zod'
import { defineWorkflow, model, sampler, scheduler, seed, type WorkflowGraph } from 'comfyui-api'
import { resizeMethods } from '../_shared/resize-methods.ts'
import { sdxlVae } from './_models.ts'
import { efficiencyNodes, impactPack, impactSubpack } from './_packs.ts'

type Link = readonly [string, number]

const checkpointName = 'HuslyoRealismXL.safetensors'
const upscaleModel = '4x-UltraSharp.pth'
const faceDetector = 'bbox/yolov11l-face.pt'
const samModel = 'sam_vit_l_0b3195.pth'

const RequestSchema = z.object({
  prompt: z.string().min(1).describe('What to draw'),
  negative_prompt: z
    .string()
    .default(
      'bad proportions, low resolution, bad, ugly, bad hands, bad teeth, terrible, painting, 3d, render, comic, anime, ' +
        'manga, unrealistic, flat, watermark, signature, worst quality, low quality, freckles, moled, spot on face',
    )
    .describe('What to keep out of the image'),
  width: z.int().min(512).max(2048).multipleOf(64).default(832).describe('Pixels before hires, a multiple of 64'),
  height: z.int().min(512).max(2048).multipleOf(64).default(1216).describe('Pixels before hires, a multiple of 64'),
  seed: seed(),
  steps: z.int().min(1).max(100).default(8).describe('Sampling steps; more take longer'),
  cfg_scale: z.number().min(1).max(20).default(1.5).describe('How closely the image follows the prompt'),
  sampler_name: sampler().default('dpmpp_sde').describe('Sampling algorithm'),
  scheduler: scheduler().default('karras').describe('How the noise is spread over the steps'),
  checkpoint_name: model('checkpoints').default(checkpointName).describe('Checkpoint of the SDXL family'),
  vae_name: z.string().default(sdxlVae.name).describe('VAE; empty: that of the checkpoint'),
  hires_enabled: z.boolean().default(true).describe('Enlarge the image and draw it again'),
  hires_upscale_model: model('upscale_models').default(upscaleModel).describe('Model that enlarges, mostly four times'),
  hires_upscale_method: z
    .enum([...resizeMethods, 'bislerp'])
    .default('nearest-exact')
    .describe('How the enlarged image is resized'),
  hires_scale_percent: z
    .int()
    .min(10)
    .max(200)
    .default(50)
    .describe('Of the enlarged size: with a model that enlarges four times 50 makes the image twice as large'),
  hires_denoise: z.number().min(0).max(1).default(0.3).describe('How much is drawn anew; 0 only enlarges'),
  hires_steps: z.int().min(1).max(100).default(8).describe('Sampling steps of hires'),
  hires_cfg: z.number().min(1).max(20).default(1.5).describe('How closely hires follows the prompt'),
  face_enhancement_enabled: z.boolean().default(true).describe('Draw faces again, with more detail'),
  face_detection_model: z.string().min(1).default(faceDetector).describe('Detector of faces'),
  face_sam_model: z.string().min(1).default(samModel).describe('SAM, which finds the outline of a face'),
  face_resolution: z
    .int()
    .min(256)
    .max(2048)
    .multipleOf(64)
    .default(1024)
    .describe('Size to draw a face at, in pixels'),
  face_detection_confidence: z.number().min(0.1).max(1).default(0.5).describe('How sure the detector must be'),
  face_denoise: z.number().min(0).max(1).default(0.3).describe('How much of a face is drawn anew; 0 leaves it'),
  face_steps: z.int().min(1).max(100).default(8).describe('Sampling steps of a face'),
  face_cfg: z.number().min(1).max(20).default(1.5).describe('How closely a face follows the prompt'),
  face_dilation: z.int().min(0).max(50).default(10).describe('Pixels to add around what was detected'),
  face_crop_factor: z.number().min(1).max(5).default(1.5).describe('How much around a face is drawn with it'),
  sam_threshold: z.number().min(0).max(1).default(0.93).describe('How sure SAM must be'),
  sam_dilation: z.int().min(0).max(50).default(0).describe('Pixels to add around what SAM found'),
  feather: z.int().min(0).max(100).default(20).describe('Pixels over which a face fades into the image'),
  noise_mask: z.boolean().default(true).describe('Put noise only on the face, not on what is around it'),
  force_inpaint: z.boolean().default(true).describe('Draw faces again that are large already'),
})

type Input = z.infer<typeof RequestSchema>

export default defineWorkflow({
  summary: 'SDXL portraits in three passes: draw, enlarge, faces',
  description: `Draws a portrait with SDXL, enlarges it and draws it again lightly (hires), then draws the faces again in detail. Hires and
faces can be switched off. The defaults suit a checkpoint that needs few steps.

The default checkpoint is HuslyoRealismXL from CivitAI; any other of the SDXL family works too. Without hires neither
Easy-Use nor the Efficiency Nodes are needed, without faces neither Impact Pack nor Subpack.`,

  RequestSchema,

  generateWorkflow: (input) => {
    const drawn = draw(input)
    const { graph, image } = finish(input, drawn.vae)
    return {
      ...drawn.graph,
      ...graph,
      '8': { class_type: 'SaveImage', inputs: { images: image, filename_prefix: 'SDXL_Authentic' } },
    }
  },

  outputs: { image: '8' },

  // Enlarging and drawing details again go on for long without a word.
  limits: { runTimeoutSeconds: 3600, stallTimeoutSeconds: 600 },

  examples: [
    { prompt: 'Portrait of a young woman with curly hair in a window seat, soft daylight' },
    {
      prompt: 'A baker behind the counter, candid photograph',
      hires_enabled: false,
      face_denoise: 0.4,
      width: 1024,
      height: 1024,
      seed: 42,
    },
  ],

  metadata: {
    requiredNodes: [
      {
        pack: 'comfyui-easy-use',
        url: 'https://github.com/yolain/ComfyUI-Easy-Use',
        classTypes: ['easy hiresFix'],
      },
      efficiencyNodes,
      { ...impactPack, classTypes: ['FaceDetailerPipe', 'SAMLoader', 'ToDetailerPipe'] },
      impactSubpack,
    ],
    requiredModels: [
      { name: checkpointName, directory: 'checkpoints' },
      sdxlVae,
      {
        name: upscaleModel,
        directory: 'upscale_models',
        url: `https://huggingface.co/Kim2091/UltraSharp/resolve/main/${upscaleModel}`,
        sha256: 'a5812231fc936b42af08a5edba784195495d303d5b3248c24489ef0c4021fe01',
      },
      {
        name: faceDetector,
        directory: 'ultralytics',
        url: 'https://github.com/YapaLab/yolo-face/releases/download/v0.0.0/yolov11l-face.pt',
      },
      { name: samModel, directory: 'sams', url: `https://dl.fbaipublicfiles.com/segment_anything/${samModel}` },
    ],
  },
})

function draw(input: Input): { graph: WorkflowGraph; vae: Link } {
  const hasVae = input.vae_name !== ''
  const vae: Link = hasVae ? ['9', 0] : ['10', 2]
  return {
    vae,
    graph: {
      '3': { class_type: 'VAEDecode', inputs: { samples: ['20', 0], vae } },
      ...(hasVae && { '9': { class_type: 'VAELoader', inputs: { vae_name: input.vae_name } } }),
      '10': { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: input.checkpoint_name } },
      '14': {
        class_type: 'CLIPTextEncode',
        inputs: { text: input.negative_prompt, clip: ['10', 1] },
        _meta: { title: 'Negative prompt' },
      },
      '17': {
        class_type: 'EmptyLatentImage',
        inputs: { width: input.width, height: input.height, batch_size: 1 },
      },
      '19': {
        class_type: 'CLIPTextEncode',
        inputs: { text: input.prompt, clip: ['10', 1] },
        _meta: { title: 'Positive prompt' },
      },
      '20': {
        class_type: 'KSampler',
        inputs: {
          model: ['10', 0],
          positive: ['19', 0],
          negative: ['14', 0],
          latent_image: ['17', 0],
          seed: input.seed,
          steps: input.steps,
          cfg: input.cfg_scale,
          sampler_name: input.sampler_name,
          scheduler: input.scheduler,
          denoise: 1,
        },
      },
    },
  }
}

/** Everything behind the first picture, each part on the result of the one before. */
function finish(input: Input, vae: Link): { graph: WorkflowGraph; image: Link } {
  const graph: Record<string, WorkflowGraph[string]> = {}
  let image: Link = ['3', 0]
  if (input.hires_enabled) {
    graph['11'] = {
      class_type: 'easy hiresFix',
      inputs: {
        image,
        vae,
        model_name: input.hires_upscale_model,
        rescale_after_model: true,
        rescale_method: input.hires_upscale_method,
        rescale: 'by percentage',
        percent: input.hires_scale_percent,
        width: 1024,
        height: 1024,
        longer_side: 1024,
        crop: 'disabled',
        // Shown, it would be an output beside the one that is saved.
        image_output: 'Hide',
        link_id: 0,
        save_prefix: 'hires',
      },
    }
    image = ['11', 1]
  }
  if (input.hires_enabled && input.hires_denoise > 0) {
    graph['13'] = {
      class_type: 'KSampler (Efficient)',
      inputs: {
        model: ['10', 0],
        positive: ['19', 0],
        negative: ['14', 0],
        latent_image: ['11', 2],
        seed: input.seed,
        steps: input.hires_steps,
        cfg: input.hires_cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.hires_denoise,
        preview_method: 'auto',
        // Node 16 decodes; decoded here the image would be shown as an output too.
        vae_decode: 'false',
      },
      _meta: { title: 'Hires' },
    }
    graph['16'] = { class_type: 'VAEDecode', inputs: { samples: ['13', 3], vae }, _meta: { title: 'Decode hires' } }
    image = ['16', 0]
  }
  if (input.face_enhancement_enabled && input.face_denoise > 0) {
    graph['5'] = { class_type: 'UltralyticsDetectorProvider', inputs: { model_name: input.face_detection_model } }
    graph['6'] = { class_type: 'SAMLoader', inputs: { model_name: input.face_sam_model, device_mode: 'AUTO' } }
    graph['4'] = {
      class_type: 'ToDetailerPipe',
      inputs: {
        model: ['10', 0],
        clip: ['10', 1],
        vae,
        positive: ['19', 0],
        negative: ['14', 0],
        bbox_detector: ['5', 0],
        wildcard: '',
        'Select to add LoRA': 'Select the LoRA to add to the text',
        'Select to add Wildcard': 'Select the Wildcard to add to the text',
        sam_model_opt: ['6', 0],
      },
    }
    graph['15'] = {
      class_type: 'FaceDetailerPipe',
      inputs: {
        image,
        detailer_pipe: ['4', 0],
        guide_size: input.face_resolution,
        guide_size_for: true,
        max_size: Math.max(1024, input.face_resolution),
        seed: input.seed,
        steps: input.face_steps,
        cfg: input.face_cfg,
        sampler_name: input.sampler_name,
        scheduler: input.scheduler,
        denoise: input.face_denoise,
        feather: input.feather,
        noise_mask: input.noise_mask,
        force_inpaint: input.force_inpaint,
        bbox_threshold: input.face_detection_confidence,
        bbox_dilation: input.face_dilation,
        bbox_crop_factor: input.face_crop_factor,
        sam_detection_hint: 'center-1',
        sam_dilation: input.sam_dilation,
        sam_threshold: input.sam_threshold,
        sam_bbox_expansion: 0,
        sam_mask_hint_threshold: 0.7,
        sam_mask_hint_use_negative: 'False',
        drop_size: 10,
        refiner_ratio: 0.2,
        cycle: 1,
        inpaint_model: false,
        noise_mask_feather: 20,
      },
      _meta: { title: 'Faces' },
    }
    image = ['15', 0]
  }
  return { graph, image }
}
